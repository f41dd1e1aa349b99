"""What people decide: read with its owner and its end, applied exactly, told where it does not apply."""

import random
from datetime import UTC, datetime

import pytest

from ringfence.errors import InputError
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.segment import what
from ringfence.segment.model import PLANES, SYMMETRIC, Policy
from ringfence.segment.overrides import Override, agree, less, overlap, read_overrides
from ringfence.segment.policy import derive_policy
from ringfence.segment.what import What
from ringfence.synth import draw, facts

WHO = 'owner = "ann"\nreason = "spring run"\nexpires = 2030-01-01\n'
NOW = datetime(2026, 1, 5, tzinfo=UTC).timestamp()


def rule(verb: str, source: str, target: str, plane: str = "ip", passes: str = "any", who: str = WHO) -> str:
    return f'[[{verb}]]\nfrom = "{source}"\nto = "{target}"\nplane = "{plane}"\nwhat = "{passes}"\n{who}'


# reading


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        (rule("allow", "a", "b") + rule("allow", "a", "b", who='reason = "r"\nexpires = 2030-01-01\n'), 9, "no owner"),
        (rule("allow", "a", "b", who='owner = "o"\nexpires = 2030-01-01\n'), 1, "no reason"),
        (rule("allow", "a", "b", who='owner = "o"\nreason = "r"\n'), 1, "no end"),
        (rule("allow", "a", "b", who='owner = "o"\nreason = "r"\nexpires = "soon"\n'), 1, "no end"),
        (rule("allow", "a", "b", who='owner = " "\nreason = "r"\nexpires = 2030-01-01\n'), 1, "no owner"),
        *(
            (rule("allow", "a", "b", who=f'owner = "o"\nreason = "r"\nexpires = {end}\n'), 1, "no clock shows")
            for end in ("9999-12-31", "9999-12-31T23:59:59-14:00")
        ),
        (rule("deny", "a", "b", "ib", "tcp/22"), 1, "the plane ib"),
        (rule("deny", "a", "b", "ip", "ro"), 1, "the plane ip"),
        ("\n" + rule("allow", "a", "b", "storage", "tcp/22"), 2, "the plane storage"),
        (rule("allow", "a", "b", "login", "icmp"), 1, "the plane login"),
        (f'[[budget]]\njewel = "m"\nbytes_per_hour = {2**62 + 1}\n' + WHO, 1, "beyond 2**62"),
        ('[[tenant]]\ntenant = "tenant:a"\nmembers = ["tenant:b"]\n' + WHO, 1, "cannot belong to a tenant"),
        ('[[allow]]\nfrom = "a"\n' + WHO, 1, "says from, to, plane, what, owner, reason, expires"),
        ("\n\n" + rule("allow", "a", "b", "air"), 3, "no plane 'air'"),
        (rule("deny", "a", "b", passes="tcp/99999"), 1, "ports go from 0"),
        ('[[allow]]\nfrom = "a"\n' + WHO, 1, "missing required field `to`"),
        ('[[allow]]\nfrom = "a"\nto = "b"\nport = 22\n' + WHO, 1, "unknown field `port`"),
        ('[[budget]]\njewel = "model:m"\nbytes_per_hour = -1\n' + WHO, 1, "negative"),
        ('[[tenant]]\ntenant = "red"\nmembers = []\n' + WHO, 1, "'red' is no tenant"),
        ('[[exception]]\nfrom = "a"\n', 0, "nothing is called 'exception'"),
        ('allow = "everything"\n', 0, "nothing is called 'allow'"),
        ('x = 1\n[[allow]\nfrom = "a"\n', 2, "TOML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, told: str) -> None:
    with pytest.raises(InputError) as error:
        read_overrides(text, "fence.toml")
    assert error.value.line == line
    assert told in f"{error.value.what} {error.value.remedy}"
    assert "fence.toml" in error.value.what


def test_a_date_ends_with_its_day_and_places_are_file_and_line() -> None:
    (found,) = read_overrides("\n" + rule("allow", "a", "b"), "fence.toml")
    assert found.place == "fence.toml:2"
    assert datetime.fromtimestamp(found.expires, UTC) == datetime(2030, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        rule("allow", "a", "b", passes="tcp/1-50") + rule("deny", "a", "b", passes="tcp/50"),
        rule("deny", "a", "b", "ib") + rule("allow", "b", "a", "ib"),
        '[[budget]]\njewel = "m"\nbytes_per_hour = 1\n' + WHO + '[[budget]]\njewel = "m"\nbytes_per_hour = 2\n' + WHO,
        '[[tenant]]\ntenant = "tenant:a"\nmembers = ["host:h"]\n'
        + WHO
        + '[[tenant]]\ntenant = "tenant:b"\nmembers = ["host:h"]\n'
        + WHO,
    ],
)
def test_overrides_that_contradict_each_other_are_refused_with_both_places(text: str) -> None:
    with pytest.raises(InputError, match=r"fence.toml:1 and fence.toml:\d+ contradict"):
        agree(read_overrides(text, "fence.toml"))


