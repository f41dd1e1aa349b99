"""An account changes data whose mode lets it."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule
from ringfence.estate.kinds import EVERYONE

MOVE = Move(
    id="RF-M110",
    name="writable_data",
    function=True,
    title="An account changes data whose mode lets it",
    gives="the bytes, and what is made from them",
    rules=(
        Rule(
            start=(At("account", "use"), At("storage", "mount")),
            to=At("data", "write"),
            facts=(Atom("writable_by", "data", "account"), Atom("stored_on", "data", "storage")),
        ),
        Rule(
            start=(At("storage", "mount"),),
            to=At("data", "write"),
            facts=(Atom("writable_by", "data", Is(EVERYONE)), Atom("stored_on", "data", "storage")),
        ),
    ),
    minutes=Minutes(0, 5, "estimate: one command"),
    why="Owner, group or world may write the files, or may put others in their place because the folder is theirs to change.",
    end="Datasets belong to the account that ingests them and are read-only to all others; checkpoints to the training identity.",
    attack=("T1565",),
    atlas=("AML.T0020",),
)
