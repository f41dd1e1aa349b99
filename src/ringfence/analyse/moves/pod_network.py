"""A container sends on the networks of its pod."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M028",
    name="pod_network",
    function=True,
    title="A container sends on the networks of its pod",
    gives="traffic on the pod network, or on the node's where the pod shares it",
    rules=(
        Rule(
            start=(At("container", "code"),),
            to=At("network", "send"),
            facts=(
                Atom("part_of", "container", "pod"),
                Atom("attached_to", "pod", "network"),
            ),
            kinds={"pod": ("pod",)},
        ),
    ),
    minutes=Minutes(0, 1, "estimate: any program that opens a socket"),
    why="Pods reach one another by default; a secondary network (SR-IOV, InfiniBand) is one more interface in the pod.",
    end="hostNetwork: false, a NetworkPolicy for each namespace, secondary networks only where they are used.",
)
