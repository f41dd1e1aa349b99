"""Whoever may run commands in an account is root on its machines.

cluster#root means root on any machine of the account: the hub between roles and machines.
"""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M137",
    name="commands_to_instances",
    function=True,
    title="Whoever may run commands in an account is root on its machines",
    gives="a shell as root on each machine whose agent takes commands",
    rules=(
        Rule(
            start=(At("account", "root"),),
            to=At("host", "root"),
            facts=(
                Atom("in_cluster", "host", "account"),
                Atom("holds_role", "host", "profile"),
                Atom("setting", "profile", Is("trusts=ec2")),
            ),
            kinds={"host": ("host",)},
        ),
    ),
    minutes=Minutes(1, 5, "estimate: one command sent to an instance id"),
    why="The agent that fetches commands runs as root; it answers on every machine that has an instance profile.",
    end="Give machines that need no such agent no profile that lets it register; remove the agent from training nodes.",
    attack=("T1059",),
)