def test_an_exception_and_a_denial_of_different_ports_agree() -> None:
    agree(read_overrides(rule("allow", "a", "b", passes="tcp/1-49") + rule("deny", "a", "b", passes="tcp/50")))


@pytest.mark.parametrize("seed", range(200))
def test_less_leaves_exactly_what_is_not_denied(seed: int) -> None:
    chance = random.Random(seed)

    def some() -> What:
        protocol = chance.choice(("any", "tcp", "udp", "icmp"))
        low, high = sorted((chance.randint(0, 9), chance.randint(0, 9)))
        return What(protocol, low, high) if protocol in ("tcp", "udp") else What(protocol)

    one, other = some(), some()
    left = [what.parse(text) for text in less(one, other)]
    for probe in [What(name, port, port) for name in ("tcp", "udp") for port in range(11)] + [What("icmp")]:
        assert any(overlap(each, probe) for each in left) == (overlap(one, probe) and not overlap(other, probe))


@pytest.mark.parametrize(
    ("has", "denied", "left"),
    [("rw", "rw", ["ro"]), ("rw", "ro", []), ("ro", "rw", ["ro"]), ("ro", "ro", []), ("rw", "any", [])],
)
def test_who_may_not_read_may_not_write(has: str, denied: str, left: list[str]) -> None:
    assert less(What(has), What(denied)) == left


# applying


@pytest.fixture(scope="module")
def estate() -> Estate:
    return estate_of(facts(draw(40, 3)))


@pytest.fixture(scope="module")
def plain(estate: Estate) -> Policy:
    return derive_policy(estate)


def decided(estate: Estate, *texts: str, now: float = NOW) -> Policy:
    return derive_policy(estate, read_overrides("".join(texts), "fence.toml"), now)


def pairs(policy: Policy, plane: str) -> set[tuple[str, str, str]]:
    """(source, target, what) by endpoints; on symmetric planes both ways. Ports of one interval stay one."""
    found = {
        (source, target, allow.what)
        for allow in policy.on(plane)
        for source in policy.groups[allow.source].on(plane)
        for target in policy.groups[allow.target].on(plane)
        if source != target
    }
    return found | ({(target, source, what_) for source, target, what_ in found} if plane in SYMMETRIC else set())


def gangs(policy: Policy) -> list[str]:
    return [name for name, group in policy.groups.items() if group.kind == "gang" and len(group.on("ib")) > 8]


def test_an_exception_opens_its_pairs_and_says_who_decided_it(estate: Estate, plain: Policy) -> None:
    one, other = gangs(plain)[:2]
    found = decided(estate, rule("allow", one, other, passes="tcp/443"))
    both = {(a, b, "tcp/443") for a in plain.groups[one].on("ip") for b in plain.groups[other].on("ip")}
    assert pairs(found, "ip") == pairs(plain, "ip") | both
    assert [allow.why for allow in found.allows if allow.what == "tcp/443" and allow.source == one] == [
        "ann decided until 2030-01-02 00:00 UTC: spring run (fence.toml:1)"
    ]


@pytest.mark.parametrize("plane", ["ip", "ib", "storage"])
def test_a_denial_cuts_its_pairs_and_no_other(estate: Estate, plain: Policy, plane: str) -> None:
    chance = random.Random(plane)
    before = pairs(plain, plane)
    for _ in range(4):
        source, target, _ = chance.choice(sorted(before))
        found = decided(estate, rule("deny", source, target, plane))
        ends = [(source, target), (target, source)] if plane in SYMMETRIC else [(source, target)]
        assert pairs(found, plane) == {pair for pair in before if pair[:2] not in ends}
        for other in PLANES.keys() - {plane}:
            assert pairs(found, other) == pairs(plain, other)


