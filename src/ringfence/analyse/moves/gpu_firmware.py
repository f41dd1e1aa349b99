"""Changed firmware runs on every accelerator that loads it."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M082",
    name="gpu_firmware",
    title="Changed firmware runs on every accelerator that loads it",
    gives="the accelerator itself: its page tables, its links, its memory",
    rules=(
        Rule(
            start=(At("firmware", "write"),),
            to=At("gpu", "admin"),
            facts=(
                Atom("has_gpu", "host", "gpu"),
                Atom("runs_firmware", "gpu", "firmware"),
            ),
        ),
    ),
    minutes=Minutes(
        60, 10080, "estimate: the image must be signed or its check be broken, then wait for the next update"
    ),
    why="Firmware decides what the accelerator may address; accelerators of one product in one version all run the same image.",
    end="Verify firmware hashes against reference manifests by attestation, and stage updates.",
    attack=("T1542",),
    atlas=("AML.T0010.000",),
)
