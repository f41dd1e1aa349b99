"""RoCE ports without a filter share one VLAN."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M097",
    name="roce_flat",
    title="RoCE ports without a filter share one VLAN",
    gives="packets to every RDMA and IP endpoint of the VLAN; no shell anywhere",
    rules=(
        Rule(
            start=(At("port", "send"),),
            to=At("vlan", "send"),
            facts=(Atom("on_fabric", "port", "vlan", {"link_layer": "Ethernet", "filtered": False}),),
            kinds={"port": ("ibport",)},
        ),
    ),
    minutes=Minutes(0, 1, "estimate: any packet"),
    why="RoCE leaves the host below its firewall; where the switch port has no filter, all ports of a VLAN reach one another, whatever job they work for.",
    end="A VLAN or VRF per tenant, or a filter on every port that admits only the peers of its job.",
    attack=("T1040",),
)
