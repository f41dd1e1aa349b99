"""Whoever controls a pod controls its containers."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M007",
    name="container_attach",
    function=True,
    title="Whoever controls a pod controls its containers",
    gives="code in each container of the pod",
    rules=(
        Rule(
            start=(At("pod", "code"),),
            to=At("container", "code"),
            facts=(
                Atom("part_of", "container", "pod"),
                Atom("runs_on", "container", "host"),
            ),
            kinds={"pod": ("pod",), "container": ("container",)},
        ),
    ),
    minutes=Minutes(0, 1, "estimate: the pod's containers are listed with it"),
    why="A pod is its containers: exec, attach and patch name one of them.",
    end="End what gives the pod.",
    aka=("CONTAINER_ATTACH",),
    attack=("T1609",),
)
