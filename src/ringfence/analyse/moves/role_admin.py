"""A role that may do everything owns the account."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M134",
    name="role_admin",
    title="A role that may do everything owns the account",
    gives="the account with all that is in it",
    rules=(
        Rule(
            start=(At("role", "use"),),
            to=At("account", "admin"),
            facts=(Atom("permits", "role", Is("* *")), Atom("scoped_to", "role", "account")),
        ),
    ),
    minutes=Minutes(1, 10, "estimate: any call at all"),
    why="A policy that allows every action on every resource is the account.",
    end="Reserve it for a break-glass role without machines; set a permissions boundary for the rest.",
    attack=("T1078.004",),
)
