"""Access lists on leaves let RDMA through to those it is meant for, and the proof reads them by direction."""

import json
import random

import pytest

from ringfence.segment.compile import WRITERS
from ringfence.segment.compile.roce import compile_nvue, compile_sonic
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Compiled, Policy
from ringfence.wire.ibnet import acl, nos
from tests.segment.policies import damaged, fence, proven, some

PORTS = tuple(f"ibport:{at}" for at in range(8))
WORLD = {
    "addresses": {
        port: (f"10.0.{at % 2}.{at + 1}",) + ((f"fd00::{at}",) if at % 3 == 0 else ()) for at, port in enumerate(PORTS)
    },
    "known_as": {port: f"leaf{at // 3}/swp{at}" for at, port in enumerate(PORTS)},
}
NVUE = Inventory(**WORLD, enforcers={"nvue": ("leaf0", "leaf1", "leaf2")})
MIXED = Inventory(**WORLD, enforcers={"nvue": ("leaf0",), "sonic": ("leaf1",)})
GROUPS = {"a": PORTS[:3], "b": PORTS[3:5], "store": PORTS[5:6], "idle": PORTS[6:]}
TWO = fence("roce", GROUPS, [("a", "a", "any"), ("b", "b", "any"), ("a", "store", "any")])


def compiled(policy: Policy = TWO, inventory: Inventory = NVUE) -> Compiled:
    return WRITERS["nvue"].write(policy, inventory)


@pytest.mark.parametrize("seed", range(50))
@pytest.mark.parametrize(
    "world", [NVUE, MIXED, Inventory(**WORLD, enforcers={"sonic": ("leaf0", "leaf1", "leaf2")}), Inventory(**WORLD)]
)
def test_what_is_written_is_what_is_meant(seed: int, world: Inventory) -> None:
    policy = some(random.Random(seed), "roce", PORTS, PORTS)
    for target in ("nvue", "sonic"):
        assert proven(target, policy, world).differences == ()


def test_without_any_switch_the_plane_is_open_and_told() -> None:
    proof = proven("nvue", TWO, Inventory(**WORLD))
    assert {one.source for one in proof.residuals} == set(GROUPS)
    assert proof.open_pairs == 8 * 7 - (6 + 2 + 6)
    assert proven("sonic", TWO, Inventory(**WORLD)).open_pairs == 0


def test_ports_with_equal_peers_share_a_list_and_the_switch_reader_sees_their_filters() -> None:
    text = compiled().artefacts[0].text
    assert text.startswith("# Written by Ringfence")
    fenced = acl.nvue(text.encode())
    assert sorted((one.family, sorted(one.interfaces)) for one in fenced.lists) == [
        (4, ["swp0", "swp1", "swp2"]),
        (6, ["swp0", "swp1", "swp2"]),
    ]
    sonic = WRITERS["sonic"].write(TWO, MIXED).artefacts[0].text
    config = nos.sonic(json.dumps({**json.loads(sonic), "PORT": {"swp3": {}}}).encode())
    assert config.ports[0].filtered
    assert not compiled().enforced


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ('"deny": {}', '"permit": {}', "leak"),
        ('"dest-ip": "10.0.0.1/32"', '"dest-ip": "10.0.0.0/24"', "leak"),
        ('"dest-ip": "10.0.1.2/32"', '"dest-ip": "10.9.0.1/32"', "break"),
        ('"4791": {}', '"4792": {}', "leak"),
        ('"swp3": {\n     "acl"', '"swp3": {\n     "lca"', "leak"),
        ('"inbound"', '"outbound"', "leak"),
        ('"type": "ipv6"', '"type": "mac"', "leak"),
        ('"protocol": "udp"', '"protocol": "tcp"', "leak"),
    ],
)
def test_damage_is_seen(old: str, new: str, kind: str) -> None:
    made = compiled()
    text = made.artefacts[0].text
    assert kind in {one.kind for one in proven("nvue", TWO, NVUE, damaged(made, old, new)).differences}, text


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ('"DROP"', '"FORWARD"', "leak"),
        ('"PRIORITY": "1"', '"PRIORITY": "900"', "break"),
        ('"ingress"', '"egress"', "leak"),
        ("10.0.1.4/32", "10.0.0.0/23", "leak"),
    ],
)
def test_damage_to_sonics_tables_is_seen(old: str, new: str, kind: str) -> None:
    made = WRITERS["sonic"].write(TWO, MIXED)
    assert kind in {one.kind for one in proven("sonic", TWO, MIXED, damaged(made, old, new)).differences}


def test_one_open_way_is_a_leak_and_one_closed_way_a_break() -> None:
    made = compiled()
    one_way = damaged(made, '"swp4": {\n     "acl"', '"swp4": {\n     "lca"')
    leaks = {(one.source, one.target) for one in proven("nvue", TWO, NVUE, one_way).differences}
    assert all(source == PORTS[4] for source, _ in leaks)
    assert leaks


def test_a_tenants_vrf_keeps_others_out_and_breaks_what_would_cross_it() -> None:
    apart = compile_nvue(TWO, NVUE, {"b": "blue"})
    assert '"vrf": "blue"' in apart.artefacts[1].text
    assert proven("nvue", TWO, NVUE, apart).holds
    crossing = compile_nvue(TWO, NVUE, {"a": "red"})
    assert {one.kind for one in proven("nvue", TWO, NVUE, crossing).differences} == {"break"}
    assert '"vrf_name": "blue"' in compile_sonic(TWO, MIXED, {"b": "blue"}).artefacts[0].text
