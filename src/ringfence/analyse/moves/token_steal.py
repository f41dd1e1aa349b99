"""A token is taken out of a volume or a secret."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M024",
    name="token_steal",
    title="A token or a secret is taken from where it is kept or mounted",
    gives="the service account's identity, or the secret itself",
    rules=(
        Rule(
            start=(At("storage", "read"),),
            to=At("identity", "use"),
            facts=(
                Atom("shares_volume", "container", "storage", {"content": "token"}),
                Atom("runs_as", "container", "identity"),
            ),
        ),
        Rule(
            start=(At("namespace", "read"),),
            to=At("credential", "use"),
            facts=(
                Atom("setting", "namespace", Is("grants=read secrets")),
                Atom("stores_credential", "namespace", "credential"),
            ),
        ),
        Rule(
            start=(At("cluster", "read"),),
            to=At("credential", "use"),
            facts=(
                Atom("setting", "cluster", Is("grants=read secrets")),
                Atom("in_cluster", "namespace", "cluster"),
                Atom("stores_credential", "namespace", "credential"),
            ),
        ),
        Rule(
            start=(At("role", "use"),),
            to=At("credential", "use"),
            facts=(
                Atom("permits_on", "role", "credential", {"permission": ("get secrets", "list secrets")}),
                Atom("scoped_to", "role", "scope"),
            ),
        ),
        Rule(
            start=(At("container", "code"),),
            to=At("credential", "use"),
            facts=(Atom("stores_credential", "container", "credential"),),
            kinds={"container": ("container",)},
        ),
    ),
    minutes=Minutes(0, 2, "estimate: one file or one answer copied"),
    why="A token is a bearer token: who has the bytes is the account, until it expires or is revoked.",
    end="Do not mount tokens that are not used; bind get of secrets to names.",
    aka=("TOKEN_STEAL",),
    attack=(
        "T1528",
        "T1552.007",
    ),
)
