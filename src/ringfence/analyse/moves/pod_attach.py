"""Root of a node controls the pods on it."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M016",
    name="pod_attach",
    function=True,
    title="Root of a node controls the pods on it",
    gives="code in every pod on the node",
    rules=(
        Rule(
            start=(At("host", "root"),),
            to=At("pod", "code"),
            facts=(
                Atom("runs_on", "pod", "host"),
                Atom("in_namespace", "pod", "namespace"),
            ),
            kinds={"pod": ("pod",)},
        ),
    ),
    minutes=Minutes(0, 2, "estimate: one command to the runtime"),
    why="Containers are processes of the host, and its runtime obeys its root.",
    end="Nothing ends this on a shared node: keep what must not meet on different nodes.",
    aka=("POD_ATTACH",),
    attack=("T1609",),
)
