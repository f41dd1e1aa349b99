"""Code acts as the identity that it runs with.

A container whose token is not mounted has no identity to assume. A node's root has the kubelet's identity,
which is drawn where a binding gives system:node:<name> or the group system:nodes something: what the node
authoriser alone gives concerns the node's own pods, and its root has that already.
"""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M013",
    name="identity_assume",
    function=True,
    title="Code acts as the identity that it runs with",
    gives="the service account of a container, or the kubelet's identity of a node",
    rules=(
        Rule(
            start=(At("container", "code"),),
            to=At("identity", "use"),
            facts=(
                Atom("runs_as", "container", "identity"),
                Atom("part_of", "container", "pod"),
            ),
        ),
        Rule(
            start=(At("host", "root"),),
            to=At("identity", "use"),
            facts=(Atom("acts_as", "host", "identity", {"bound": True}),),
        ),
    ),
    minutes=Minutes(0, 2, "estimate: the token or the key lies in a file"),
    why="The token is mounted into the container, the kubelet's key lies on its node.",
    end="automountServiceAccountToken: false where the API is not called; nothing beyond the node authoriser bound to system:nodes.",
    aka=("IDENTITY_ASSUME",),
    attack=(
        "T1528",
        "T1078.004",
    ),
)
