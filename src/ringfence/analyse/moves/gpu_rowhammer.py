"""Bits are flipped in memory that two jobs share."""

from ringfence.analyse.rule import At, Atom, Differ, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M080",
    name="gpu_rowhammer",
    title="Bits are flipped in memory that two jobs share",
    gives="damage to the other job's values, in places not freely chosen; no reading and no code",
    rules=(
        Rule(
            start=(At("mine", "code"),),
            to=At("gpu", "write"),
            facts=(
                Atom("uses_gpu", "mine", "gpu"),
                Atom("uses_gpu", "theirs", "gpu"),
                Atom("setting", "gpu", Is("memory_type=gddr6")),
                Atom("setting", "gpu", Is("ecc=off")),
            ),
            unless=(Differ("mine", "theirs"),),
        ),
    ),
    minutes=Minutes(60, 1440, "estimate: rows have to be found first; published on one GDDR6 model"),
    why="Hammering rows of GDDR6 flips bits of neighbouring rows; with ECC off nothing corrects them, and one flipped exponent ruins a model.",
    end="nvidia-smi -e 1: ECC on costs some memory and speed; one tenant per accelerator.",
    attack=("T1565",),
    atlas=("AML.T0031",),
)
