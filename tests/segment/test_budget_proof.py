"""What the holders' quotas let out together is judged from the rulesets, not from how they were made."""

import re
from collections.abc import Callable

import msgspec
import pytest

from ringfence.segment.compile import WRITERS
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Allow, Budget, Compiled, Difference, Group, Policy, Spared
from ringfence.segment.prove.budget import prove_budgets

HOLDERS = ("host:a1", "host:a2")
BUDGET = Budget("model:m", 1_000_000_000, HOLDERS, ("login", "campus"), "0.5 % an hour")
GROUPS = {
    "gang": Group("gang", "gang", "red", {"ip": HOLDERS}),
    "login": Group("login", "role", "", {"ip": ("host:l1",)}),
    "campus": Group("campus", "outside", "", {"ip": ("network:10.200.0.0/16",)}),
}
RULES = tuple(Allow("gang", name, "ip", "tcp/22", "copies") for name in ("login", "campus"))
POLICY = Policy(GROUPS, RULES, (BUDGET,))
ADDRESSES = {
    "host:a1": ("10.0.0.1", "fd00::1"),
    "host:a2": ("10.0.0.2",),
    "host:l1": ("10.0.1.1", "fd00::101"),
    "network:10.200.0.0/16": ("10.200.0.0/16",),
}
INVENTORY = Inventory(addresses=ADDRESSES, enforcers={"nftables": (*HOLDERS, "host:l1")})


def compiled(policy: Policy = POLICY) -> Compiled:
    return WRITERS["nftables"].write(policy, INVENTORY)


def changed(change: Callable[[str], str], where: str = "host:a1") -> Compiled:
    """The rulesets with the one of `where` changed; the change is a real one."""
    found = compiled()
    artefacts = []
    for one in found.artefacts:
        for host in one.loaded_by:
            text = change(one.text) if host == where else one.text
            assert host != where or text != one.text
            artefacts.append(msgspec.structs.replace(one, text=text, loaded_by=(host,)))
    return msgspec.structs.replace(found, artefacts=tuple(artefacts))


def wrong(found: Compiled) -> list[tuple[str, str]]:
    proof = prove_budgets(POLICY, INVENTORY, found.artefacts)
    return [(one.source, one.target) for one in proof.differences]


def test_shares_that_fit_into_the_hour_hold() -> None:
    assert prove_budgets(POLICY, INVENTORY, compiled().artefacts).holds


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("over 500000000 bytes", "over 500000001 bytes"),
        lambda text: text.replace('counter name "denied_out" drop\n\t}\n\tchain input', "accept\n\t}\n\tchain input"),
        lambda text: text.replace("jump spend_", "jump spent_"),
        lambda text: text.replace("\t\tip daddr @blocked4 drop", "\t\tct state established accept"),
        lambda text: "\n".join(line for line in text.splitlines() if "jump spend_" not in line),
        lambda text: "\n".join(line for line in text.splitlines() if 'quota name "' not in line),
        lambda text: text.replace("10.200.0.0/16", "10.200.0.0/17"),
        lambda text: "table inet other { }",
        lambda text: text.replace("table inet ringfence {", "table inet ringfence {\n\tflags dormant"),
        lambda text: text.replace("\tchain spend_", "\tchain letgo {\n\t\taccept\n\t}\n\tchain spend_", 1).replace(
            "\t\tquota name", "\t\tjump letgo\n\t\tquota name"
        ),
        lambda text: text.replace("\t\tquota name", "\t\treturn\n\t\tquota name"),
        lambda text: text.replace("\t\tquota name", "\t\tmeta length > 100 return\n\t\tquota name"),
        lambda text: text.replace("\t\tquota name", "\t\ttcp dport 22 return\n\t\tquota name"),
        lambda text: text.replace("\t\tquota name", "\t\ttcp dport 22 quota name"),
        lambda text: text.replace("\t\tquota name", "\t\tlimit rate 100 mbytes/second accept\n\t\tquota name"),
        lambda text: text.replace("meta length <= 100 jump bare", "meta length <= 1500 jump acks"),
        lambda text: text.replace("tcp doff 5 meta length 40 goto acks", "tcp doff 5 meta length 1400 goto acks"),
        lambda text: re.sub(r"\t\tlimit rate over [0-9]+/second burst [0-9]+ packets .*\n", "", text),
        lambda text: re.sub(r"\t\tlimit rate over [0-9]+ bytes/second .*\n", "", text),
    ],
)
def test_a_holder_that_may_send_more_is_named(change: Callable[[str], str]) -> None:
    assert wrong(changed(change)) == [("host:a1", "model:m")] or wrong(changed(change)) == [("host:a2", "model:m")]


