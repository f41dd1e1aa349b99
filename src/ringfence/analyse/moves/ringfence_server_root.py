"""The superuser of Ringfence's host holds Ringfence."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M140",
    name="ringfence_server_root",
    function=True,
    title="The superuser of Ringfence's host holds Ringfence",
    gives="its database, its orders and its silence",
    rules=(
        Rule(
            start=(At("host", "root"),),
            to=At("server", "admin"),
            facts=(
                Atom("runs_on", "server", "host"),
                Atom("service_kind", "server", Is("ringfence")),
            ),
        ),
    ),
    minutes=Minutes(1, 30, "estimate: read the key that the server itself uses"),
    why="Whoever is root where the server runs has its memory, its database and its keys.",
    end="Give the server a host of its own in the management zone, its signing key a hardware module; let nothing else log in there.",
    attack=("T1552.004", "T1078"),
)
