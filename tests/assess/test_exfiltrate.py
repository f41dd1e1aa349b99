"""Hours to carry weights off, and what follows from facts by arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.assess.derived import facts
from ringfence.assess.exfiltrate import hours
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import OUTSIDE

MODEL, STORAGE = "model:llm", "storage:nfs1:/export"
SIZE = 4_500_000_000_000
"""Ten hours at a gigabit a second."""


def weights(size: int = SIZE) -> list[Fact]:
    return [Fact(MODEL, "size_bytes", str(size)), Fact(MODEL, "stored_on", STORAGE)]


def holder(name: str, *networks: str) -> list[Fact]:
    host = f"host:{name}"
    told = Fact(host, "asked", "addresses", {"answered": True})
    return [Fact(host, "mounts", STORAGE), told, *(Fact(host, "attached_to", f"network:{one}") for one in networks)]


def out(entity: str, mbit_s: int | None) -> Fact:
    return Fact(entity, "reaches_outside", OUTSIDE, {} if mbit_s is None else {"mbit_s": mbit_s})


def derived(*found: Fact) -> dict[str, str]:
    """Name of the setting → its value, of the model."""
    said = [fact.object.partition("=") for fact in facts(estate_of(found)) if fact.predicate == "setting"]
    return {name: value for name, _, value in said}


def test_size_over_bandwidth_is_hours() -> None:
    """4.5 TB at 1 Gbit/s: ten hours."""
    found = hours(estate_of([*weights(), *holder("a", "login"), out("network:login", 1000)]), MODEL)
    assert found is not None
    assert found.certain
    assert found.together == pytest.approx(10.0)
    assert found.hours == {"host:a": pytest.approx(10.0)}


def test_a_network_that_holders_share_counts_once_and_their_own_uplinks_each() -> None:
    """Two on one gigabit network together take as long as one; a third with its own halves it."""
    shared = [*weights(), *holder("a", "login"), *holder("b", "login"), out("network:login", 1000)]
    both = hours(estate_of(shared), MODEL)
    assert both is not None
    assert both.together == pytest.approx(10.0)
    more = hours(estate_of([*shared, *holder("c"), out("host:c", 1000)]), MODEL)
    assert more is not None
    assert more.together == pytest.approx(5.0)
    assert set(more.hours) == {"host:a", "host:b", "host:c"}


def test_what_is_not_known_is_never_a_pass() -> None:
    """A way without a speed, or a holder that nobody asked: under a day may be said, a day or more may not."""
    slow = [*weights(), *holder("a", "login"), out("network:login", 10)]
    assert derived(*slow) == {"hours-to-exfiltrate": "a-day-or-more"}
    assert derived(*slow, *holder("b", "lab"), out("network:lab", None)) == {}
    assert derived(*slow, Fact("host:b", "mounts", STORAGE)) == {}
    fast = [*slow, Fact("host:b", "mounts", STORAGE), *holder("c"), out("host:c", 100_000)]
    assert derived(*fast) == {"hours-to-exfiltrate": "under-a-day"}
    assert derived(*weights(), *holder("a", "login")) == {"hours-to-exfiltrate": "no-way"}
    assert derived(*weights()) == {}


def test_weights_that_no_known_host_holds_are_never_certain() -> None:
    """Nobody was found who holds them: that is no knowledge of every way out."""
    found = hours(estate_of(weights()), MODEL)
    assert found is not None
    assert (found.holders, found.together) == ((), None)
    assert not found.certain
    asked = [fact for fact in facts(estate_of(weights())) if fact.predicate == "asked"]
    assert [fact.attributes["answered"] for fact in asked] == [False]


def test_without_a_size_or_a_place_there_is_no_answer() -> None:
    """And a size that is no number is none."""
    assert hours(estate_of([Fact(MODEL, "size_bytes", "7")]), MODEL) is None
    assert hours(estate_of([Fact(MODEL, "stored_on", STORAGE), Fact(MODEL, "size_bytes", "²")]), MODEL) is None


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=6), st.integers(1, 10**15))
def test_one_more_way_out_never_takes_longer(speeds: list[int], size: int) -> None:
    """And all together are at least as fast as the fastest."""
    so_far = weights(size)
    before = float("inf")
    for number, speed in enumerate(speeds):
        so_far = [*so_far, *holder(f"h{number}"), out(f"host:h{number}", speed)]
        found = hours(estate_of(so_far), MODEL)
        assert found is not None
        assert found.together is not None
        assert found.together <= before
        assert found.together <= min(found.hours.values())
        before = found.together


def test_a_pipeline_is_of_one_tenant_only_where_every_source_is_known() -> None:
    """One source of unknown tenant leaves it open; one of another tenant settles it."""
    made = [Fact(MODEL, "trained_from", "dataset:a"), Fact(MODEL, "trained_from", "dataset:b")]
    ours = [Fact(MODEL, "in_tenant", "tenant:t"), Fact("dataset:a", "in_tenant", "tenant:t")]
    assert derived(*made, *ours) == {}
    assert derived(*made, *ours, Fact("dataset:b", "in_tenant", "tenant:t")) == {"source-tenants": "one"}
    assert derived(*made, *ours, Fact("dataset:b", "in_tenant", "tenant:u")) == {"source-tenants": "several"}
