"""Hosts of a gang share a channel and a node list, others hold none of it."""

import random

import pytest

from ringfence.errors import InputError
from ringfence.segment.compile import WRITERS
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Compiled, Policy
from ringfence.wire.nvlink import imex
from tests.segment.policies import damaged, fence, proven, some

HOSTS = tuple(f"host:t{at}" for at in range(10))
GPUS = {f"gpu:{at}": host for at, host in enumerate(HOSTS)}
WORLD = {
    "addresses": {host: (f"10.0.0.{at + 1}",) for at, host in enumerate(HOSTS)},
    "domains": {"nvlink:r1/1": tuple(GPUS)[:6], "nvlink:r2/1": tuple(GPUS)[6:], "nvlink:t0": ("gpu:x", "gpu:y")},
    "host_of": GPUS,
}
ALL = Inventory(**WORLD, enforcers={"imex": HOSTS})
GROUPS = {"a": HOSTS[:3], "b": HOSTS[3:5] + HOSTS[6:8], "idle": (HOSTS[5], *HOSTS[8:])}
TWO = fence("imex", GROUPS, [("a", "a", "any"), ("b", "b", "any")])


def compiled(policy: Policy = TWO, inventory: Inventory = ALL) -> Compiled:
    return WRITERS["imex"].write(policy, inventory)


def texts(made: Compiled, host: str, kind: str) -> list[str]:
    return [one.text for one in made.artefacts if host in one.loaded_by and one.name.endswith(kind)]


@pytest.mark.parametrize("seed", range(150))
def test_what_is_written_is_what_is_meant(seed: int) -> None:
    chance = random.Random(seed)
    policy = some(chance, "imex", HOSTS, HOSTS)
    guarded = chance.choice([HOSTS, tuple(chance.sample(HOSTS, 7)), ()])
    kinds = {one.kind for one in proven("imex", policy, Inventory(**WORLD, enforcers={"imex": guarded})).differences}
    assert kinds <= (set() if guarded in (HOSTS, ()) else {"break"})


def test_a_gang_has_one_channel_per_domain_and_an_idle_host_none() -> None:
    proof = proven("imex", TWO, ALL)
    assert (proof.holds, proof.pairs, proof.open_pairs) == (True, 6 + 2 + 2, 0)
    assert imex.made(texts(compiled(), HOSTS[5], "channels.sh")[0].encode()) == ()
    assert texts(compiled(), HOSTS[5], "nodes_config.cfg") == []
    (mine,) = texts(compiled(), HOSTS[0], "nodes_config.cfg")
    assert imex.nodes(mine.encode()) == ("10.0.0.1", "10.0.0.2", "10.0.0.3")
    numbers = {imex.made(texts(compiled(), host, "channels.sh")[0].encode()) for host in HOSTS[:8] if host != HOSTS[5]}
    assert len(numbers) == 3
    assert (0,) not in numbers
    assert not compiled().enforced


def test_another_gangs_end_renumbers_nobody() -> None:
    alone = fence("imex", GROUPS, [("b", "b", "any")])
    assert texts(compiled(alone), HOSTS[3], "channels.sh") == texts(compiled(), HOSTS[3], "channels.sh")


def test_a_channel_of_others_is_no_use_without_their_node_list_and_the_reverse() -> None:
    made = compiled()
    (channel,) = imex.made(texts(made, HOSTS[0], "channels.sh")[0].encode())
    (other,) = imex.made(texts(made, HOSTS[3], "channels.sh")[0].encode())
    assert proven(
        "imex", TWO, ALL, damaged(made, f'channel{other} c "$major" {other}', f'channel{channel} c "$major" {channel}')
    ).holds
    listed = damaged(made, "10.0.0.4\n10.0.0.5\n", "10.0.0.1\n10.0.0.2\n10.0.0.3\n10.0.0.4\n10.0.0.5\n")
    assert proven("imex", TWO, ALL, listed).holds
    both = damaged(listed, "10.0.0.1\n10.0.0.2\n10.0.0.3\n", "10.0.0.1\n10.0.0.2\n10.0.0.3\n10.0.0.4\n")
    same = damaged(both, f'channel{other} c "$major" {other}', f'channel{channel} c "$major" {channel}')
    assert "leak" in {one.kind for one in proven("imex", TWO, ALL, same).differences}


@pytest.mark.parametrize("old", ["10.0.0.2\n", "mknod"])
def test_what_is_missing_breaks(old: str) -> None:
    assert {one.kind for one in proven("imex", TWO, ALL, damaged(compiled(), old, "# ")).differences} == {"break"}


def test_channel_devices_as_they_are_listed_are_judged_too() -> None:
    (channel,) = imex.made(texts(compiled(), HOSTS[0], "channels.sh")[0].encode())
    line = f"crw-rw-rw- 1 root root 234, {channel} Nov 23 02:00 channel{channel}\n"
    listing = Artefact("read/channels.ls", line, HOSTS[:3])
    others = [
        one for one in compiled().artefacts if not one.name.endswith("channels.sh") or HOSTS[0] not in one.loaded_by
    ]
    assert proven("imex", TWO, ALL, Compiled("imex", "imex", (*others, listing))).holds


def test_hosts_that_nobody_sets_are_open_among_themselves() -> None:
    proof = proven("imex", TWO, Inventory(**WORLD))
    assert proof.holds
    assert proof.open_pairs == (6 * 5 + 4 * 3) - 10
    assert {one.target for one in proof.residuals} == {"*"}


def test_a_minor_that_is_another_channels_is_refused() -> None:
    with pytest.raises(InputError, match="minor"):
        imex.made(b'mknod -m 0666 /dev/nvidia-caps-imex-channels/channel3 c "$major" 4\n')


def test_an_address_that_is_none_writes_no_line() -> None:
    lying = {**WORLD["addresses"], HOSTS[0]: ("10.0.0.1\n10.9.9.9", "10.0.0.0/8", "10.0.0.1")}
    odd = Inventory(**{**WORLD, "addresses": lying}, enforcers={"imex": HOSTS})
    (mine,) = texts(compiled(TWO, odd), HOSTS[0], "nodes_config.cfg")
    assert imex.nodes(mine.encode())[0] == "10.0.0.1"
    assert "10.9.9.9" not in mine
