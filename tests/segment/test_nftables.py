"""What the writer of nftables makes is what the policy means, and the prover sees every way in which it is not."""

import random
from collections.abc import Iterator

import msgspec
import pytest

from ringfence.segment.compile.nftables import compile_nftables
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Allow, Artefact, Budget, Compiled, Group, Policy, Proof
from ringfence.segment.prove.ip import prove_ip
from tests.segment.policies import damaged, fence, some

HOSTS = tuple(f"host:h{at}" for at in range(6))
JOBS = ("job:1@host:h0", "job:2@host:h0", "job:1@host:h1", "job:3@host:h1")
NETS = ("network:192.0.2.0/24", "network:198.51.100.7")
WHAT = ("any", "tcp", "tcp/22", "tcp/20-30", "udp/53", "icmp", "sctp/9")


def inventory(fenced: tuple[str, ...] = HOSTS) -> Inventory:
    addresses = {name: (f"10.0.0.{at + 1}", f"fd00::{at + 1}") for at, name in enumerate(HOSTS)}
    cgroups = {name: f"slurm/{name.partition('@')[0].replace(':', '_')}" for name in JOBS}
    return Inventory(addresses=addresses, cgroups=cgroups, enforcers={"nftables": fenced})


def _small(chance: random.Random) -> tuple[Policy, Inventory]:
    ends = [*HOSTS, *chance.sample(JOBS, chance.choice([0, 0, 2, 4])), *chance.sample(NETS, chance.randint(0, 2))]
    fenced = tuple(chance.sample(HOSTS, chance.choice([6, 6, 4, 1])))
    return some(chance, "ip", ends, ends, WHAT), inventory(fenced)


@pytest.mark.parametrize("seed", range(60))
def test_what_is_written_is_what_is_meant_and_the_rest_is_told(seed: int) -> None:
    policy, known = _small(random.Random(seed))
    compiled = compile_nftables(policy, known)
    assert prove_ip(policy, known, compiled.artefacts, compiled.residuals).differences == ()
    assert compile_nftables(policy, known) == compiled


@pytest.mark.parametrize("seed", range(40))
def test_without_its_residuals_the_proof_finds_what_they_told(seed: int) -> None:
    """Residuals are neither too few (the test above) nor too many: each pair of one is open."""
    policy, known = _small(random.Random(seed))
    compiled = compile_nftables(policy, known)
    for residual in compiled.residuals:
        rest = [one for one in compiled.residuals if one is not residual]
        proof = prove_ip(policy, known, compiled.artefacts, rest)
        covered = any(residual.source in one.source and residual.target in one.target for one in rest)
        assert covered or not proof.holds or _meant(policy, residual.source, residual.target)


def _meant(policy: Policy, source: str, target: str) -> bool:
    """Whether the policy allows everything between two lists of endpoints."""
    groups = policy.groups
    pairs = {
        (a, b)
        for one in policy.allows
        if one.what == "any"
        for a in groups[one.source].on("ip")
        for b in groups[one.target].on("ip")
    }

    def ends(names: str) -> Iterator[str]:
        for name in names.split(", "):
            yield from groups[name].on("ip") if name in groups else (name,)

    return all(a == b or (a, b) in pairs for a in ends(source) for b in ends(target))


