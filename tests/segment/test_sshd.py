"""Drop-ins for sshd say who may log in from where, and the proof reads them as sshd does."""

import random

import pytest

from ringfence.errors import InputError
from ringfence.segment.compile import WRITERS
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Compiled, Policy
from tests.segment.policies import damaged, fence, proven, some

HOSTS = tuple(f"host:gpu{at}" for at in range(6))
PEOPLE = tuple(f"identity:{user}@{place}" for user in ("al", "bo") for place in ("10.0.0.5", "10.0.0.0/24", "10.1.0.9"))
ALL = Inventory(enforcers={"sshd": HOSTS})
TWO = fence(
    "login",
    {"team": ("identity:al@10.0.0.5", "identity:bo@10.1.0.9"), "a": HOSTS[:3], "b": HOSTS[3:]},
    [("team", "a", "any")],
)


def compiled(policy: Policy = TWO, inventory: Inventory = ALL) -> Compiled:
    return WRITERS["sshd"].write(policy, inventory)


@pytest.mark.parametrize("seed", range(60))
def test_what_is_written_is_what_is_meant(seed: int) -> None:
    chance = random.Random(seed)
    policy = some(chance, "login", PEOPLE, HOSTS)
    guarded = Inventory(enforcers={"sshd": tuple(sorted(chance.sample(HOSTS, chance.randint(0, 6))))})
    assert proven("sshd", policy, guarded).differences == ()
    assert WRITERS["sshd"].write(policy, guarded) == WRITERS["sshd"].write(policy, guarded)


def test_hosts_with_equal_rules_share_one_drop_in() -> None:
    assert [one.loaded_by for one in compiled().artefacts] == [HOSTS[3:], HOSTS[:3]]
    assert "DenyUsers *" in compiled().artefacts[0].text
    assert "AllowUsers al@10.0.0.5 bo@10.1.0.9" in compiled().artefacts[1].text


@pytest.mark.parametrize(
    ("old", "new", "kind", "source"),
    [
        ("al@10.0.0.5", "al", "leak", "identity:al"),
        ("al@10.0.0.5", "al@10.0.0.5 al@10.0.0.*", "leak", "identity:al@10.0.0.*"),
        ("al@10.0.0.5", "al@10.0.0.0/30", "leak", "identity:al@10.0.0.0/30"),
        ("al@10.0.0.5", "al@10.0.0.5 mallory@10.0.0.5", "leak", "identity:mallory@10.0.0.5"),
        ("al@10.0.0.5", "al@10.0.0.5 root", "leak", "identity:root"),
        ("al@10.0.0.5", "a?@10.0.0.5", "leak", "identity:a?@10.0.0.5"),
        ("DenyUsers *", "# DenyUsers *", "leak", "identity:*"),
        (" bo@10.1.0.9", "", "break", "identity:bo@10.1.0.9"),
        ("al@10.0.0.5", "al@10.0.0.6", "break", "identity:al@10.0.0.5"),
        ("DenyUsers *", "DenyUsers al", "leak", "identity:bo@10.1.0.9"),
        ("DenyUsers *", "# DenyUsers *", "leak", "identity:al@10.0.0.5"),
        ("AllowUsers", "DenyUsers", "break", "identity:al@10.0.0.5"),
        ("DenyUsers *", "DenyUsers nobody\n  AllowUsers *@10.1.0.0/16", "leak", "identity:bo@10.1.0.9"),
    ],
)
def test_damage_is_seen(old: str, new: str, kind: str, source: str) -> None:
    proof = proven("sshd", TWO, ALL, damaged(compiled(), old, new))
    assert (kind, source) in {(one.kind, one.source) for one in proof.differences}


def test_a_host_without_sshd_of_ours_is_open_and_told() -> None:
    proof = proven("sshd", TWO, Inventory(enforcers={"sshd": HOSTS[:3]}))
    assert proof.holds
    assert proof.open_pairs == 9  # al and bo from where they are known, and everyone else
    assert [one.target for one in proof.residuals] == ["b"]


def test_a_main_file_that_includes_nothing_makes_the_drop_in_idle() -> None:
    bare = Inventory(enforcers=ALL.enforcers, there={"sshd": {HOSTS[3]: "PermitRootLogin no\n"}})
    leaks = {(one.kind, one.target) for one in proven("sshd", TWO, bare).differences}
    assert leaks == {("leak", HOSTS[3])}


def test_another_match_block_adds_its_patterns() -> None:
    main = "Include /etc/ssh/sshd_config.d/*.conf\nMatch Address 10.0.0.0/8\n  AllowUsers bo\n"
    wider = Inventory(enforcers=ALL.enforcers, there={"sshd": {HOSTS[0]: main}})
    assert {one.source for one in proven("sshd", TWO, wider).differences} == {"identity:bo"}
    al = fence(
        "login",
        {"team": ("identity:al@10.0.0.5",), "bo": ("identity:bo@10.1.0.9",), "a": HOSTS},
        [("team", "a", "any")],
    )
    assert {one.source for one in proven("sshd", al, wider).differences} == {"identity:bo@10.1.0.9"}
    assert sum(one.pairs for one in proven("sshd", al, wider).differences) == 2  # and bo from anywhere else


def test_an_address_within_an_allowed_network_is_a_residual() -> None:
    policy = fence(
        "login",
        {"net": ("identity:al@10.0.0.0/24",), "one": ("identity:al@10.0.0.5",), "a": HOSTS[:1]},
        [("net", "a", "any")],
    )
    assert [one.source for one in compiled(policy).residuals] == ["identity:al@10.0.0.5"]
    assert proven("sshd", policy, ALL).open_pairs == 1


@pytest.mark.parametrize("name", ["res-001 *", "!x", "a,b", "a, b", "res-0?1", "*", "x\ny", "group/x", "-a", ""])
def test_a_name_that_sshd_takes_for_a_pattern_is_not_written_and_told(name: str) -> None:
    odd = f"identity:{name}@10.0.0.5"
    policy = fence("login", {"team": ("identity:al@10.0.0.5", odd), "a": HOSTS}, [("team", "a", "any")])
    made = compiled(policy)
    assert "AllowUsers al@10.0.0.5\n" in made.artefacts[0].text
    (told,) = made.residuals
    assert "not written" in told.why
    assert "\n" not in told.source
    proof = proven("sshd", policy, ALL)
    assert proof.holds
    assert (proof.open_pairs, proof.pairs) == (0, len(HOSTS))


def test_an_account_called_like_a_pattern_is_no_leave_for_that_pattern() -> None:
    policy = fence("login", {"team": ("identity:al@10.0.0.5", "identity:*"), "a": HOSTS}, [("team", "a", "any")])
    open_ = damaged(compiled(policy), "AllowUsers al@10.0.0.5", "AllowUsers al@10.0.0.5 *")
    assert ("leak", "identity:*") in {(one.kind, one.source) for one in proven("sshd", policy, ALL, open_).differences}


def test_a_pattern_that_is_refused_as_a_whole_lets_nobody_in() -> None:
    refused = damaged(compiled(), "AllowUsers al", "DenyUsers mallory\n  AllowUsers mallory al")
    assert proven("sshd", TWO, ALL, refused).holds


def test_a_text_that_sshd_would_refuse_is_refused() -> None:
    broken = Compiled("sshd", "login", (Artefact("x", "AllowUsers @10.0.0.1\n", HOSTS),))
    with pytest.raises(InputError, match="pattern"):
        proven("sshd", TWO, ALL, broken)
