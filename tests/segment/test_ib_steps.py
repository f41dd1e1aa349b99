"""In which sweeps partition keys change: what is open after each, and while opensm goes from port to port."""

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from ringfence.segment.compile.ib_steps import handed_over, steps
from ringfence.segment.compile.partitions import Held, plan_fabrics, tables, text
from ringfence.segment.model import Policy
from ringfence.segment.prove.failopen import refuse
from tests.segment.test_partitions import JOBS, OPEN_FILE, group, inventory, meant, policy, speak, was


def random_policy(chance: random.Random) -> Policy:
    """Disjoint gangs of two tenants, and storage."""
    free = list(range(1, 9))
    chance.shuffle(free)
    groups = [group("storage", 9, 10, kind="service", tenant="")]
    pairs = ["storage-storage"]
    for name in "abc"[: chance.randint(0, 3)]:
        groups.append(group(name, *(free.pop() for _ in range(chance.randint(1, 2))), tenant=chance.choice("tu")))
        pairs += [f"{name}-{name}", f"{name}-storage"]
    return policy(groups, *pairs)


def kept(old: Policy, new: Policy, one: int, other: int) -> bool:
    """Whether one and the same allow stands for the pair before and after."""
    rows = set(old.allows) & set(new.allows)
    return any(all(meant(Policy(p.groups, (row,)), one, other) for p in (old, new)) for row in rows)


@given(st.integers(0, 2**32))
def test_no_sweep_opens_a_pair_that_neither_end_of_the_change_allows(seed):
    """Nor closes one of a job that stays, on ports that keep their tenant; mixtures of two steps included."""
    chance = random.Random(seed)
    old, new = random_policy(chance), random_policy(chance)
    ((first,), _) = plan_fabrics(old, inventory(), "opensm", {})
    ((last,), _) = plan_fabrics(new, inventory(), "opensm", {"ib0": was(text(first))})
    evicted = handed_over(old, new)
    at = tables(first)
    taken = steps(at, last, evicted)
    for step in taken:
        assert refuse(text(step.plan), step.plan.fabric, step.tables) == ()
        mixed = {guid: chance.choice((at[guid], step.tables[guid])) for guid in at}
        for one, other in itertools.combinations(range(1, 12), 2):
            before, after = meant(old, one, other), meant(new, one, other)
            for held in (step.tables, mixed):
                assert speak(held, one, other) <= (before or after)
                if kept(old, new, one, other) and not {0x1000 + one, 0x1000 + other} & evicted:
                    assert speak(held, one, other)
        at = step.tables
    assert at == tables(last)
    assert steps(at, last) == ()


def test_the_union_of_two_tenants_is_never_in_force():
    """Host 3 goes from t to u: after the first sweep it reaches nobody, storage included."""
    old = JOBS
    new = policy(
        [group("storage", 9, 10, kind="service"), group("a", 1, 2), group("b", 3, 4, 5, tenant="u")],
        *("storage-storage", "a-a", "b-b", "a-storage", "b-storage"),
    )
    ((first,), _) = plan_fabrics(old, inventory(), "opensm", {})
    ((last,), _) = plan_fabrics(new, inventory(), "opensm", {"ib0": was(text(first))})
    cut, opened = steps(tables(first), last, handed_over(old, new))
    assert (cut.what, opened.what) == ("cut", "open")
    assert cut.tables[0x1003] == {0x7FFF: "limited"}


def test_a_fabric_that_was_open_is_closed_in_one_sweep():
    """The keys come with the same sweep that takes the open default partition away, so no pair is lost."""
    ((last,), _) = plan_fabrics(JOBS, inventory(), "opensm", {"ib0": was(OPEN_FILE)})
    now = {guid: {0x7FFF: "full"} for guid in tables(last)}
    assert [step.what for step in steps(now, last)] == ["cut"]


def test_a_pair_keeps_its_way_when_its_key_changes():
    """Make before break: the new key is there before the old one goes."""
    ((first,), _) = plan_fabrics(JOBS, inventory(), "opensm", {})
    ((last,), _) = plan_fabrics(
        JOBS, inventory(), "opensm", {"ib0": (Held(), frozenset(key.number for key in first.keys))}
    )
    assert [step.what for step in steps(tables(first), last)] == ["make", "cut"]