SITE = Policy(
    {
        "a": Group("a", "gang", "a", {"ip": ("host:h0", "host:h1")}),
        "b": Group("b", "gang", "b", {"ip": ("job:1@host:h2", "host:h3")}),
        "c": Group("c", "gang", "c", {"ip": ("job:2@host:h2",)}),
        "store": Group("store", "service", "", {"ip": ("host:h4",)}),
        "web": Group("web", "outside", "", {"ip": ("network:192.0.2.0/24",)}),
    },
    (
        Allow("a", "a", "ip", "any", ""),
        Allow("b", "b", "ip", "any", ""),
        Allow("b", "c", "ip", "tcp/7000", ""),
        Allow("a", "store", "ip", "tcp/2049", ""),
        Allow("b", "store", "ip", "tcp/2049", ""),
        Allow("a", "web", "ip", "tcp/440-443", ""),
        Allow("store", "a", "ip", "icmp", ""),
    ),
    (Budget("model:m", 1 << 30, ("host:h0",), ("web",), ""),),
)
KNOWN = Inventory(
    addresses={name: (f"10.0.0.{at + 1}", f"fd00::{at + 1}") for at, name in enumerate(HOSTS)},
    cgroups={"job:1@host:h2": "slurm/job_1", "job:2@host:h2": "slurm/job_2"},
    enforcers={"nftables": HOSTS[:5]},
)
FAULTS = [
    ("10.0.0.1, 10.0.0.2 }", "10.0.0.1 }"),  # a member is missing
    ("10.0.0.1, 10.0.0.2 }", "10.0.0.1, 10.0.0.2, 10.0.0.6 }"),  # a stranger is in
    ("fd00::1, fd00::2 }", "fd00::1, fd00::2, fd00::6 }"),  # the same in version 6
    ("fd00::1, fd00::2 }", "fd00::/64 }"),  # a network instead of members
    ("10.0.0.5 }", "10.0.0.6 }"),  # one for another
    ("10.0.0.5 }", "10.0.0.77 }"),  # one that nobody knows
    ("192.0.2.0/24", "192.0.2.0/25"),  # half of a network
    ("192.0.2.0/24", "192.0.0.0/16"),  # more than the network
    ("192.0.2.0/24", "0.0.0.0/0"),  # the world
    ("tcp dport 2049", "tcp dport 2048-2049"),  # one port more
    ("tcp dport 2049", "udp dport 2049"),  # another protocol
    ("tcp dport 2049 ", ""),  # every port
    ("tcp dport 440-443", "tcp dport 441-443"),  # one port less
    ("tcp dport 440-443", "tcp dport != 440-443"),  # all others
    ("meta l4proto icmp accept", "meta l4proto udp accept"),
    ("meta l4proto icmp accept", "accept"),
    ("ct state established,related accept", "ct state related accept"),  # answers are lost
    ("ct state established,related accept", "ct state new,established accept"),  # everything begins
    ("ct state established,related accept", "accept"),
    ('counter name "denied_in" drop', 'counter name "denied_in" accept'),
    ('counter name "denied_out" drop\n\t}', 'counter name "denied_out" accept\n\t}'),
    ("goto denied_forward", "accept"),  # a host that carries packets for others
    ("goto denied_out\n\t}\n\tchain forward", "accept\n\t}\n\tchain forward"),
    ("hook output", "hook forward"),  # nothing holds back what goes out
    ("ip6 hoplimit 255", "ip6 hoplimit != 255"),
    ("nd-router-solicit, ", "echo-request, nd-router-solicit, "),
    ("ip saddr @in_any_v4", "ip daddr @in_any_v4"),  # the wrong end
    ("ip daddr @out_any_v4", "ip daddr != @out_any_v4"),
    ("ip daddr @out_any_v4", "ip daddr @out_tcp_2049_v4"),  # the wrong set
    ("ip saddr @blocked4 drop", "ip saddr != @blocked4 drop"),
    ('"slurm/job_1"', '"slurm/job_2"'),  # the wrong job
    ('"slurm/job_1"', '"slurm"'),  # every job
    ("socket cgroupv2 level 2", "socket cgroupv2 level 1"),  # a level at which the path is not
    ('iif "lo" ct mark != ', 'iif "lo" ct mark '),  # the neighbours instead of all but them
    ('iif "lo" goto denied_in', 'iif "lo" accept'),  # neighbours reach each other over the loopback
    ("tcp dport 7000 accept", "tcp dport 7001 accept"),
    ("ip saddr @in_any_v4 accept", "ip saddr @in_any_v4 osf name foo accept"),  # what nobody here understands
    ("goto denied_in\n", "xt whatever accept\n\t\tgoto denied_in\n"),
    ("goto denied_in\n", "meta mark 7 accept\n\t\tgoto denied_in\n"),
    ("goto denied_in\n", "ct state vmap { new : accept }\n\t\tgoto denied_in\n"),
    ("goto denied_in\n", "jump elsewhere\n"),  # a chain that is not there
    ("\t}\n}\n", "\t}\n"),  # cut short
]


