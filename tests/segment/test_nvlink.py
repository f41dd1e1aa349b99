"""Partitions join exactly the accelerators that are meant to talk, and what they join beyond is told."""

import json
import random
from itertools import combinations

import jsonschema
import pytest
import yaml

from ringfence.errors import InputError
from ringfence.segment.compile import WRITERS
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Compiled, Policy
from ringfence.wire.nvlink.partitions import activated, fabric_manager
from tests.segment.policies import damaged, fence, proven, some
from tests.shared_data import shared

RACKS = {f"nvlink:rack{rack}/1": tuple(f"gpu:nmx/{rack:04x}{at:020x}" for at in range(6)) for rack in range(3)}
GPUS = tuple(gpu for members in RACKS.values() for gpu in members)
NMX = Inventory(domains=RACKS, enforcers={"nmx-m": tuple(RACKS)})
ONE = fence(
    "nvlink", {"a": GPUS[:3], "b": GPUS[3:6] + GPUS[6:8], "rest": GPUS[8:]}, [("a", "a", "any"), ("b", "b", "any")]
)

HOSTS = {f"nvlink:gpu{host}": tuple(f"gpu:GPU-{host}{at}" for at in range(4)) for host in range(3)}
LOCAL = tuple(gpu for members in HOSTS.values() for gpu in members)
PAIRS = fence(
    "nvlink", {"a": LOCAL[:2], "b": LOCAL[2:4], "c": LOCAL[4:8], "d": LOCAL[8:]}, [(x, x, "any") for x in "abc"]
)


def table(host: int, sizes: tuple[int, ...], active: int = -1) -> str:
    """`fmpm -l` of a host with four accelerators and a partition for each set of these sizes."""
    sets = [one for size in sizes for one in combinations(range(4), size)]
    rows = [
        {
            "partitionId": number,
            "isActive": int(number == active),
            "gpuInfo": [{"physicalId": at + 1, "uuid": f"GPU-{host}{at}" if number == active else ""} for at in one],
        }
        for number, one in enumerate(sets)
    ]
    everyone = [{"physicalId": at + 1, "uuid": f"GPU-{host}{at}"} for at in range(4)]
    rows.append({"partitionId": 99, "isActive": 0, "gpuInfo": everyone})
    return json.dumps({"version": 1, "partitionInfo": rows})


def manager(*sizes: int) -> Inventory:
    names = tuple(f"host:gpu{host}" for host in range(3))
    there = {name: table(host, sizes) for host, name in enumerate(names)}
    return Inventory(domains=HOSTS, enforcers={"fabric-manager": names}, there={"fabric-manager": there})


def compiled(policy: Policy = ONE, inventory: Inventory = NMX) -> Compiled:
    return WRITERS["nmx-m"].write(policy, inventory)


@pytest.mark.parametrize("seed", range(100))
def test_partitions_of_racks_are_what_is_meant(seed: int) -> None:
    chance = random.Random(seed)
    policy = some(chance, "nvlink", GPUS, GPUS)
    guarded = Inventory(domains=RACKS, enforcers={"nmx-m": tuple(chance.sample(list(RACKS), chance.randint(0, 3)))})
    assert proven("nmx-m", policy, guarded).differences == ()


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.parametrize("sizes", [(1, 2, 3, 4), (2, 4), (4,)])
def test_partitions_of_hosts_never_join_more_than_is_told(seed: int, sizes: tuple[int, ...]) -> None:
    policy = some(random.Random(seed), "nvlink", LOCAL, LOCAL)
    kinds = {one.kind for one in proven("fabric-manager", policy, manager(*sizes)).differences}
    assert kinds <= (set() if sizes == (1, 2, 3, 4) else {"break"})


def test_a_gang_on_two_racks_has_a_partition_in_each_and_idle_accelerators_have_none() -> None:
    bodies = [json.loads(one.text) for one in compiled().artefacts]
    assert sorted(len(one["Members"]) for one in bodies) == [2, 3, 3]
    proof = proven("nmx-m", ONE, NMX)
    assert (proof.holds, proof.pairs, proof.open_pairs) == (True, 6 + 6 + 2, 0)


