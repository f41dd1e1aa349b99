"""The superuser of a host sends from its fabric ports."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

# only a host's ports have a port number of a device: a switch's are numbered otherwise
MOVE = Move(
    id="RF-M085",
    name="root_to_ibport",
    function=True,
    title="The superuser of a host sends from its fabric ports",
    gives="packets from this port, and management datagrams into its fabric; no shell anywhere",
    rules=(
        Rule(
            start=(At("host", "root"),),
            to=At("port", "send"),
            facts=(Atom("has_port", "host", "port", {"port": (1, 2, 3, 4)}),),
            kinds={"host": ("host",)},
        ),
        Rule(
            start=(At("host", "root"),),
            to=At("fabric", "send"),
            facts=(
                Atom("has_port", "host", "port", {"port": (1, 2, 3, 4)}),
                Atom("on_fabric", "port", "fabric", {"link_layer": "InfiniBand"}),
            ),
            kinds={"host": ("host",)},
        ),
    ),
    minutes=Minutes(0, 1, "estimate: the device is there and needs no further right"),
    why="Root may open every queue pair and /dev/infiniband/umad of its own adapters; the adapter, not the kernel, puts the packets on the wire, so no host firewall sees them.",
    end="Give hosts that must not talk on the fabric no port there; hold ports to their partitions and set an M_Key, so that what root sends is refused elsewhere.",
)