def _proven(compiled: Compiled) -> bool:
    return prove_ip(SITE, KNOWN, compiled.artefacts, compiled.residuals).holds


@pytest.mark.parametrize(("old", "new"), FAULTS)
def test_a_fault_in_the_rules_is_seen(old: str, new: str) -> None:
    compiled = compile_nftables(SITE, KNOWN)
    assert _proven(compiled)
    assert not _proven(damaged(compiled, old, new))


def test_a_host_without_its_rules_is_open_and_a_leak() -> None:
    compiled = compile_nftables(SITE, KNOWN)
    bare = msgspec.structs.replace(compiled, artefacts=compiled.artefacts[1:])
    empty = tuple(Artefact(one.name, "", one.loaded_by) for one in compiled.artefacts)
    for missing in (bare, msgspec.structs.replace(compiled, artefacts=empty)):
        proof = prove_ip(SITE, KNOWN, missing.artefacts, missing.residuals)
        assert {one.kind for one in proof.differences} == {"leak"}


def test_the_witness_names_both_ends_the_ports_and_how_many() -> None:
    compiled = damaged(compile_nftables(SITE, KNOWN), "tcp dport 440-443", "tcp dport 440-444")
    (found,) = prove_ip(SITE, KNOWN, compiled.artefacts, compiled.residuals).differences
    assert (found.kind, found.target, found.what, found.pairs) == ("leak", "network:192.0.2.0/24", "tcp/444", 2)


FOREIGN = (
    "table ip theirs {{\n\tchain in {{\n\t\ttype filter hook input priority filter; policy {policy};\n{rules}\t}}\n}}\n"
)


@pytest.mark.parametrize(
    ("policy", "rules", "broken"),
    [
        ("accept", "\t\ttcp dport 2049 accept\n", set()),
        ("accept", "\t\ttcp dport 22 drop\n", {"tcp/22"}),
        ("drop", "\t\tct state established accept\n\t\ttcp dport 22 accept\n", {"tcp/0-21", "tcp/23-65535"}),
        ("accept", '\t\tiifname "eth7" tcp dport 22 drop\n', {"tcp/22"}),
        ("accept", '\t\txt match "whatever" tcp dport 22 drop\n', {"tcp"}),
        ("accept", "\t\tct state invalid drop\n\t\tip saddr 203.0.113.0/24 drop\n", set()),
    ],
)
def test_what_others_drop_is_a_break_and_what_they_accept_nothing(policy: str, rules: str, broken: set[str]) -> None:
    wanted = fence("ip", {"a": ("host:h0", "host:h1")}, [("a", "a", "tcp")])
    compiled = compile_nftables(
        wanted,
        known := Inventory(
            addresses={"host:h0": ("10.0.0.1",), "host:h1": ("10.0.0.2",)}, enforcers={"nftables": HOSTS[:2]}
        ),
    )
    theirs = FOREIGN.format(policy=policy, rules=rules)
    found = [Artefact("x", compiled.artefacts[0].text + theirs, (host,)) for host in HOSTS[:2]]
    proof = prove_ip(wanted, known, found)
    assert {one.kind for one in proof.differences} <= {"break"}
    assert {one.what for one in proof.differences} == broken


APART = fence("ip", {"a": HOSTS[:2], "b": HOSTS[2:]}, [("a", "a", "any"), ("b", "b", "any")])
STRANGER = "network:*"


