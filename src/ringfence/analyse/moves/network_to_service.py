"""Whoever sends on a network connects to what listens there."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M033",
    name="network_to_service",
    function=True,
    title="Whoever sends on a network connects to what listens there",
    gives="a connection; not yet a right",
    rules=(
        Rule(
            start=(At("network", "send"),),
            to=At("service", "connect"),
            facts=(Atom("listens_on", "service", "network"),),
        ),
        Rule(
            start=(At("host", "user"),),
            to=At("service", "connect"),
            facts=(
                Atom("runs_on", "service", "host"),
                Atom("service_kind", "service", "kind"),
            ),
        ),
    ),
    minutes=Minutes(0, 5, "estimate: a port scan and one connection"),
    why="A service that listens on an address is open to everyone who can send there, and to every account of its own host.",
    end="Bind it to the loopback address or a Unix socket, or let only its own clients through the filter.",
    attack=("T1046",),
)
