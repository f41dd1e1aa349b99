"""Faults of access lists on leaf switches, and of encryption between hosts."""

import msgspec

from ringfence.segment.compile import roce, xfrm
from ringfence.segment.compile.roce import compile_nvue
from tests.segment.faults.cluster import eth, hosts
from tests.segment.faults.fault import Fault, edited, inside, joining, leaving, lost, misread, mistook, more

RED, BLUE = "red/train", "blue/train"


def _every_list(change):
    return inside(roce, "_permitted", lambda real: lambda *args: change(real(*args)))


def _apart(scene):
    policy = joining(BLUE, "roce", *eth(1))(scene.policy)
    return compile_nvue(policy, scene.inventory, {"blue": "apart"})


def _cabled_otherwise(world):
    turn = {
        "leaf2/swp6": "leaf2/swp9",
        "leaf2/swp9": "leaf2/swp6",
        "leaf1/swp1": "leaf1/swp4",
        "leaf1/swp4": "leaf1/swp1",
    }
    return msgspec.structs.replace(world, known_as={port: turn.get(at, at) for port, at in world.known_as.items()})


NVUE = (
    Fault("what is not permitted is permitted", "leak", (RED, BLUE), edited('"deny": {}', '"permit": {}')),
    Fault("a network is too wide", "leak", (RED, BLUE), edited('"dest-ip": "10.2.0.1/32"', '"dest-ip": "10.2.0.0/24"')),
    Fault("a peer is missing", "break", (RED, RED), misread(leaving(RED, "roce", *eth(3)))),
    Fault("a peer of another tenant", "leak", (RED, BLUE), misread(joining(RED, "roce", *eth(6)))),
    Fault("another port than RoCE's", "leak", (RED, BLUE), inside(roce, "PORT", lambda _: "4792")),
    Fault("another protocol", "leak", (RED, BLUE), edited('"protocol": "udp"', '"protocol": "tcp"')),
    Fault("the list stands before what goes out", "leak", (RED, BLUE), edited('"inbound"', '"outbound"')),
    Fault("the denial comes first", "break", (RED, RED), inside(roce, "DENY_AT", lambda _: 0)),
    Fault(
        "a list stands before no interface",
        "leak",
        (RED, BLUE),
        edited('"swp1": {\n     "acl"', '"swp1": {\n     "lca"'),
    ),
    Fault("lists are those of other ports", "break", (RED, RED), mistook(_cabled_otherwise)),
    Fault("a port is in another tenant's VRF", "break", (RED, RED), _apart),
    Fault("a switch loads nothing", "leak", (RED, BLUE), lost("leaf1")),
    Fault("two tenants are joined", "leak", (RED, BLUE), misread(more(RED, BLUE, "roce"))),
    Fault("version 6 has no list", "leak", (RED, BLUE), _every_list(lambda nets: {4: nets[4]} if nets else nets)),
)

SONIC = (
    Fault("what is not permitted is forwarded", "leak", (BLUE, RED), edited('"DROP"', '"FORWARD"')),
    Fault(
        "the denial's priority is the highest", "break", (BLUE, BLUE), edited('"PRIORITY": "1"', '"PRIORITY": "900"')
    ),
    Fault("the list stands at the way out", "leak", (BLUE, RED), edited('"ingress"', '"egress"')),
    Fault("a network is too wide", "leak", (BLUE, RED), edited('"10.2.0.6/31"', '"10.2.0.0/24"')),
    Fault("a peer is missing", "break", (BLUE, BLUE), misread(leaving(BLUE, "roce", *eth(7)))),
    Fault("another protocol", "leak", (BLUE, RED), edited('"IP_PROTOCOL": "17"', '"IP_PROTOCOL": "6"')),
    Fault("another port than RoCE's", "leak", (BLUE, RED), inside(roce, "PORT", lambda _: "4792")),
    Fault("permitted peers are dropped", "break", (BLUE, BLUE), edited('"FORWARD"', '"DROP"')),
    Fault("a list stands before no interface", "leak", (BLUE, RED), edited('"swp6"', '"swp66"')),
    Fault("lists are those of other ports", "leak", ("idle", BLUE), mistook(_cabled_otherwise)),
    Fault("a switch loads nothing", "leak", (BLUE, RED), lost("leaf2")),
)

XFRM = (
    Fault(
        "a policy for what goes out is missing",
        "leak",
        (RED, RED),
        edited("src 10.0.0.1 dst 10.0.0.2 dir out", "src 10.0.0.1 dst 10.0.0.99 dir out"),
    ),
    Fault(
        "the receiver demands nothing",
        "leak",
        (RED, RED),
        edited("dir in offload packet dev eth0 tmpl", "dir fwd offload packet dev eth0 tmpl"),
    ),
    Fault(
        "a state is missing",
        "break",
        (RED, RED),
        edited("xfrm state add src 10.0.0.1 dst 10.0.0.2", "# ", "xfrm/gpu1/states"),
    ),
    Fault("the ends have different numbers", "break", (RED, RED), edited(" spi 0x", " spi 0x1", "xfrm/gpu2/states")),
    Fault("the ends have different keys", "break", (RED, RED), edited("/keys/", "/keys/old/", "xfrm/gpu2/states")),
    Fault("a gang's host is left out", "leak", (RED, RED), misread(leaving(RED, "ip", *hosts(2)))),
    Fault("encryption with whom nobody meant", "break", (RED, BLUE), misread(more(RED, BLUE, "ip"))),
    Fault(
        "the other end's address is another",
        "leak",
        (RED, RED),
        inside(xfrm, "_policies", lambda real: lambda here, there, device: real(here, "10.0.0.77", device)),
    ),
    Fault("a host loads nothing", "leak", (RED, RED), lost("host:gpu1")),
)
