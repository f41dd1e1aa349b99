"""A role or account becomes the role that trusts it."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M132",
    name="role_assumes_role",
    function=True,
    title="A role or account becomes the role that trusts it",
    gives="the other role",
    rules=(
        Rule(
            start=(At("who", "use"),),
            to=At("role", "use"),
            facts=(Atom("assumes", "who", "role"), Atom("setting", "role", Is("cloud=aws"))),
        ),
    ),
    minutes=Minutes(1, 5, "estimate: one request"),
    why="The trust policy names the caller; accounts named whole let every principal in them try.",
    end="Trust single roles, with an external id or the organisation as condition.",
    attack=("T1550", "T1078.004"),
)
