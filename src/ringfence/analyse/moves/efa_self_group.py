"""Members of a group that EFA needs open reach one another on every port."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M135",
    name="efa_self_group",
    function=True,
    title="Members of a group that EFA needs open reach one another on every port",
    gives="every listening service of every member",
    rules=(
        Rule(
            start=(At("group", "send"),),
            to=At("inside", "send"),
            facts=(Atom("setting", "group", Is("self=all")), Atom("part_of", "inside", "group")),
            kinds={"group": ("network",)},
        ),
    ),
    minutes=Minutes(0, 2, "estimate: one connection"),
    why="EFA demands that the group lets in all traffic from itself, and a rule for a device cannot be told from one for TCP: one node reaches all.",
    end="One group per tenant and gang, a second network interface without EFA for everything else, host firewalls between members.",
    attack=("T1021",),
)
