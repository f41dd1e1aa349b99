"""Deltas: a new estate, the old one untouched, and the same as building from scratch."""

import random

import numpy as np
import pytest

from ringfence.errors import EstateError
from ringfence.estate.delta import Delta, between
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact

FACTS = (
    Fact("host:a", "in_rack", "rack:1", source="x"),
    Fact("host:b", "in_rack", "rack:1", {"slot": 3}, "x"),
    Fact("gpu:1", "same_as", "gpu:2"),
)


def said(estate: Estate) -> list[tuple[str, str, str, str, str]]:
    return sorted(
        (f.subject, f.predicate, f.object, repr(sorted(f.attributes.items())), f.source) for f in estate.facts()
    )


def test_adding_and_removing_gives_a_new_estate_and_leaves_the_old_one() -> None:
    """Both answer for themselves, and rows of facts that stay keep their meaning."""
    old = estate_of(FACTS[:2])
    new, added, removed = old.changed([FACTS[2]], [FACTS[0]])
    assert said(old) == said(estate_of(FACTS[:2]))
    assert said(new) == said(estate_of(FACTS[1:]))
    assert [new.fact(int(at)) for at in added] == [FACTS[2]]
    assert [old.fact(int(at)) for at in removed] == [FACTS[0]]
    assert len(new) == 2


def test_what_is_there_is_not_added_and_what_is_not_there_is_not_removed() -> None:
    """Nothing changes, and no table is copied."""
    old = estate_of(FACTS)
    new, added, removed = old.changed(FACTS, [Fact("host:z", "in_rack", "rack:1")])
    assert not len(added)
    assert not len(removed)
    assert new.table("in_rack") is old.table("in_rack")


def test_a_fact_both_removed_and_added_stays() -> None:
    """Under its old row."""
    _, added, removed = estate_of(FACTS).changed([FACTS[0]], [FACTS[0]])
    assert not len(added)
    assert not len(removed)


def test_an_unknown_predicate_is_refused() -> None:
    """As when an estate is built."""
    with pytest.raises(EstateError, match="no predicate"):
        estate_of(FACTS).with_delta([Fact("host:a", "loves", "host:b")])


def test_two_versions_may_grow_from_one_estate() -> None:
    """Shared buffers have room for one of them only; the other copies."""
    base = estate_of(FACTS).with_delta([Fact("host:c", "in_rack", "rack:2")])
    one = base.with_delta([Fact("host:d", "in_rack", "rack:2")])
    two = base.with_delta([Fact("host:e", "in_rack", "rack:2")])
    assert {f.subject for f in one.facts("in_rack")} == {"host:a", "host:b", "host:c", "host:d"}
    assert {f.subject for f in two.facts("in_rack")} == {"host:a", "host:b", "host:c", "host:e"}
    assert {f.subject for f in base.facts("in_rack")} == {"host:a", "host:b", "host:c"}
    assert [f.object for f in two.about("host:e", "in_rack")] == ["rack:2"]
    assert not list(one.about("host:e", "in_rack"))


def test_kinds_and_entities_follow() -> None:
    """Also in the old estate, after the new one has added terms that both share."""
    old = estate_of(FACTS)
    assert len(old.entities) == 4
    new = old.with_delta([Fact("model:m", "labelled", "x=y")], [FACTS[2]])
    assert {new.terms.values[at] for at in new.entities} == {"host:a", "host:b", "model:m"}
    assert len(old.entities) == 4


def test_random_deltas_meet_a_rebuild_and_both_sides_stay_findable() -> None:
    """Two-level indexes answer like a scan after each of 300 changes."""
    rng = random.Random(4)
    estate, facts = estate_of([]), set()
    for _ in range(300):
        pool = [(f"host:{rng.randrange(9)}", f"rack:{rng.randrange(4)}", f"s{rng.randrange(2)}") for _ in range(6)]
        more = [Fact(one, "in_rack", other, source=source) for one, other, source in pool]
        less = rng.sample(sorted(facts), min(len(facts), rng.randrange(5)))
        estate = estate.with_delta(more, [Fact(one, "in_rack", other, source=source) for one, other, source in less])
        facts = (facts - set(less)) | set(pool)
        assert {(f.subject, f.object, f.source) for f in estate.facts()} == facts
        table = estate.table("in_rack")
        for side in ("subject", "object"):
            wanted = np.arange(len(estate.terms), dtype=np.int32)
            left, right = table.find(side, wanted)
            column = getattr(table, side)
            assert (column[right] == wanted[left]).all()
            assert sorted(right.tolist()) == table.live.tolist()
            keys, at = table.by_subject if side == "subject" else table.by_object
            assert sorted(at.tolist()) == table.live.tolist()
            assert (np.diff(keys) >= 0).all()


def test_the_difference_of_two_estates_leads_from_one_to_the_other() -> None:
    """And reversed back again; another time of observation is no difference."""
    one = estate_of([*FACTS[:2], Fact("host:q", "in_rack", "rack:9", observed_at=5)])
    two = estate_of([FACTS[2], FACTS[1], Fact("host:q", "in_rack", "rack:9", observed_at=7)])
    delta = between(one, two)
    assert delta == Delta((FACTS[2],), (FACTS[0],))
    assert said(one.with_delta(delta.added, delta.removed)) == said(two)
    back = delta.reversed()
    assert said(two.with_delta(back.added, back.removed)) == said(one)
    assert len(between(two, two)) == 0
