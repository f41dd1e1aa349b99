"""A role binds another role to itself, or widens its own.

Two permissions of one identity at once: to write bindings, and to bind the kind of role bound. ClusterRoles
may be bound by either kind of binding, Roles by a RoleBinding only, which is why clusterrolebindings with
bind on roles gives nothing. cluster-admin bound in every namespace, kube-system among them, counts as
administering the cluster.
"""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M020",
    name="role_bind",
    title="A role binds another role to itself, or widens its own",
    gives="the administration of the scope, or every Role in it",
    rules=(
        Rule(
            start=(At("role", "use"),),
            to=At("cluster", "admin"),
            facts=(
                Atom("permits", "role", Is("create clusterrolebindings")),
                Atom("permits", "role", Is("bind clusterroles")),
                Atom("scoped_to", "role", "cluster"),
            ),
            kinds={"cluster": ("cluster",)},
        ),
        Rule(
            start=(At("role", "use"),),
            to=At("scope", "admin"),
            facts=(
                Atom("permits", "role", Is("create rolebindings")),
                Atom("permits", "role", Is("bind clusterroles")),
                Atom("scoped_to", "role", "scope"),
            ),
        ),
        Rule(
            start=(At("role", "use"),),
            to=At("hub", "use"),
            facts=(
                Atom("permits", "role", Is("create rolebindings")),
                Atom("permits", "role", Is("bind roles")),
                Atom("scoped_to", "role", "scope"),
                Atom("scoped_to", "hub", "scope"),
                Atom("labelled", "hub", Is("set=every Role")),
            ),
        ),
        Rule(
            start=(At("hub", "use"),),
            to=At("role", "use"),
            facts=(
                Atom("labelled", "hub", Is("set=every Role")),
                Atom("assumes", "hub", "role"),
            ),
        ),
        Rule(
            start=(At("role", "use"),),
            to=At("other", "use"),
            facts=(
                Atom("permits_on", "role", "other", {"permission": ("bind clusterroles", "bind roles")}),
                Atom("permits", "role", Is("create rolebindings")),
                Atom("scoped_to", "role", "scope"),
            ),
        ),
        Rule(
            start=(At("role", "use"),),
            to=At("other", "use"),
            facts=(
                Atom("permits_on", "role", "other", {"permission": "bind clusterroles"}),
                Atom("permits", "role", Is("create clusterrolebindings")),
                Atom("scoped_to", "role", "cluster"),
            ),
            kinds={"cluster": ("cluster",)},
        ),
        Rule(
            start=(At("role", "use"),),
            to=At("scope", "admin"),
            facts=(
                Atom("permits", "role", Is("update roles")),
                Atom("permits", "role", Is("escalate roles")),
                Atom("scoped_to", "role", "scope"),
            ),
        ),
        Rule(
            start=(At("role", "use"),),
            to=At("cluster", "admin"),
            facts=(
                Atom("permits", "role", Is("update clusterroles")),
                Atom("permits", "role", Is("escalate clusterroles")),
                Atom("scoped_to", "role", "cluster"),
            ),
            kinds={"cluster": ("cluster",)},
        ),
    ),
    minutes=Minutes(1, 5, "estimate: one binding created"),
    why="RBAC stops people from granting what they do not have, except through the verbs bind and escalate, which exist to lift that stop.",
    end="Take bind and escalate away, or bind them to harmless role names.",
    aka=("ROLE_BIND",),
    attack=("T1098",),
)
