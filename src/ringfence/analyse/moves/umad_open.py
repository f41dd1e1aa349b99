"""An ordinary account sends management datagrams."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

# only a host's ports have a port number of a device: a switch's are numbered otherwise
MOVE = Move(
    id="RF-M092",
    name="umad_open",
    title="An ordinary account sends management datagrams",
    gives="management datagrams (MADs) into the fabric: topology and, where keys are the default ones, much more",
    rules=(
        Rule(
            start=(At("host", "user"),),
            to=At("fabric", "send"),
            facts=(
                Atom("device_open", "host", Is("umad"), hole="devices"),
                Atom("has_port", "host", "port", {"port": (1, 2, 3, 4)}),
                Atom("on_fabric", "port", "fabric", {"link_layer": "InfiniBand"}),
            ),
        ),
    ),
    minutes=Minutes(1, 5, "estimate: infiniband-diags run as they are"),
    why="/dev/infiniband/umad* is open to others than root, so that monitoring needs no privilege; the same device sends Set as well as Get.",
    end="Mode 0600 for umad and issm; monitoring through a service of its own.",
    attack=("T1046",),
)
