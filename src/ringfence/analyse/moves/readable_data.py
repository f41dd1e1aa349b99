"""An account reads data whose mode lets it."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M108",
    name="readable_data",
    function=True,
    title="An account reads data whose mode lets it",
    gives="the bytes of the data",
    rules=(
        Rule(
            start=(At("account", "use"), At("storage", "mount")),
            to=At("data", "read"),
            facts=(Atom("readable_by", "data", "account"), Atom("stored_on", "data", "storage")),
        ),
    ),
    minutes=Minutes(0, 2, "estimate: one copy command, the transfer itself not counted"),
    why="Owner or group may read the folder, and a client of the storage is at hand.",
    end="Give weights and checkpoints an owner of their own, mode 0700, read by the training and serving identities only.",
    attack=("T1005",),
    atlas=("AML.T0035",),
)
