"""Traffic leaves for the internet."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule
from ringfence.estate.kinds import OUTSIDE

MOVE = Move(
    id="RF-M129",
    name="egress",
    function=True,
    title="Traffic leaves for the internet",
    gives="a way out for data, and a way in for commands",
    rules=(
        Rule(
            start=(At("host", "user"),),
            to=At(Is(OUTSIDE), "send"),
            facts=(Atom("reaches_outside", "host", Is(OUTSIDE)),),
            kinds={"host": ("host", "workstation")},
        ),
        Rule(
            start=(At("network", "send"),),
            to=At(Is(OUTSIDE), "send"),
            facts=(Atom("reaches_outside", "network", Is(OUTSIDE)),),
            kinds={"network": ("network",)},
        ),
        Rule(
            start=(At("work", "code"),),
            to=At(Is(OUTSIDE), "send"),
            facts=(Atom("reaches_outside", "work", Is(OUTSIDE)),),
            kinds={"work": ("job", "pod", "container")},
        ),
        Rule(
            start=(At("container", "code"),),
            to=At(Is(OUTSIDE), "send"),
            facts=(Atom("runs_on", "container", "host"), Atom("reaches_outside", "host", Is(OUTSIDE))),
            kinds={"container": ("container",), "host": ("host",)},
        ),
    ),
    minutes=Minutes(0, 1, "estimate: one outgoing connection"),
    why="A default route, a gateway or a NAT lets ordinary accounts connect outwards; what a pod sends there leaves as its node.",
    end="No default route on compute nodes; one proxy that knows the destinations; for pods a NetworkPolicy for what goes out.",
    attack=("T1048",),
)
