"""A role runs commands on instances, or starts one with a better role."""

from ringfence.analyse.rule import At, Atom, Differ, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M133",
    name="role_to_instances",
    title="A role runs commands on instances, or starts one with a better role",
    gives="commands as root on the account's machines, or another role",
    rules=(
        Rule(
            start=(At("role", "use"),),
            to=At("account", "root"),
            facts=(
                Atom("permits", "role", Is("ssm:SendCommand *")),
                Atom("scoped_to", "role", "account"),
            ),
        ),
        Rule(
            start=(At("role", "use"),),
            to=At("better", "use"),
            facts=(
                Atom("permits", "role", Is("ec2:RunInstances+iam:PassRole *")),
                Atom("scoped_to", "role", "account"),
                Atom("scoped_to", "better", "account"),
                Atom("setting", "better", Is("trusts=ec2")),
            ),
            unless=(Differ("role", "better"),),
        ),
    ),
    minutes=Minutes(2, 15, "estimate: one command, or the start of one instance"),
    why="The agent that runs commands is root; and whoever may pass any role to a new machine may be any role that machines can have.",
    end="Limit ssm:SendCommand to documents and tags, iam:PassRole to named roles.",
    attack=("T1078.004", "T1059"),
)
