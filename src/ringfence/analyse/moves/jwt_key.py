"""The key that signs scheduler tokens makes any token."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M064",
    name="jwt_key",
    function=True,
    title="The key that signs scheduler tokens makes any token",
    gives="the scheduler as any account, SlurmUser included, wherever slurmctld or slurmrestd can be reached",
    rules=(
        Rule(
            start=(At("credential", "use"),),
            to=At("cluster", "admin"),
            facts=(
                Atom("setting", "credential", Is("purpose=jwt")),
                Atom("in_cluster", "credential", "cluster"),
                Atom("setting", "cluster", Is("AuthAltTypes=auth/jwt")),
            ),
            kinds={"credential": ("credential",)},
        ),
    ),
    minutes=Minutes(2, 15, "estimate: sign one token with a common library"),
    why="auth/jwt believes the user name in every token that jwt_hs256.key signed.",
    end="The key at 0600 of SlurmUser on controller and database hosts only; tokens from an identity provider (jwks) instead of a shared key; AuthAltTypes without auth/jwt where nobody uses it.",
    attack=("T1552.004", "T1606"),
)
