"""What the holders' quotas let out together is judged from the rulesets, not from how they were made."""

import re
from collections.abc import Callable

import msgspec
import pytest

from ringfence.segment.compile import WRITERS
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Allow, Budget, Compiled, Group, Policy
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
