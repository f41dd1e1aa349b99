"""A limited member of a partition reaches its full members."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M088",
    name="pkey_limited",
    function=True,
    title="A limited member of a partition reaches its full members",
    gives="packets to full members (storage, managers), not to other limited ones",
    rules=(
        Rule(
            start=(At("port", "send"),),
            to=At("pkey", "relay"),
            facts=(Atom("in_pkey", "port", "pkey", {"membership": "limited"}),),
        ),
    ),
    minutes=Minutes(0, 1, "estimate: only the index of the key is needed"),
    why="Limited members are kept from one another, not from the full members that all of them share.",
    end="Keep the list of full members short; each of them is reachable from every limited member.",
)
