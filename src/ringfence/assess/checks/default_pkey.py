"""Hosts are limited members of the default partition."""

from ringfence.analyse.rule import Atom, Like
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

DEFAULT = Like("network:ib/.{1,200}/0x7fff")
PORT = (Atom("has_port", "host", "it", {"port": (1, 2, 3, 4)}), Atom("has_gpu", "host", "gpu"))
FABRIC = (Atom("on_fabric", "it", "fabric", {"link_layer": "InfiniBand"}),)

CHECK = Check(
    id="RF-F01",
    name="default_pkey",
    title="Compute hosts are limited members of the default partition",
    layer=Layer.FABRIC,
    each=(When((*PORT, *FABRIC)),),
    fails=(When((Atom("in_pkey", "it", DEFAULT, {"membership": "full"}),), "a full member of partition 0x7fff"),),
    rests=(
        asked_of("pkeys", "fabric", FABRIC),
        When((Atom("in_pkey", "it", DEFAULT, {"membership": "limited"}),), "its membership there is limited"),
    ),
    why="Where everyone is a full member of the default partition the whole fabric is one network, whatever other "
    "partitions there are.",
    remedy="partitions.conf: Default=0x7fff, ipoib : ALL=limited, ALL_SWITCHES=full, SELF=full; full for storage and "
    "managers only.",
    weight=7,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("AC-4", "SC-7"), d3fend=("D3-BDI",)),
    source="NVIDIA's InfiniBand security guide, partitions",
)
