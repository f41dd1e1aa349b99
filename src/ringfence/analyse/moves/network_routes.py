"""Traffic passes from one network to the next."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M032",
    name="network_routes",
    function=True,
    title="Traffic passes from one network to the next",
    gives="traffic into the next network",
    rules=(
        Rule(start=(At("near", "send"),), to=At("far", "send"), facts=(Atom("routes_to", "near", "far"),)),
        Rule(
            start=(At("near", "send"),),
            to=At(Is("network:routed"), "send"),
            facts=(Atom("setting", "near", Is("routed=everywhere"), hole="routing"),),
            kinds={"near": ("network",)},
        ),
        Rule(
            start=(At(Is("network:routed"), "send"),),
            to=At("far", "send"),
            facts=(Atom("setting", "far", Is("routed=everywhere"), hole="routing"),),
            kinds={"far": ("network",)},
        ),
    ),
    minutes=Minutes(0, 1, "estimate: a router forwards without being asked"),
    why="A route carries whatever no filter stops. Where the rules of a gateway were not captured, what it forwards is unknown, and shown so.",
    end="Filter between the networks; capture the rules of the gateway so that the answer is known.",
    attack=("T1090",),
)
