"""A role that may get secrets guesses their names."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M022",
    name="token_bruteforce",
    title="A role that may get secrets guesses their names",
    gives="the secrets of the scope",
    rules=(
        Rule(
            start=(At("role", "use"),),
            to=At("scope", "read"),
            facts=(
                Atom("permits", "role", Is("get secrets")),
                Atom("scoped_to", "role", "scope"),
            ),
        ),
    ),
    minutes=Minutes(
        30,
        10080,
        "estimate: names are mostly readable in manifests; the five random characters of a token's take days of requests",
    ),
    why="get returns the secret whole to who knows its name, and names are written in manifests, or short enough to be tried.",
    end="Bind get to the names that are needed (resourceNames).",
    aka=("TOKEN_BRUTEFORCE",),
    attack=(
        "T1528",
        "T1552.007",
    ),
)
