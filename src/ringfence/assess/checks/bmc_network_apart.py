"""Controllers stand in a network of their own."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When, asked_of

NET = Atom("attached_to", "it", "net")
JOBS = Like("access|compute")
"""Zones in which users have code running."""

CHECK = Check(
    id="RF-B02",
    name="bmc_network_apart",
    title="No login or compute network reaches the controllers",
    layer=Layer.PERIMETER,
    each=(When((Atom("managed_by", "host", "it"),)), When((NET,), kinds={"it": ("bmc",)})),
    fails=(
        When(
            (NET, Atom("attached_to", "host", "net"), Atom("in_zone", "host", JOBS)),
            "hosts that run users' code are attached to its network",
            kinds={"host": ("host",)},
        ),
        When((NET, Atom("in_zone", "net", JOBS)), "its network lies in the zone of logins or of computing"),
        When(
            (NET, Atom("routes_to", "from", "net"), Atom("in_zone", "from", JOBS)),
            "a network of logins or of computing is routed to its own",
        ),
        When(
            (
                NET,
                Atom("routes_to", "from", "net"),
                Atom("attached_to", "host", "from"),
                Atom("in_zone", "host", JOBS),
            ),
            "traffic of hosts that run users' code is routed to its network",
            kinds={"host": ("host",)},
        ),
    ),
    rests=(
        asked_of("redfish"),
        When((NET, Atom("in_zone", "net", Is("management"))), "its network is one for management"),
    ),
    why="Controllers listen for web, IPMI and consoles on every address they have, and the machine obeys them.",
    remedy="A management network that no job, login or tenant network routes to, and private ports between "
    "controllers.",
    opens=("connect",),
    weight=7,
    refs=Refs(attack=("T1021",)),
    source="NIST SP 800-223, the management zone",
)
