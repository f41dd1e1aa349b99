"""Gangs' hosts encrypt between one another, at both ends alike, and no key is in a file of ours."""

import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from os import geteuid, getpid

import msgspec
import pytest

from ringfence.errors import InputError
from ringfence.segment.compile import WRITERS
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Compiled, Policy
from tests.segment.policies import damaged, fence, proven, some

HOSTS = tuple(f"host:gpu{at}" for at in range(6))
ALL = Inventory(addresses={host: (f"10.0.0.{at + 1}",) for at, host in enumerate(HOSTS)}, enforcers={"xfrm": HOSTS})
TWO = fence(
    "ip",
    {"a": HOSTS[:3], "b": HOSTS[3:5], "rest": HOSTS[5:]},
    [("a", "a", "any"), ("b", "b", "tcp/22"), ("a", "rest", "tcp")],
)
SERVICE = Policy({**TWO.groups, "rest": msgspec.structs.replace(TWO.groups["rest"], kind="service")}, TWO.allows)


def compiled(policy: Policy = SERVICE, inventory: Inventory = ALL) -> Compiled:
    return WRITERS["xfrm"].write(policy, inventory)


@pytest.mark.parametrize("seed", range(60))
def test_what_is_written_is_what_is_meant(seed: int) -> None:
    chance = random.Random(seed)
    policy = some(chance, "ip", HOSTS, HOSTS)
    able = Inventory(addresses=ALL.addresses, enforcers={"xfrm": tuple(chance.sample(HOSTS, 4))})
    assert proven("xfrm", policy, able).differences == ()


def test_gangs_are_covered_and_what_goes_to_services_is_told_as_clear() -> None:
    made = compiled()
    assert proven("xfrm", SERVICE, ALL).pairs == 6 + 2
    assert [(one.source, one.target, one.pairs) for one in made.residuals] == [("a", "rest", 3)]
    assert not made.enforced
    assert all("Compiled, not enforced" in one.text for one in made.artefacts)


def test_no_key_stands_in_an_artefact() -> None:
    for one in compiled().artefacts:
        assert re.findall(r"gcm\(aes\)\) (?!@/etc/ringfence/keys/)", one.text) == []
        assert not re.search(r"0x[0-9a-f]{16}", one.text)
    with pytest.raises(InputError, match="key that stands"):
        proven("xfrm", SERVICE, ALL, damaged(compiled(), "@/etc/ringfence/keys/", "0xdeadbeef"))


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("xfrm policy add src 10.0.0.1 dst 10.0.0.2 dir out", "# ", "leak"),
        ("xfrm policy add src 10.0.0.1 dst 10.0.0.2 dir in", "# ", "leak"),
        ("xfrm state add src 10.0.0.1 dst 10.0.0.2", "# ", "break"),
        ("src 10.0.0.1 dst 10.0.0.2 dir out", "src 10.0.0.1 dst 10.0.0.4 dir out", "break"),
    ],
)
def test_damage_is_seen(old: str, new: str, kind: str) -> None:
    assert kind in {one.kind for one in proven("xfrm", SERVICE, ALL, damaged(compiled(), old, new)).differences}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("proto esp reqid", "proto ah reqid"),
        ("mode transport\n", "mode transport level use\n"),
        ("rfc4106(gcm(aes))", "cipher_null"),
        ("xfrm policy add", "link set"),
    ],
)
def test_what_is_weaker_than_meant_is_refused(old: str, new: str) -> None:
    with pytest.raises(InputError):
        proven("xfrm", SERVICE, ALL, damaged(compiled(), old, new))


@pytest.fixture
def namespace() -> Iterator[str]:
    if shutil.which("ip") is None or geteuid() != 0:
        pytest.skip("missing-part: root and ip (Debian package iproute2)")
    name = f"ringfence-xfrm-{getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        pytest.skip("missing-part: network namespaces (needs root with CAP_SYS_ADMIN)")
    yield name
    subprocess.run(["ip", "netns", "del", name], check=True)


def test_the_kernel_takes_the_policies_as_they_are_written(namespace: str) -> None:
    """Without the offload clause: no NIC here has it, nor does iproute2 6.1 know it. States need ESP in the kernel."""
    (mine,) = (one for one in compiled().artefacts if one.name == "xfrm/gpu0/policies")
    text = "".join(
        line.partition("#")[0] + "\n" for line in mine.text.replace(" offload packet dev eth0", "").splitlines()
    )
    batch = ["ip", "-netns", namespace, "-batch", "-"]
    subprocess.run(batch, input=text, text=True, capture_output=True, check=True)
    shown = subprocess.run(
        ["ip", "-netns", namespace, "xfrm", "policy"], capture_output=True, text=True, check=True
    ).stdout
    assert set(re.findall(r"src (\S+)/32 dst (\S+)/32 ?\n\s+dir (\w+)", shown)) == {
        *(("10.0.0.1", f"10.0.0.{at}", "out") for at in (2, 3)),
        *((f"10.0.0.{at}", "10.0.0.1", "in") for at in (2, 3)),
    }
