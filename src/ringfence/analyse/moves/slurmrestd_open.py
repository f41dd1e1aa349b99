"""A REST service takes orders without asking who calls."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M063",
    name="slurmrestd_open",
    title="A REST service takes orders without asking who calls",
    gives="jobs as the account whose token the service holds; where that is SlurmUser, the scheduler",
    rules=(
        Rule(
            start=(At("service", "connect"),),
            to=At("account", "use"),
            facts=(
                Atom("service_kind", "service", Is("slurmrestd")),
                Atom("authenticates", "service", Is("none")),
                Atom("runs_as", "service", "account"),
            ),
        ),
    ),
    minutes=Minutes(1, 10, "estimate: one POST to job/submit"),
    why="A proxy before slurmrestd that adds a token for every caller, or a daemon bound to TCP with a user's own credential, makes its account everyone's.",
    end="rest_auth/jwt with a token of each caller's own; slurmrestd on a Unix socket or loopback; never as SlurmUser or root.",
    attack=("T1190", "T1078"),
    atlas=("AML.T0049",),
)
