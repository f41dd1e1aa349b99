"""A role acts as other identities, by impersonation or by asking for their tokens.

A group is impersonated together with a user only, so groups alone give nothing; both together give
system:masters. A token asked for (serviceaccounts/token) is the same gain by another door.
"""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M014",
    name="identity_impersonate",
    title="A role acts as other identities, by impersonation or by asking for their tokens",
    gives="another identity",
    rules=(
        Rule(
            start=(At("role", "use"),),
            to=At("scope", "impersonate"),
            facts=(
                Atom("permits", "role", Is("impersonate serviceaccounts")),
                Atom("scoped_to", "role", "scope"),
            ),
        ),
        Rule(
            start=(At("role", "use"),),
            to=At("scope", "impersonate"),
            facts=(
                Atom("permits", "role", Is("create serviceaccounts/token")),
                Atom("scoped_to", "role", "scope"),
            ),
        ),
        Rule(
            start=(At("role", "use"),),
            to=At("cluster", "use"),
            facts=(
                Atom("permits", "role", Is("impersonate users")),
                Atom("scoped_to", "role", "cluster"),
            ),
            kinds={"cluster": ("cluster",)},
        ),
        Rule(
            start=(At("namespace", "impersonate"),),
            to=At("identity", "use"),
            facts=(
                Atom("setting", "namespace", Is("grants=impersonate")),
                Atom("in_namespace", "identity", "namespace"),
                Atom("labelled", "identity", Is("subject=ServiceAccount")),
            ),
        ),
        Rule(
            start=(At("cluster", "impersonate"),),
            to=At("identity", "use"),
            facts=(
                Atom("setting", "cluster", Is("grants=impersonate")),
                Atom("in_cluster", "namespace", "cluster"),
                Atom("in_namespace", "identity", "namespace"),
                Atom("labelled", "identity", Is("subject=ServiceAccount")),
            ),
        ),
        Rule(
            start=(At("cluster", "use"),),
            to=At("identity", "use"),
            facts=(
                Atom("setting", "cluster", Is("grants=impersonate users")),
                Atom("in_cluster", "identity", "cluster"),
                Atom("labelled", "identity", Is("subject=User")),
            ),
        ),
        Rule(
            start=(At("role", "use"),),
            to=At("identity", "use"),
            facts=(
                Atom(
                    "permits_on",
                    "role",
                    "identity",
                    {
                        "permission": (
                            "impersonate serviceaccounts",
                            "impersonate users",
                            "create serviceaccounts/token",
                        )
                    },
                ),
                Atom("scoped_to", "role", "scope"),
            ),
        ),
        Rule(
            start=(At("role", "use"),),
            to=At("cluster", "admin"),
            facts=(
                Atom("permits", "role", Is("impersonate groups")),
                Atom("permits", "role", Is("impersonate users")),
                Atom("scoped_to", "role", "cluster"),
            ),
            kinds={"cluster": ("cluster",)},
        ),
        Rule(
            start=(At("role", "use"),),
            to=At("cluster", "admin"),
            facts=(
                Atom("permits", "role", Is("impersonate groups")),
                Atom("permits", "role", Is("impersonate serviceaccounts")),
                Atom("scoped_to", "role", "cluster"),
            ),
            kinds={"cluster": ("cluster",)},
        ),
    ),
    minutes=Minutes(1, 5, "estimate: one more option on each request"),
    why="The API server takes the caller's word for who he is if he may impersonate; with groups as well, for system:masters, which no rule limits.",
    end="Take the verb away, or bind it to names (resourceNames).",
    aka=("IDENTITY_IMPERSONATE",),
    attack=(
        "T1078.004",
        "T1550.001",
    ),
)
