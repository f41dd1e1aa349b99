"""An account on a client of a file system uses what is mounted there."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M100",
    name="mount_as_client",
    function=True,
    title="An account on a client of a file system uses what is mounted there",
    gives="a client's place on the storage: what file modes then allow",
    rules=(
        Rule(
            start=(At("host", "user"),),
            to=At("storage", "mount"),
            facts=(Atom("mounts", "host", "storage"),),
            kinds={"host": ("host", "workstation")},
        ),
    ),
    minutes=Minutes(0, 1, "estimate: the folder is already there"),
    why="A mounted file system is open to every account of the host; only owners and modes still stand between it and the data.",
    end="Mount a file system only where its data is used, and per job rather than per host.",
    attack=("T1083",),
)
