"""Code on an instance takes the instance's role from the metadata service."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M130",
    name="instance_metadata",
    title="Code on an instance takes the instance's role from the metadata service",
    gives="the role, from anywhere until its keys expire",
    rules=(
        Rule(
            start=(At("host", "user"),),
            to=At("role", "use"),
            facts=(Atom("holds_role", "host", "role"), Atom("setting", "host", Is("imds=on"))),
            kinds={"host": ("host",)},
        ),
        Rule(
            start=(At("work", "code"),),
            to=At("role", "use"),
            facts=(
                Atom("runs_on", "work", "host"),
                Atom("holds_role", "host", "role"),
                Atom("setting", "host", Is("imds=containers")),
            ),
        ),
    ),
    minutes=Minutes(1, 5, "estimate: two requests to one address"),
    why="The metadata service answers every process of the instance, containers too unless version 2 with a hop limit of 1 keeps them out.",
    end="Give nodes a role that may do nothing; hand rights to jobs by workload identity; require version 2 with hop limit 1 and block the address for jobs.",
    aka=("IMDS credential theft",),
    attack=("T1552", "T1078.004"),
)
