"""Ordinary accounts send no management datagrams."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

OPEN = Atom("device_open", "it", Is("umad"))
PORT = Atom("has_port", "it", "port", {"port": (1, 2, 3, 4)})
INFINIBAND = Atom("on_fabric", "port", "fabric", {"link_layer": "InfiniBand"})

CHECK = Check(
    id="RF-F06",
    name="umad_closed",
    title="Ordinary accounts send no management datagrams",
    layer=Layer.FABRIC,
    each=(When((PORT, INFINIBAND), kinds={"it": ("host",)}), When((OPEN,))),
    fails=(
        When(
            (OPEN, PORT, INFINIBAND),
            "a management device is open to others (/dev/infiniband/umad or issm)",
            opens=("fabric#send",),
        ),
        When((OPEN,), "a management device is open to others", opens=()),
    ),
    rests=(asked_of("devices", complete=True),),
    why="The device that monitoring opens to read counters sends Set as well as Get: with default keys that is "
    "the fabric.",
    remedy="A udev rule with mode 0600 for umad and issm; monitoring through a service of its own.",
    weight=7,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("AC-6",), attack=("T1046",), d3fend=("D3-LFP",)),
    source="rdma-core's udev rules for management devices",
)
