"""Code acts as the identity that it runs with.

A container whose token is not mounted has no identity to assume. A node's root has the kubelet's identity,
which is drawn where a binding gives system:node:<name> or the group system:nodes something: what the node
authoriser alone gives concerns the node's own pods, and its root has that already. Where a binding gives
system:anonymous or system:unauthenticated something, whoever reaches the API is that identity: every
container, every node's accounts, whoever connects to a kube-api service.
"""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M013",
    name="identity_assume",
    function=True,
    title="Code acts as the identity that it runs with",
    gives="the service account of a container, the kubelet's identity of a node, or what callers without a credential may do",
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
        Rule(
            start=(At("container", "code"),),
            to=At("identity", "use"),
            facts=(
                Atom("labelled", "identity", Is("subject=anonymous")),
                Atom("in_cluster", "identity", "cluster"),
                Atom("in_cluster", "namespace", "cluster"),
                Atom("in_namespace", "pod", "namespace"),
                Atom("part_of", "container", "pod"),
            ),
            kinds={"container": ("container",), "identity": ("identity",), "pod": ("pod",)},
        ),
        Rule(
            start=(At("host", "user"),),
            to=At("identity", "use"),
            facts=(
                Atom("labelled", "identity", Is("subject=anonymous")),
                Atom("in_cluster", "identity", "cluster"),
                Atom("in_cluster", "host", "cluster"),
            ),
            kinds={"host": ("host",), "identity": ("identity",)},
        ),
        Rule(
            start=(At("service", "connect"),),
            to=At("identity", "use"),
            facts=(
                Atom("labelled", "identity", Is("subject=anonymous")),
                Atom("in_cluster", "identity", "cluster"),
                Atom("in_cluster", "service", "cluster"),
                Atom("service_kind", "service", Is("kube-api")),
            ),
            kinds={"service": ("service",), "identity": ("identity",)},
        ),
        Rule(
            start=(At("service", "connect"),),
            to=At("identity", "use"),
            facts=(
                Atom("labelled", "identity", Is("subject=anonymous")),
                Atom("in_cluster", "identity", "cluster"),
                Atom("in_cluster", "host", "cluster"),
                Atom("runs_on", "service", "host"),
                Atom("service_kind", "service", Is("kube-api")),
            ),
            kinds={"service": ("service",), "identity": ("identity",), "host": ("host",)},
        ),
    ),
    minutes=Minutes(0, 2, "estimate: the token or the key lies in a file"),
    why="The token is mounted into the container, the kubelet's key lies on its node; the API server takes a request without a credential as system:anonymous.",
    end="automountServiceAccountToken: false where the API is not called; nothing beyond the node authoriser bound to system:nodes; nothing bound to system:anonymous or system:unauthenticated.",
    aka=("IDENTITY_ASSUME",),
    attack=(
        "T1528",
        "T1078.004",
    ),
)
