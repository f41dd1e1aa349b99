"""The administrator of a switch sends in every network it carries."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M091",
    name="switch_to_network",
    function=True,
    title="The administrator of a switch sends in every network it carries",
    gives="packets in each VLAN of the switch, or management datagrams into its InfiniBand fabric; no shell on hosts",
    rules=(
        Rule(
            start=(At("switch", "admin"),),
            to=At("net", "send"),
            facts=(Atom("on_fabric", "switch", "net", {"role": "switch"}),),
            kinds={"switch": ("switch",)},
        ),
    ),
    minutes=Minutes(1, 10, "estimate: one configuration command, or infiniband-diags on the switch"),
    why="Port 0 of a managed InfiniBand switch sends management datagrams like any host; an Ethernet switch puts any port into any VLAN that it carries.",
    end="Take the management of switches out of reach: own network, own accounts, no shared passwords.",
    attack=("T1557",),
)
