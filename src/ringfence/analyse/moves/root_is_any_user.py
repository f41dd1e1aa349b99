"""The superuser of a host is any of its accounts."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M030",
    name="root_is_any_user",
    function=True,
    title="The superuser of a host is any of its accounts",
    gives="code as any account of the host",
    rules=(
        Rule(
            start=(At("host", "root"),),
            to=At("host", "user"),
            facts=(Atom("asked", "host", Is("users")),),
            kinds={"host": ("host", "workstation")},
        ),
    ),
    minutes=Minutes(0, 1, "estimate: one command, su or setuid"),
    why="The superuser may change to any account without a password; this is what the superuser is for.",
    end="It cannot be ended; keep what only accounts hold (tickets, mounted homes) off hosts whose superuser is not trusted.",
    attack=("T1548",),
)
