"""The same secret serves in two places."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M144",
    name="shared_secret",
    title="The same secret serves in two places",
    gives="the second door with the first key",
    rules=(
        Rule(start=(At("one", "use"),), to=At("other", "use"), facts=(Atom("same_secret", "one", "other"),)),
        Rule(start=(At("other", "use"),), to=At("one", "use"), facts=(Atom("same_secret", "one", "other"),)),
    ),
    minutes=Minutes(0, 5, "estimate: the same bytes, tried once more"),
    why="Equal salted hashes mean equal secrets: a key copied between clusters or hosts opens both.",
    end="Give each place a secret of its own.",
    attack=("T1078", "T1552"),
    atlas=("AML.T0055",),
)
