"""What was read leaves the cluster."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule
from ringfence.estate.kinds import OUTSIDE

MOVE = Move(
    id="RF-M119",
    name="weight_theft",
    function=True,
    title="What was read leaves the cluster",
    gives="a copy of the data outside",
    rules=(
        Rule(
            start=(At("data", "read"), At(Is(OUTSIDE), "send")),
            to=At("data", "stolen"),
            facts=(Atom("stored_on", "data", "storage"),),
            kinds={"data": ("model", "dataset", "checkpoint")},
        ),
        Rule(
            start=(At("data", "read"), At(Is(OUTSIDE), "send")),
            to=At("data", "stolen"),
            facts=(Atom("pulled_from", "data", "registry"),),
            kinds={"data": ("model", "dataset", "checkpoint")},
        ),
    ),
    minutes=Minutes(
        1, 1440, "estimate: the transfer; size divided by the way's bandwidth says it exactly where both are known"
    ),
    why="Reading and a way out suffice; tools look for the break-in, while a slow upload looks like work.",
    end="Give compute networks no way out but a proxy that knows destinations and counts bytes per job.",
    attack=("T1567", "T1048"),
    atlas=("AML.T0025",),
)
