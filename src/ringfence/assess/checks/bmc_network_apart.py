"""Controllers stand in a network of their own."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When, asked_of

CONTROLLER = (Atom("attached_to", "bmc", "it"), Atom("managed_by", "managed", "bmc"))
JOBS = Like("access|compute")
"""Zones in which users have code running."""

CHECK = Check(
    id="RF-B02",
    name="bmc_network_apart",
    title="No login or compute network reaches the controllers",
    layer=Layer.PERIMETER,
    each=(When(CONTROLLER),),
    fails=(
        When(
            (Atom("attached_to", "host", "it"), Atom("in_zone", "host", JOBS)),
            "controllers share it with hosts that run users' code",
            kinds={"host": ("host",)},
        ),
        When((Atom("in_zone", "it", JOBS),), "it lies in the zone of logins or of computing"),
        When(
            (Atom("routes_to", "from", "it"), Atom("in_zone", "from", JOBS)),
            "a network of logins or of computing is routed to it",
        ),
        When(
            (Atom("routes_to", "from", "it"), Atom("attached_to", "host", "from"), Atom("in_zone", "host", JOBS)),
            "traffic of hosts that run users' code is routed to it",
            kinds={"host": ("host",)},
        ),
    ),
    rests=(
        asked_of("redfish", "bmc", CONTROLLER),
        When((Atom("in_zone", "it", Is("management")),), "the network is one for management"),
    ),
    why="Controllers listen for web, IPMI and consoles on every address they have, and the machine obeys them.",
    remedy="A management network that no job, login or tenant network routes to, and private ports between "
    "controllers.",
    opens=("send",),
    weight=7,
    refs=Refs(nist=("SC-7",), attack=("T1021",), d3fend=("D3-NI",)),
    source="NIST SP 800-223, the management zone",
)
