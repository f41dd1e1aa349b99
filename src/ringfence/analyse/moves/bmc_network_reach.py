"""Traffic on a network reaches the controllers attached to it, and theirs reaches it."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M121",
    name="bmc_network_reach",
    function=True,
    title="Traffic on a network reaches the controllers attached to it, and theirs reaches it",
    gives="a connection to the controller, or from it",
    rules=(
        Rule(
            start=(At("network", "send"),),
            to=At("bmc", "connect"),
            facts=(Atom("attached_to", "bmc", "network"), Atom("managed_by", "host", "bmc")),
            kinds={"bmc": ("bmc",)},
        ),
        Rule(
            start=(At("bmc", "admin"),),
            to=At("network", "send"),
            facts=(Atom("attached_to", "bmc", "network"), Atom("managed_by", "host", "bmc")),
            kinds={"bmc": ("bmc",)},
        ),
    ),
    minutes=Minutes(0, 2, "estimate: one connection"),
    why="Controllers listen for web, IPMI and remote consoles on every address they have.",
    end="A management network of its own that no job, login or tenant network routes to; one controller may not reach another.",
    attack=("T1021",),
)
