"""A role that creates pods chooses their privileges, their node and their account.

Creating or changing any workload that makes pods counts (Deployments, Jobs, Kubeflow, Ray, JobSet …). A
namespace that enforces a pod security level admits no privileged pod; whoever may create pods in every
namespace finds one that does not. cluster#root means root on any node of the cluster.
"""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M017",
    name="pod_create",
    title="A role that creates pods chooses their privileges, their node and their account",
    gives="root on the nodes where privileged pods are admitted; any service account and any secret of the namespace",
    rules=(
        Rule(
            start=(At("role", "use"),),
            to=At("scope", "submit"),
            facts=(
                Atom("permits", "role", Is("create pods")),
                Atom("scoped_to", "role", "scope"),
            ),
        ),
        Rule(
            start=(At("scope", "admin"),),
            to=At("scope", "submit"),
            facts=(Atom("setting", "scope", Is("grants=* *")),),
        ),
        Rule(
            start=(At("namespace", "submit"),),
            to=At("cluster", "root"),
            facts=(
                Atom("setting", "namespace", Is("grants=create pods")),
                Atom("setting", "namespace", Is("pod-security=privileged")),
                Atom("in_cluster", "namespace", "cluster"),
            ),
        ),
        Rule(
            start=(At("cluster", "submit"),),
            to=At("cluster", "root"),
            facts=(
                Atom("setting", "cluster", Is("grants=create pods")),
                Atom("setting", "cluster", Is("grants=privileged pods")),
            ),
        ),
        Rule(
            start=(At("cluster", "root"),),
            to=At("host", "root"),
            facts=(
                Atom("setting", "cluster", Is("grants=privileged pods")),
                Atom("in_cluster", "host", "cluster"),
                Atom("acts_as", "host", "kubelet"),
            ),
        ),
        Rule(
            start=(At("namespace", "submit"),),
            to=At("identity", "use"),
            facts=(
                Atom("setting", "namespace", Is("grants=create pods")),
                Atom("in_namespace", "identity", "namespace"),
                Atom("labelled", "identity", Is("subject=ServiceAccount")),
            ),
        ),
        Rule(
            start=(At("cluster", "submit"),),
            to=At("identity", "use"),
            facts=(
                Atom("setting", "cluster", Is("grants=create pods")),
                Atom("in_cluster", "namespace", "cluster"),
                Atom("in_namespace", "identity", "namespace"),
                Atom("labelled", "identity", Is("subject=ServiceAccount")),
            ),
        ),
        Rule(
            start=(At("namespace", "submit"),),
            to=At("credential", "use"),
            facts=(
                Atom("setting", "namespace", Is("grants=create pods")),
                Atom("stores_credential", "namespace", "credential"),
            ),
            kinds={"namespace": ("namespace",)},
        ),
        Rule(
            start=(At("cluster", "submit"),),
            to=At("credential", "use"),
            facts=(
                Atom("setting", "cluster", Is("grants=create pods")),
                Atom("in_cluster", "namespace", "cluster"),
                Atom("stores_credential", "namespace", "credential"),
            ),
            kinds={"namespace": ("namespace",)},
        ),
    ),
    minutes=Minutes(1, 5, "estimate: one manifest applied, one image pulled"),
    why="A pod's author sets privileged, hostPID, hostPath, nodeName and serviceAccountName, and mounts secrets by name; only admission stands between him and the node.",
    end="Enforce the baseline or restricted pod security level in the namespace, or take the permission away. Workload controllers create pods for whoever creates them.",
    aka=("POD_CREATE",),
    attack=("T1611",),
)
