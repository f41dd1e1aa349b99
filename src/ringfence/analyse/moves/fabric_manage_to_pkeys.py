"""Whoever manages the fabric is a full member of every partition."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M095",
    name="fabric_manage_to_pkeys",
    function=True,
    title="Whoever manages the fabric is a full member of every partition",
    gives="packets to every member of every partition",
    rules=(
        Rule(
            start=(At("fabric", "manage"),),
            to=At("pkey", "send"),
            facts=(Atom("part_of", "pkey", "fabric", {"kind": "pkey"}),),
        ),
    ),
    minutes=Minutes(1, 5, "estimate: one write to a partition table"),
    why="The manager writes the partition tables; it can add any port it holds to any partition.",
    end="Read the tables back regularly and compare them with what was meant; alarm on a change of master.",
    attack=("T1557",),
)
