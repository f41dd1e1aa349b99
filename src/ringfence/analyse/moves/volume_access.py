"""Root of a node reads the volumes mounted on it."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M025",
    name="volume_access",
    function=True,
    title="Root of a node uses the volumes mounted on it",
    gives="the volumes of all pods on the node",
    rules=(
        Rule(
            start=(At("host", "root"),),
            to=At("storage", "read"),
            facts=(
                Atom("runs_on", "container", "host"),
                Atom("shares_volume", "container", "storage", {"content": ("token", "data")}),
            ),
        ),
        Rule(
            start=(At("host", "root"),),
            to=At("storage", "write"),
            facts=(
                Atom("runs_on", "container", "host"),
                Atom("shares_volume", "container", "storage", {"content": "data", "mode": "rw"}),
            ),
        ),
    ),
    minutes=Minutes(0, 5, "estimate: they are mounted below the kubelet's folder"),
    why="A volume is mounted on the node before it is in the container.",
    end="Keep what must not meet on different nodes.",
    aka=("VOLUME_ACCESS",),
    attack=(
        "T1005",
        "T1083",
    ),
)
