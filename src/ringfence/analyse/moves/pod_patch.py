"""A role changes the image of running pods, or adds a debugging container."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M019",
    name="pod_patch",
    title="A role changes the image of running pods, or adds a debugging container",
    gives="code in every pod of the scope, with its rights",
    rules=(
        Rule(
            start=(At("role", "use"),),
            to=At("scope", "write"),
            facts=(
                Atom("permits", "role", Is("patch pods")),
                Atom("scoped_to", "role", "scope"),
            ),
        ),
        Rule(
            start=(At("namespace", "write"),),
            to=At("pod", "code"),
            facts=(
                Atom("setting", "namespace", Is("grants=patch pods")),
                Atom("in_namespace", "pod", "namespace"),
                Atom("runs_on", "pod", "host"),
            ),
            kinds={"pod": ("pod",)},
        ),
        Rule(
            start=(At("cluster", "write"),),
            to=At("pod", "code"),
            facts=(
                Atom("setting", "cluster", Is("grants=patch pods")),
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
                Atom("permits_on", "role", "pod", {"permission": "patch pods"}),
                Atom("runs_on", "pod", "host"),
            ),
        ),
    ),
    minutes=Minutes(1, 5, "estimate: one patch, one image pulled, one restart of the container"),
    why="A running pod's image may be changed in place, and an ephemeral container joins it: both run with its account, volumes and privileges.",
    end="Take patch and update of pods and of pods/ephemeralcontainers away; admit only signed images.",
    aka=("POD_PATCH",),
    attack=("T1609",),
)