def test_what_was_counted_already_is_no_allowance() -> None:
    spent = changed(lambda text: text.replace("over 500000000 bytes used 0", "over 700000000 bytes used 200000000"))
    assert wrong(spent) == []


def test_a_raised_budget_of_one_jewel_covers_no_other() -> None:
    other = msgspec.structs.replace(BUDGET, jewel="model:n", bytes_per_hour=10)
    both = msgspec.structs.replace(POLICY, budgets=(BUDGET, other))
    proof = prove_budgets(both, INVENTORY, compiled().artefacts)
    assert [one.target for one in proof.differences] == ["model:n"]


SPARED = (Spared("login", "out", "tcp/8443"), Spared("login", "in", "tcp/6818"), Spared("login", "out", "udp/53", 1000))
GOVERNED = msgspec.structs.replace(POLICY, budgets=(msgspec.structs.replace(BUDGET, spared=SPARED),))


def governed(change: Callable[[str], str] = str) -> list[Difference]:
    """What is wrong where the rulesets of all holders are changed; an unchanged text is no test."""
    artefacts = [msgspec.structs.replace(one, text=change(one.text)) for one in compiled(GOVERNED).artefacts]
    assert change is str or artefacts != list(compiled(GOVERNED).artefacts)
    return list(prove_budgets(GOVERNED, INVENTORY, artefacts).differences)


def test_what_governs_the_holders_leaves_the_quota_on_purpose() -> None:
    (text,) = {one.text for one in compiled(GOVERNED).artefacts if "host:a1" in one.loaded_by}
    assert re.search(r"\tip daddr @spend_\w+_out_tcp_8443_v4 tcp dport 8443 return\n", text)
    assert re.search(r"\tct direction reply ip6 daddr @spend_\w+_in_tcp_6818_v6 tcp sport 6818 return\n", text)
    assert " udp dport 53 limit rate 1000 bytes/second burst 16000 bytes return\n" in text
    assert governed() == []


def test_a_quota_that_counts_what_governs_the_holder_cuts_it_off() -> None:
    (found,) = governed(lambda text: re.sub(r"\t\tip daddr \S+ tcp dport 8443 return\n", "", text))
    assert (found.kind, found.source, found.target, found.what) == ("break", "host:a1", "10.0.1.1", "tcp/8443")
    assert found.pairs == 2


def test_what_is_spared_behind_the_quota_is_spared_no_more() -> None:
    def moved(text: str) -> str:
        return re.sub(r"(\t\tip daddr \S+ tcp dport 8443 return\n)((?:.*\n)*?)(\t\tquota name.*\n)", r"\2\3\1", text)

    assert [(one.kind, one.what) for one in governed(moved)] == [("break", "tcp/8443")]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("tcp dport 8443 return", "tcp dport 22 return"),
        lambda text: text.replace("tcp dport 8443 return", "return"),
        lambda text: text.replace("tcp dport 8443 return", "tcp dport 8443-8500 return"),
        lambda text: text.replace("tcp dport 8443 return", "tcp dport 8443 accept"),
        lambda text: text.replace("ct direction reply ip ", "ip "),
        lambda text: text.replace("rate 1000 bytes/second burst 16000", "rate 2000 bytes/second burst 32000"),
        lambda text: text.replace("burst 16000", "burst 160000000"),
        lambda text: text.replace("limit rate 1000 bytes/second burst 16000 bytes return", "return"),
        lambda text: re.sub(r"(_out_tcp_8443_v4 {\n.*\n\t\telements = {) ", r"\1 10.200.0.1, ", text),
    ],
)
def test_what_passes_uncounted_and_is_not_spared_is_a_leak(change: Callable[[str], str]) -> None:
    assert {(one.kind, one.target) for one in governed(change)} == {("leak", "model:m")}


@pytest.mark.parametrize("jewel", ["model:a", "model:b", "model:c", "model:d"])
def test_another_jewels_meter_before_it_that_spares_more_is_no_way_around(jewel: str) -> None:
    """It returns what it spares, and the next meter counts it. Which meter is first, the jewels' names decide."""
    wider = Budget(jewel, 10**9, HOLDERS, ("login", "campus"), "", (Spared("login", "out", "tcp/6443", 4000),))
    policy = Policy(GROUPS, RULES, (wider, BUDGET))
    assert prove_budgets(policy, INVENTORY, compiled(policy).artefacts).holds
