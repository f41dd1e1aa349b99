"""A RoCE port reaches only its peers."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

VLAN = Atom("on_fabric", "it", "vlan", {"link_layer": "Ethernet"})
SWITCH = (Atom("cabled_to", "it", "far"), Atom("has_port", "switch", "far"))

CHECK = Check(
    id="RF-F07",
    name="roce_filtered",
    title="The switch filters what a RoCE port may reach",
    layer=Layer.FABRIC,
    each=(
        When((Atom("on_fabric", "it", "vlan", {"link_layer": "Ethernet"}),), kinds={"it": ("ibport",)}),
        When(
            (Atom("has_port", "host", "it"), *SWITCH, Atom("on_fabric", "switch", "vlan", {"link_layer": "Ethernet"})),
            kinds={"host": ("host",)},
        ),
        When((Atom("asked", "it", Is("switch-config")),), kinds={"it": ("ibport",)}),
    ),
    fails=(
        When(
            (Atom("on_fabric", "it", "vlan", {"link_layer": "Ethernet", "filtered": False}),),
            "its switch port carries the VLAN without a filter",
            opens=("vlan#send",),
        ),
    ),
    rests=(
        asked_of("switch-config", "switch", SWITCH),
        When(
            (VLAN, Atom("on_fabric", "it", "vlan", {"link_layer": "Ethernet", "filtered": True})),
            "its switch port has a filter for each VLAN",
            every=1,
        ),
    ),
    why="RoCE leaves the host below its firewall: without a filter on the switch all ports of a VLAN reach one "
    "another, whatever job they work for.",
    remedy="A VLAN or VRF per tenant with an access list on every host port.",
    weight=6,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("AC-4", "SC-7"), attack=("T1040",), d3fend=("D3-NTF",)),
    source="the switches' own configuration guides, access lists of bridged ports",
)