def test_bodies_are_what_the_published_interface_takes() -> None:
    document = yaml.safe_load(shared("nvlink/nmx-m-openapi.yaml").read_text())
    wanted = {"$ref": "#/components/schemas/CreatePartitionRequest", "components": document["components"]}
    validator = jsonschema.Draft4Validator(wanted)
    assert len(compiled().artefacts) == 3
    for one in compiled().artefacts:
        validator.validate(json.loads(one.text))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"Name": "x", "Members": ["short"]})


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (GPUS[2][8:], GPUS[5][8:], {"leak", "break"}),
        (GPUS[2][8:], "f" * 24, {"break"}),
        (GPUS[7][8:], GPUS[9][8:], {"leak", "break"}),
        (f'"{GPUS[0][8:]}",', f'"{GPUS[0][8:]}","{GPUS[4][8:]}",', {"leak"}),
    ],
)
def test_damage_to_a_body_is_seen(old: str, new: str, kind: set[str]) -> None:
    assert {one.kind for one in proven("nmx-m", ONE, NMX, damaged(compiled(), old, new)).differences} == kind


def test_a_partition_of_somebody_else_is_taken_into_the_proof() -> None:
    members = [gpu[8:] for gpu in RACKS["nvlink:rack0/1"]]
    others = [{"PartitionID": 1, "Name": "default", "Type": "ID_BASED", "Members": members}]
    world = Inventory(domains=RACKS, enforcers=NMX.enforcers, there={"nmx-m": {"nvlink:rack0/1": json.dumps(others)}})
    assert sum(one.pairs for one in proven("nmx-m", ONE, world).differences) == 3 * 3 * 2


def test_domains_without_a_manager_are_open_and_counted() -> None:
    proof = proven("nmx-m", ONE, Inventory(domains=RACKS))
    assert proof.holds
    assert proof.open_pairs == 3 * 30 - 14
    assert proven("fabric-manager", PAIRS, Inventory(domains=HOSTS)).open_pairs == 3 * 12 - (2 + 2 + 12)


def test_an_accelerator_of_two_gangs_joins_them_and_it_is_told() -> None:
    policy = fence("nvlink", {"a": GPUS[:2], "b": GPUS[1:3]}, [("a", "a", "any"), ("b", "b", "any")])
    (told,) = compiled(policy).residuals
    assert (told.source, told.target) == (GPUS[0], GPUS[2])
    assert proven("nmx-m", policy, NMX).open_pairs == 2


def test_exact_partitions_are_activated_and_hosts_with_equal_commands_share_them() -> None:
    made = WRITERS["fabric-manager"].write(PAIRS, manager(2))
    assert proven("fabric-manager", PAIRS, manager(2)).holds
    lines = {host: one.text.splitlines()[1:] for one in made.artefacts for host in one.loaded_by}
    assert lines == {"host:gpu0": ["fmpm -a 0", "fmpm -a 5"], "host:gpu1": ["fmpm -a 99"], "host:gpu2": []}
    assert not made.enforced


def test_a_set_that_no_partition_fits_breaks_or_is_told() -> None:
    three = fence("nvlink", {"a": LOCAL[:3], "d": LOCAL[3:]}, [("a", "a", "any")])
    made = WRITERS["fabric-manager"].write(three, manager(2))
    assert {(one.source, one.target) for one in made.residuals} == {(gpu, LOCAL[3]) for gpu in LOCAL[:3]}
    assert {one.kind for one in proven("fabric-manager", PAIRS, manager(4)).differences} == {"break"}


@pytest.mark.parametrize(
    ("old", "new", "kind"), [("-a 0", "-a 1", "leak"), ("-a 0", "-a 99", "leak"), ("fmpm -a 5\n", "", "break")]
)
def test_damage_to_commands_is_seen(old: str, new: str, kind: str) -> None:
    made = WRITERS["fabric-manager"].write(PAIRS, manager(2))
    proof = proven("fabric-manager", PAIRS, manager(2), damaged(made, old, new))
    assert kind in {one.kind for one in proof.differences}


def test_an_active_partition_that_is_not_wanted_is_deactivated_first() -> None:
    world = manager(2)
    busy = Inventory(
        domains=HOSTS,
        enforcers=world.enforcers,
        there={"fabric-manager": {**world.there["fabric-manager"], "host:gpu0": table(0, (2,), active=1)}},
    )
    (made,) = (one for one in WRITERS["fabric-manager"].write(PAIRS, busy).artefacts if "host:gpu0" in one.loaded_by)
    assert made.text.splitlines()[1:] == ["fmpm -d 1", "fmpm -a 0", "fmpm -a 5"]


def test_commands_on_unknown_partitions_are_refused() -> None:
    known = fabric_manager(table(0, (2,)).encode())
    for text in (b"fmpm -a 1234\n", b"fmpm -x 1\n", b"reboot\n"):
        with pytest.raises(InputError):
            activated(known, text)