def _on_all(old: str, new: str, known: Inventory | None = None) -> Proof:
    """The verdict where every host is fenced and one text is another."""
    known = known or inventory()
    compiled = compile_nftables(APART, known)
    assert prove_ip(APART, known, compiled.artefacts, compiled.residuals).holds
    return prove_ip(APART, known, damaged(compiled, old, new).artefacts, compiled.residuals)


def _strangers(proof: Proof) -> set[str]:
    """In which directions anybody else passes; one whom a rule names stands for all like him."""
    pairs = [(one.source, one.target) for one in proof.differences if one.kind == "leak"]
    return {
        "in" if pair[0].startswith("network:") else "out"
        for pair in pairs
        if any(end.startswith("network:") for end in pair)
    }


@pytest.mark.parametrize("lost", ["", None])
def test_one_host_without_its_fence_among_fenced_ones_is_open_to_anybody_else(lost: str | None) -> None:
    compiled = compile_nftables(APART, inventory())
    first, *rest = compiled.artefacts
    others = msgspec.structs.replace(first, loaded_by=first.loaded_by[1:])
    bare = [] if lost is None else [Artefact(first.name, lost, first.loaded_by[:1])]
    proof = prove_ip(APART, inventory(), [others, *bare, *rest], compiled.residuals)
    assert {(one.source, one.target) for one in proof.differences} == {("host:h0", STRANGER), (STRANGER, "host:h0")}


INPUT, OUTPUT = (f"type filter hook {one} priority filter - 5; policy drop;" for one in ("input", "output"))


@pytest.mark.parametrize(
    "rule",
    [
        "accept",
        "ip saddr 203.0.113.7 accept",
        "meta nfproto ipv6 accept",
        "ip6 saddr fe80::/10 accept",
        "ct state invalid accept",
        "ct state untracked accept",
        "ct state invalid,untracked accept",
        "ct state != established accept",
        'socket cgroupv2 level 1 "user.slice" accept',
        'socket cgroupv2 level 1 != "user.slice" accept',
        'socket cgroupv2 level 1 "slurm" accept',
    ],
)
@pytest.mark.parametrize("v6", [True, False])
def test_whoever_lets_anybody_else_in_or_out_leaks(rule: str, v6: bool) -> None:
    known = inventory()
    if not v6:
        known = msgspec.structs.replace(known, addresses={name: ends[:1] for name, ends in known.addresses.items()})
    assert _strangers(_on_all(INPUT, f"{INPUT}\n\t\t{rule}", known)) == {"in"}
    turned = rule.replace("saddr", "daddr")
    assert _strangers(_on_all(OUTPUT, f"{OUTPUT}\n\t\t{turned}", known)) == {"out"}


def test_a_chain_that_accepts_by_policy_or_at_its_end_lets_anybody_else_in() -> None:
    end = 'counter name "denied_in" drop'
    assert _strangers(_on_all(end, end.replace("drop", "accept"))) == {"in"}
    assert _strangers(_on_all(end, f"accept\n\t\t{end}")) == {"in"}


@pytest.mark.parametrize("rule", ["ct state invalid drop", "ct state established,related accept", 'iif "lo" accept'])
def test_what_lets_nobody_begin_is_no_leak(rule: str) -> None:
    assert not _strangers(_on_all(INPUT, f"{INPUT}\n\t\t{rule}"))


def test_an_accept_for_a_group_below_a_job_counts_for_the_job() -> None:
    compiled = compile_nftables(SITE, KNOWN)
    below = 'socket cgroupv2 level 3 "slurm/job_1/step_0" accept'
    proof = prove_ip(SITE, KNOWN, damaged(compiled, INPUT, f"{INPUT}\n\t\t{below}").artefacts, compiled.residuals)
    assert (STRANGER, "job:1@host:h2") in {(one.source, one.target) for one in proof.differences}
    assert (STRANGER, "job:2@host:h2") not in {(one.source, one.target) for one in proof.differences}


