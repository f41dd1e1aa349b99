"""A container uses the volumes mounted into it.

Tokens, claims and volumes of drivers. Mounted folders of a file server keep their own rules (the storage
moves), folders of the host theirs (EXPLOIT_HOST_*).
"""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M026",
    name="volume_discover",
    function=True,
    title="A container uses the volumes mounted into it",
    gives="the volume's files",
    rules=(
        Rule(
            start=(At("container", "code"),),
            to=At("storage", "read"),
            facts=(Atom("shares_volume", "container", "storage", {"content": ("token", "data")}),),
        ),
        Rule(
            start=(At("container", "code"),),
            to=At("storage", "write"),
            facts=(Atom("shares_volume", "container", "storage", {"content": "data", "mode": "rw"}),),
        ),
    ),
    minutes=Minutes(0, 1, "estimate: listing the mounts"),
    why="What is mounted is a folder like any other.",
    end="Mount only what is used, read-only where nothing is written.",
    aka=("VOLUME_DISCOVER",),
    attack=(
        "T1083",
        "T1613",
    ),
)
