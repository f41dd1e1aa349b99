"""An identity uses the permissions that are bound to it."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M015",
    name="permission_discover",
    function=True,
    title="An identity uses the permissions that are bound to it",
    gives="the permissions of the role",
    rules=(
        Rule(
            start=(At("identity", "use"),),
            to=At("role", "use"),
            facts=(
                Atom("holds_role", "identity", "role"),
                Atom("scoped_to", "role", "scope"),
            ),
            kinds={"identity": ("identity",)},
        ),
        Rule(
            start=(At("role", "use"),),
            to=At("scope", "admin"),
            facts=(
                Atom("permits", "role", Is("* *")),
                Atom("scoped_to", "role", "scope"),
            ),
        ),
    ),
    minutes=Minutes(0, 2, "estimate: one request lists one's own permissions"),
    why="RBAC asks only who calls. A role with every verb on every resource is the administration of its scope.",
    end="Unbind the role, or narrow it to what is used.",
    aka=("PERMISSION_DISCOVER",),
    attack=(
        "T1069",
        "T1613",
    ),
)