@pytest.mark.parametrize("flag", ["dormant", "owner", "whatever", "dormant,owner"])
def test_a_table_with_a_flag_holds_nothing_back(flag: str) -> None:
    head = "table inet ringfence {\n"
    assert _strangers(_on_all(head, f"{head}\tflags {flag}\n")) == {"in", "out"}


def test_a_dormant_table_of_others_breaks_nothing_and_one_with_an_unknown_flag_may() -> None:
    theirs = FOREIGN.format(policy="drop", rules="")
    for flag, kinds in (("dormant", set()), ("owner", {"break"}), ("persist", {"break"})):
        flagged = theirs.replace("{\n", f"{{\n\tflags {flag}\n", 1)
        compiled = compile_nftables(APART, inventory())
        found = [msgspec.structs.replace(one, text=one.text + flagged) for one in compiled.artefacts]
        proof = prove_ip(APART, inventory(), found, compiled.residuals)
        assert {one.kind for one in proof.differences} == kinds


@pytest.mark.parametrize(
    "tail",
    [
        "delete table inet ringfence",
        "table inet ringfence",
        "table inet ringfence\ndelete table inet ringfence",
        "flush table inet ringfence",
        "flush ruleset",
        "add table inet ringfence { flags dormant; }",
        "add rule inet ringfence input accept",
        "table inet ringfence {\n\tflags dormant\n}",
    ],
)
def test_a_command_behind_the_table_is_no_ruleset(tail: str) -> None:
    compiled = compile_nftables(APART, inventory())
    found = [msgspec.structs.replace(one, text=f"{one.text}{tail}\n") for one in compiled.artefacts]
    assert not prove_ip(APART, inventory(), found, compiled.residuals).holds


def test_hosts_with_equal_rules_share_one_artefact() -> None:
    wanted = fence("ip", {"a": HOSTS[:3], "b": HOSTS[3:]}, [("a", "a", "any"), ("b", "b", "any")])
    assert [one.loaded_by for one in compile_nftables(wanted, inventory()).artefacts] == [HOSTS[:3], HOSTS[3:]]


def test_the_order_of_facts_does_not_matter() -> None:
    turned = Policy(dict(reversed(SITE.groups.items())), tuple(reversed(SITE.allows)), SITE.budgets)
    assert compile_nftables(turned, KNOWN) == compile_nftables(SITE, KNOWN)


def test_a_share_is_the_quota_and_an_even_split_never_exceeds_the_budget() -> None:
    budget = Budget("model:m", 1000, HOSTS[:3], ("web",), "")
    policy = msgspec.structs.replace(SITE, budgets=(budget,))
    texts = "".join(one.text for one in compile_nftables(policy, KNOWN).artefacts)
    assert texts.count("over 333 bytes used 0 bytes") == 1  # of one artefact, which two hosts load
    given = compile_nftables(policy, KNOWN, {"model:m": {"host:h0": 900}})
    assert "over 900 bytes" in "".join(one.text for one in given.artefacts)
    assert "over 0 bytes" in "".join(one.text for one in given.artefacts)


def test_jobs_that_share_two_hosts_are_told_as_open() -> None:
    groups = {"1": JOBS[0:1] + JOBS[2:3], "2": ("job:2@host:h0", "job:2@host:h1")}
    cgroups = {end: end.partition("@")[0] for ends in groups.values() for end in ends}
    known = msgspec.structs.replace(inventory(), cgroups=cgroups)
    wanted = fence("ip", groups, [("1", "1", "any"), ("2", "2", "any")])
    compiled = compile_nftables(wanted, known)
    told = {(one.source, one.target) for one in compiled.residuals}
    assert ("job:1@host:h0", "job:2@host:h1") in told
    assert ("job:1@host:h0", "job:2@host:h0") not in told
    assert prove_ip(wanted, known, compiled.artefacts, compiled.residuals).holds
