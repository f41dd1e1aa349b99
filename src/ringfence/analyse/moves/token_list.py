"""A role lists secrets and reads them with it.

Which identities follow depends on which token secrets there are: TOKEN_STEAL goes on from here. Clusters
since 1.24 make none by themselves.
"""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M023",
    name="token_list",
    title="A role lists secrets and reads them with it",
    gives="the secrets of the scope, tokens of service accounts among them",
    rules=(
        Rule(
            start=(At("role", "use"),),
            to=At("scope", "read"),
            facts=(
                Atom("permits", "role", Is("list secrets")),
                Atom("scoped_to", "role", "scope"),
            ),
        ),
        Rule(
            start=(At("scope", "admin"),),
            to=At("scope", "read"),
            facts=(Atom("setting", "scope", Is("grants=* *")),),
        ),
    ),
    minutes=Minutes(0, 2, "estimate: one request"),
    why="A list of secrets carries their contents; so does a watch.",
    end="Take list and watch of secrets away; a workload gets the one it needs by name.",
    aka=("TOKEN_LIST",),
    attack=(
        "T1528",
        "T1552.007",
    ),
)
