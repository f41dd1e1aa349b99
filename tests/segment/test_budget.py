"""Bytes that may leave because of a jewel: never more than its budget, whoever comes and goes."""

import random

import pytest

from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.segment.budget import FLOOR, leases, settled
from ringfence.segment.model import Budget, Spared
from ringfence.segment.overrides import read_overrides
from ringfence.segment.policy import derive_policy

EVERYBODY = [f"host:h{number}" for number in range(9)]
TB = 10**12


@pytest.mark.parametrize("seed", range(300))
def test_holders_that_come_go_and_fall_silent_never_send_more_than_the_budget(seed: int) -> None:
    chance = random.Random(seed)
    budget, spent, sent = chance.randint(0, 1000), 0, 0
    for _ in range(chance.randint(1, 12)):
        out = leases(budget, spent, chance.sample(EVERYBODY, chance.randint(0, len(EVERYBODY))))
        used = {name: chance.randint(0, lease) for name, lease in out.items()}
        sent += sum(used.values())
        spent += settled(out, {name: used[name] for name in out if chance.random() < 0.7})
        assert sent <= spent <= budget


@pytest.mark.parametrize("seed", range(100))
def test_shares_use_up_what_is_left_and_differ_by_a_byte_at_most(seed: int) -> None:
    chance = random.Random(seed)
    budget, spent = chance.randint(0, 500), chance.randint(0, 700)
    out = leases(budget, spent, chance.sample(EVERYBODY, chance.randint(1, 9)))
    assert sum(out.values()) == max(0, budget - spent)
    assert max(out.values()) - min(out.values()) <= 1


def test_a_holder_named_twice_gets_one_share() -> None:
    assert leases(10, 0, ["host:a", "host:a", "host:b"]) == {"host:a": 5, "host:b": 5}


def cluster(size: str | None = str(TB)) -> list[Fact]:
    """Two gangs that use a model, one that does not, and the key that signs orders."""
    export = "storage:nfs1:/data"
    rows = [
        *((f"job:slurm/c/{number}", "runs_on", f"host:a{number}") for number in (1, 2, 3)),
        *((f"host:a{number}", "in_cluster", "cluster:c") for number in (1, 2, 3)),
        *((f"host:a{number}", "mounts", export) for number in (1, 2, 3)),
        ("partition:c/p", "in_cluster", "cluster:c"),
        ("host:ctl", "controls", "cluster:c"),
        ("job:slurm/c/1", "writes", "model:m"),
        ("job:slurm/c/2", "reads", "model:m"),
        ("model:m", "stored_on", export),
        (export, "exported_by", "host:nfs1"),
        ("credential:k", "jewel", "signs orders"),
        ("host:ctl", "stores_credential", "credential:k"),
        *([("model:m", "size_bytes", size)] if size else []),
    ]
    return [Fact(*row) for row in rows]


def budget_of(jewel: str, facts: list[Fact], toml: str = "") -> Budget:
    policy = derive_policy(estate_of(facts), read_overrides(toml))
    return next(one for one in policy.budgets if one.jewel == jewel)


def test_half_a_percent_an_hour_for_those_who_may_read_it() -> None:
    found = budget_of("model:m", cluster())
    assert found.bytes_per_hour == TB // 200
    assert found.holders == ("host:a1", "host:a2")


def test_what_stays_with_its_own_file_server_is_not_counted_and_the_rest_is() -> None:
    found = budget_of("model:m", cluster())
    assert "slurmctld:c" in found.destinations
    assert not [name for name in found.destinations if name.startswith(("server:", "gang:"))]


def test_what_governs_a_holder_is_spared_on_its_own_ports_and_nothing_else_there_is() -> None:
    rows = [
        ("service:ctl/8443", "service_kind", "ringfence"),
        ("service:ctl/8443", "runs_on", "host:ctl"),
        ("service:ctl/8443", "listens_on", "network:n"),
        ("host:a1", "enforced_by", "service:ctl/8443"),
        ("service:ns/53", "service_kind", "dns"),
        ("service:ns/53", "runs_on", "host:ns"),
        ("host:a1", "attached_to", "network:n"),
    ]
    toml = (
        '[[allow]]\nfrom = "gang:c/1"\nto = "slurmctld:c"\nplane = "ip"\nwhat = "tcp/22"\nowner = "ann"\n'
        'reason = "copies"\nexpires = 2030-01-01\n'
    )
    found = budget_of("model:m", [*cluster(), *(Fact(*row) for row in rows)], toml)
    assert set(found.spared) == {
        Spared("service:ctl/8443", "out", "tcp/8443"),
        Spared("slurmctld:c", "in", "tcp/6818"),
        Spared("slurmctld:c", "out", "tcp/6817"),
        Spared("service:dns", "out", "tcp/53", 1000),
        Spared("service:dns", "out", "udp/53", 1000),
    }
    assert {"slurmctld:c", "service:ctl/8443"} <= set(found.destinations)


@pytest.mark.parametrize("size", [None, "12345", str(FLOOR - 1), "many"])
def test_small_jewels_and_those_of_unknown_size_get_named_destinations_only(size: str | None) -> None:
    found = budget_of("model:m", cluster(size))
    assert found.bytes_per_hour == 0
    assert found.destinations


def test_a_key_gets_no_bytes_and_its_holders_are_where_it_is_kept() -> None:
    found = budget_of("credential:k", cluster())
    assert (found.bytes_per_hour, found.holders) == (0, ("host:ctl",))


def test_only_an_override_raises_a_budget_and_its_reason_is_kept() -> None:
    toml = (
        '[[budget]]\njewel = "model:m"\nbytes_per_hour = 77\nowner = "ann"\nreason = "release"\nexpires = 2030-01-01\n'
    )
    found = budget_of("model:m", cluster(), toml)
    assert found.bytes_per_hour == 77
    assert "ann decided until 2030-01-02 00:00 UTC: release" in found.why
