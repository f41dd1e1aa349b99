"""A container acts on its neighbours in a pod that shares one process list.

Root over all neighbours, another user over those with the same user number.
"""

from ringfence.analyse.rule import At, Atom, Differ, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M021",
    name="share_ps_namespace",
    title="A container acts on its neighbours in a pod that shares one process list",
    gives="code in the other containers of the pod",
    rules=(
        Rule(
            start=(At("container", "code"),),
            to=At("other", "code"),
            facts=(
                Atom("runs_with", "container", Is("share_pid")),
                Atom("runs_with", "container", Is("root")),
                Atom("part_of", "container", "pod"),
                Atom("part_of", "other", "pod"),
                Atom("runs_with", "other", Is("share_pid")),
            ),
            unless=(Differ("container", "other"),),
            kinds={"pod": ("pod",)},
        ),
        Rule(
            start=(At("container", "code"),),
            to=At("other", "code"),
            facts=(
                Atom("labelled", "container", "user", {"shared": True}),
                Atom("part_of", "container", "pod"),
                Atom("part_of", "other", "pod"),
                Atom("labelled", "other", "user", {"shared": True}),
            ),
            unless=(Differ("container", "other"),),
            kinds={"pod": ("pod",)},
        ),
    ),
    minutes=Minutes(1, 10, "estimate: their files lie under /proc"),
    why="In one process namespace root, or the same user, reaches a neighbour's memory and root folder through /proc.",
    end="shareProcessNamespace: false, or a different user number for each container.",
    aka=("SHARE_PS_NAMESPACE",),
    attack=("T1055",),
)
