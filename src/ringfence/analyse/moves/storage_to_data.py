"""Whoever reads or changes a whole file system has the data on it."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M111",
    name="storage_to_data",
    function=True,
    title="Whoever reads or changes a whole file system has the data on it",
    gives="the bytes of the data",
    rules=(
        Rule(
            start=(At("storage", "read"),),
            to=At("data", "read"),
            facts=(Atom("stored_on", "data", "storage"),),
        ),
        Rule(
            start=(At("storage", "write"),),
            to=At("data", "write"),
            facts=(Atom("stored_on", "data", "storage"),),
        ),
    ),
    minutes=Minutes(0, 2, "estimate: one copy command, the transfer itself not counted"),
    why="Rights over the file system are rights over each file in it.",
    end="Keep weights on storage of their own, and sealed.",
    attack=("T1005",),
    atlas=("AML.T0035",),
)
