"""A full member of a partition reaches all of its members."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M087",
    name="pkey_full",
    function=True,
    title="A full member of a partition reaches all of its members",
    gives="packets to every member of the partition; what listens there must still be broken",
    rules=(
        Rule(
            start=(At("port", "send"),),
            to=At("pkey", "send"),
            facts=(Atom("in_pkey", "port", "pkey", {"membership": "full"}),),
        ),
        Rule(
            start=(At("port", "send"),),
            to=At("pkey", "relay"),
            facts=(Atom("in_pkey", "port", "pkey", {"membership": "full"}),),
        ),
    ),
    minutes=Minutes(0, 1, "estimate: only the index of the key is needed"),
    why="A full member may exchange packets with full and limited members alike. Where everyone holds 0xffff the whole fabric is one network.",
    end="One partition per job or tenant, everyone else limited in the default key, storage and managers full.",
)
