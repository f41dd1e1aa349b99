"""A role runs commands in pods.

pods/exec by create or, over a websocket, by get; or nodes/proxy, which speaks to the kubelet directly.
namespace#code and cluster#code mean: code in every pod there.
"""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M018",
    name="pod_exec",
    title="A role runs commands in pods",
    gives="code in every pod of the scope",
    rules=(
        Rule(
            start=(At("role", "use"),),
            to=At("scope", "code"),
            facts=(
                Atom("permits", "role", Is("create pods/exec")),
                Atom("scoped_to", "role", "scope"),
            ),
        ),
        Rule(
            start=(At("role", "use"),),
            to=At("scope", "code"),
            facts=(
                Atom("permits", "role", Is("use nodes/proxy")),
                Atom("scoped_to", "role", "scope"),
            ),
        ),
        Rule(
            start=(At("scope", "admin"),),
            to=At("scope", "code"),
            facts=(Atom("setting", "scope", Is("grants=* *")),),
        ),
        Rule(
            start=(At("namespace", "code"),),
            to=At("pod", "code"),
            facts=(
                Atom("setting", "namespace", Is("grants=create pods/exec")),
                Atom("in_namespace", "pod", "namespace"),
                Atom("runs_on", "pod", "host"),
            ),
            kinds={"pod": ("pod",)},
        ),
        Rule(
            start=(At("cluster", "code"),),
            to=At("pod", "code"),
            facts=(
                Atom("setting", "cluster", Is("grants=create pods/exec")),
                Atom("in_cluster", "namespace", "cluster"),
                Atom("in_namespace", "pod", "namespace"),
                Atom("runs_on", "pod", "host"),
            ),
            kinds={"pod": ("pod",)},
        ),
        Rule(
            start=(At("role", "use"),),
            to=At("pod", "code"),
            facts=(
                Atom("permits_on", "role", "pod", {"permission": "create pods/exec"}),
                Atom("runs_on", "pod", "host"),
            ),
        ),
    ),
    minutes=Minutes(0, 2, "estimate: one command, kubectl exec"),
    why="The API server passes the session on to the node's kubelet, which starts the command in the container.",
    end="Take pods/exec and nodes/proxy away, or bind exec to named pods.",
    aka=("POD_EXEC",),
    attack=("T1609",),
)
