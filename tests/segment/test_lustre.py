"""Nodemaps confine hosts to one folder and refuse all others, and the proof reads the commands as Lustre would."""

import random

import pytest

from ringfence.errors import InputError
from ringfence.segment.compile import WRITERS
from ringfence.segment.compile.lustre import compile_lustre
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Compiled, Policy
from ringfence.wire.storage.lctl import commands
from tests.segment.policies import damaged, fence, proven, some

HOSTS = tuple(f"host:gpu{at}" for at in range(6))
A, B, DEEP = "storage:lustre-scratch:/a", "storage:lustre-scratch:/b", "storage:lustre-scratch:/a/deep"
ALL = Inventory(
    addresses={host: (f"10.0.{at // 3}.{at % 3 + 253}",) for at, host in enumerate(HOSTS)},
    enforcers={"lustre": ("host:mgs1",)},
)
TWO = fence(
    "storage",
    {"x": HOSTS[:2], "y": HOSTS[2:4], "rest": HOSTS[4:], "a": (A,), "b": (B,)},
    [("x", "a", "rw"), ("y", "b", "ro")],
)


def compiled(policy: Policy = TWO) -> Compiled:
    return WRITERS["lustre"].write(policy, ALL)


@pytest.mark.parametrize("seed", range(80))
def test_what_is_written_is_what_is_meant(seed: int) -> None:
    policy = some(random.Random(seed), "storage", HOSTS, (A, B, DEEP, "storage:nfs1:/x"), ("ro", "rw"))
    proof = proven("lustre", policy, ALL)
    assert proof.differences == ()
    assert proven("lustre", policy, Inventory(addresses=ALL.addresses)).differences == ()


def test_every_other_client_is_refused_before_the_maps_are_in_force() -> None:
    lines = compiled().artefacts[0].text.splitlines()
    assert lines[-1] == "lctl nodemap_activate 1"
    assert lines[-2] == "lctl nodemap_modify --name default --property deny_unknown --value 1"
    assert not compiled().enforced
    assert "10.0.0.[253-254]@o2ib" in compiled().artefacts[0].text


@pytest.mark.parametrize(
    ("old", "new", "witness"),
    [
        ("--fileset '/a'", "--fileset '/'", ("leak", HOSTS[0], B)),
        ("--fileset '/b'", "--fileset '/a'", ("break", HOSTS[2], B)),
        ("nodemap_activate 1", "nodemap_activate 0", ("leak", HOSTS[4], A)),
        (
            "--name default --property trusted --value 0",
            "--name default --property trusted --value 1",
            ("leak", HOSTS[4], A),
        ),
        ("deny_unknown --value 1", "deny_unknown --value 0", ("leak", HOSTS[4], A)),
        ("10.0.0.[253-254]", "10.0.0.[253-255]", None),
        ("10.0.0.[253-254]", "10.0.0.253", ("break", HOSTS[1], A)),
        ("10.0.0.[253-254]", "10.0.[0-1].[253-255]", ("leak", HOSTS[4], A)),
        ("readonly_mount --value 1", "readonly_mount --value 0", ("leak", HOSTS[2], B)),
    ],
)
def test_damage_is_seen(old: str, new: str, witness: tuple[str, str, str] | None) -> None:
    found = {
        (one.kind, one.source, one.target)
        for one in proven("lustre", TWO, ALL, damaged(compiled(), old, new)).differences
    }
    assert (witness in found) if witness else found, found


def test_two_folders_of_one_host_open_what_lies_between_and_it_is_told() -> None:
    policy = fence(
        "storage",
        {"x": HOSTS[:2], "a": (A,), "b": (B,), "c": ("storage:lustre-scratch:/c",)},
        [("x", "a", "rw"), ("x", "b", "ro")],
    )
    assert {(one.source, one.target) for one in compiled(policy).residuals} == {
        ("x", ", ".join([B, "storage:lustre-scratch:/c"])),
    }
    assert proven("lustre", policy, ALL).holds


def test_accounts_of_the_tenant_are_the_only_ones_where_they_are_known() -> None:
    text = compile_lustre(TWO, ALL, ids={"x": [(1001, 100), (1002, 100)]}).artefacts[0].text
    assert text.count("--idtype uid") == 2
    assert text.count("--idtype gid --idmap 100:100") == 1
    assert proven("lustre", TWO, ALL, compile_lustre(TWO, ALL, ids={"x": [(1001, 100)]})).holds


@pytest.mark.parametrize(
    "text",
    [
        "lctl nodemap_del x\n",
        "lctl nodemap_add_range --name nope --range 10.0.0.1@tcp\n",
        "rm -rf /\n",
        "lctl nodemap_add 'x\n",
        "lctl nodemap_add x\nlctl nodemap_add_range --name x --range 10.0.0@tcp\n",
    ],
)
def test_other_commands_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        commands(text.encode())