def test_a_denial_of_one_port_leaves_the_rest(estate: Estate, plain: Policy) -> None:
    name = gangs(plain)[0]
    one, other, *_ = plain.groups[name].on("ip")
    found = decided(estate, rule("deny", one, other, passes="tcp/22"))
    left = {what_ for source, target, what_ in pairs(found, "ip") if (source, target) == (one, other)}
    assert {"tcp/0-21", "tcp/23-65535", "udp", "icmp"} <= left
    assert (other, one, "any") in pairs(found, "ip")


def test_an_exception_that_has_ended_is_told_and_does_not_apply(estate: Estate, plain: Policy) -> None:
    one, other = gangs(plain)[:2]
    found = decided(estate, rule("allow", one, other), now=datetime(2031, 1, 1, tzinfo=UTC).timestamp())
    assert found.allows == plain.allows
    (said,) = set(found.residuals) - set(plain.residuals)
    assert said.source == "fence.toml:1"
    assert "has ended and no longer applies" in said.why
    assert said.remedy


@pytest.mark.parametrize(
    "text",
    [
        rule("allow", "host:nobody", "login"),
        rule("deny", "gang:slurm/alpha/1", "login"),
        rule("allow", "login", "network:not-an-address"),
        rule("allow", "job:slurm/alpha/99", "network:10.0.0.1/32"),
        '[[budget]]\njewel = "model:nobody"\nbytes_per_hour = 1\n' + WHO,
        '[[tenant]]\ntenant = "tenant:t01"\nmembers = ["dataset:nobody"]\n' + WHO,
    ],
)
def test_a_name_that_nobody_knows_is_told_with_its_place(estate: Estate, plain: Policy, text: str) -> None:
    found = decided(estate, text)
    assert found.allows == plain.allows
    told = [one for one in set(found.residuals) - set(plain.residuals) if one.source == "fence.toml:1"]
    assert told
    assert all(one.remedy for one in told)


def test_what_is_told_of_an_override_opens_nothing(estate: Estate) -> None:
    found = decided(estate, rule("allow", "host:nobody", "login"))
    ends = {name for group in found.groups.values() for end in group.members.values() for name in (group.name, *end)}
    for one in found.residuals:
        assert one.target_name != "overrides" or not {one.source, one.target, "*"} & ends


def test_an_exception_may_name_the_outside_a_machine_or_a_tenant(estate: Estate, plain: Policy) -> None:
    tenant = plain.groups[gangs(plain)[0]].tenant
    found = decided(estate, rule("allow", tenant, "network:192.0.2.0/24", passes="tcp/443"))
    opened = {source for source, target, _ in pairs(found, "ip") if target == "network:192.0.2.0/24"}
    assert opened == {
        end
        for group in plain.groups.values()
        if group.kind == "gang" and group.tenant == tenant
        for end in group.on("ip")
    }


def test_a_tenancy_is_a_fact_before_anything_is_derived() -> None:
    rows = [
        ("job:slurm/c/1", "runs_on", "host:a"),
        ("job:slurm/c/1", "in_tenant", "tenant:x"),
        ("job:slurm/c/1", "reads", "dataset:d"),
        ("host:a", "mounts", "storage:nfs1:/d"),
        ("dataset:d", "stored_on", "storage:nfs1:/d"),
        ("dataset:d", "in_tenant", "tenant:y"),
    ]
    estate = estate_of([Fact(*row) for row in rows])
    assert not pairs(derive_policy(estate), "storage")
    text = '[[tenant]]\ntenant = "tenant:x"\nmembers = ["dataset:d"]\n' + WHO
    assert pairs(decided(estate, text), "storage") == {("host:a", "storage:nfs1:/d", "ro")}


def test_ten_thousand_tables_are_read_and_compared_without_a_square() -> None:
    text = "".join(rule("allow", f"host:h{at}", "login") for at in range(5000))
    found: tuple[Override, ...] = read_overrides(text)
    agree(found)
    assert len(found) == 5000
