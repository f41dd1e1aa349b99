"""Every property that the definition of D implies, on small AND/OR worlds with brute force as the oracle."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.assess.debt.choquet import debt, stood
from ringfence.assess.debt.next import _ordered, next_fixes
from ringfence.assess.debt.shapley import shares
from tests.assess.debt.worlds import Step, World, game, total, v, worlds

ONE_WAY = World((Step((0,), 7, (0,), 0.5),), ((0,),), (1.0,), feet=(0,), goals=(6, 7))


def owed(world: World) -> float:
    return debt(game(world), np.array(world.weights)).total


def near(value: float) -> object:
    return pytest.approx(value, abs=1e-9)


@given(worlds())
@settings(max_examples=300, deadline=None)
def test_d_is_what_the_definition_says(world: World) -> None:
    """Layers, pruning and the incremental kernel give what subsets give one by one."""
    assert owed(world) == near(total(world))


@given(worlds())
@settings(deadline=None)
def test_principal_is_v_of_all_and_interest_the_rest(world: World) -> None:
    found = debt(game(world), np.array(world.weights))
    assert found.principal == near(v(world, set(range(len(world.findings)))))
    assert found.principal + found.interest == near(found.total)
    assert found.interest >= -1e-9


@given(worlds(), st.data())
@settings(deadline=None)
def test_adding_a_finding_never_lowers_and_fixing_one_never_raises(world: World, data: st.DataObject) -> None:
    """Both ways round: the weights with one of them 0 are those without it."""
    one = data.draw(st.integers(0, len(world.findings) - 1))
    weights = np.array(world.weights)
    whole = debt(game(world), weights).total
    weights[one] = 0.0
    assert debt(game(world), weights).total <= whole + 1e-9


@given(worlds(), st.data())
@settings(deadline=None)
def test_splitting_a_finding_in_two_of_its_age_leaves_d(world: World, data: st.DataObject) -> None:
    """Its facts shared by both, or parted between them."""
    one = data.draw(st.integers(0, len(world.findings) - 1))
    facts = world.findings[one]
    left = tuple(fact for fact in facts if data.draw(st.booleans()))
    right = tuple(fact for fact in facts if fact not in left or data.draw(st.booleans()))
    parted = (*world.findings[:one], left, *world.findings[one + 1 :], right)
    split = msgspec.structs.replace(world, findings=parted, weights=(*world.weights, world.weights[one]))
    assert owed(split) == near(owed(world))


@given(worlds(), st.integers(2, 4))
@settings(deadline=None)
def test_identical_replicas_owe_as_many_times_as_much(world: World, count: int) -> None:
    """And so elasticity is 1."""

    def moved(at: int) -> tuple[Step, ...]:
        return tuple(
            Step(
                tuple(one + 100 * at for one in step.start),
                step.to + 100 * at,
                tuple(fact + 100 * at for fact in step.facts),
                step.p,
            )
            for step in world.steps
        )

    many = World(
        tuple(step for at in range(count) for step in moved(at)),
        tuple(tuple(fact + 100 * at for fact in facts) for at in range(count) for facts in world.findings),
        world.weights * count,
        world.values * count,
        tuple(foot + 100 * at for at in range(count) for foot in world.feet),
        tuple(goal + 100 * at for at in range(count) for goal in world.goals),
    )
    assert owed(many) == near(count * owed(world))


@given(worlds(), st.integers(0, 7))
@settings(deadline=None)
def test_a_node_on_no_way_adds_nothing(world: World, at: int) -> None:
    """A dead end that hangs on the graph by a finding of its own, and a source that nothing reaches."""
    more = (Step((at,), 50, (9,), 0.9), Step((60,), 7, (8,), 0.9))
    wider = msgspec.structs.replace(
        world,
        steps=(*world.steps, *more),
        findings=(*world.findings, (9,), (8,)),
        weights=(*world.weights, 10.0, 10.0),
    )
    assert owed(wider) == near(owed(world))
    relevant = game(wider).relevant
    assert not relevant[-1]
    assert not relevant[-2]


@given(worlds())
@settings(deadline=None)
def test_an_older_finding_never_owes_less(world: World) -> None:
    older = msgspec.structs.replace(world, weights=tuple(weight + 1 for weight in world.weights))
    assert owed(older) >= owed(world) - 1e-9


@given(worlds())
@settings(deadline=None)
def test_weights_that_are_equal_owe_principal_times_weight(world: World) -> None:
    """Positive homogeneity: nothing but age makes interest."""
    same = msgspec.structs.replace(world, weights=(3.0,) * len(world.findings))
    assert owed(same) == near(3.0 * v(world, set(range(len(world.findings)))))


def test_where_findings_do_not_overlap_d_is_the_sum() -> None:
    """Two jewels, one finding each."""
    steps = (Step((0,), 6, (0,), 0.5), Step((0,), 7, (1,), 0.25))
    assert owed(World(steps, ((0,), (1,)), (2.0, 10.0))) == near(0.5 * 2 + 0.25 * 10)


def test_substitutes_count_their_oldest_once_and_complements_their_youngest() -> None:
    apart = (Step((0,), 7, (0,), 1.0), Step((0,), 7, (1,), 1.0))
    chain = (Step((0,), 3, (0,), 1.0), Step((3,), 7, (1,), 1.0))
    assert owed(World(apart, ((0,), (1,)), (2.0, 10.0))) == near(10.0)
    assert owed(World(chain, ((0,), (1,)), (2.0, 10.0))) == near(2.0)


def test_the_conflicting_example_gives_ten_three_times() -> None:
    """Two findings that each open the same way, one weighted 10, one new; the new one fixed; the new one split."""
    steps = (Step((0,), 7, (0,), 1.0), Step((0,), 7, (1,), 1.0))
    assert owed(World(steps, ((0,), (1,)), (10.0, 1.0))) == near(10.0)
    assert debt(game(World(steps, ((0,), (1,)), (10.0, 1.0))), np.array([10.0, 0.0])).total == near(10.0)
    assert owed(World(steps, ((0,), (1,), (1,)), (10.0, 1.0, 1.0))) == near(10.0)


def test_what_insiders_may_do_is_not_debt() -> None:
    """The owner reaches the jewel by work's own moves; only the other's way through the finding counts."""
    work = Step((0,), 7, (), 1.0)
    flaw = Step((1,), 7, (0,), 0.5)
    assert owed(World((work, flaw), ((0,),), (1.0,))) == near(0.5)
    assert owed(World((work, Step((0,), 7, (0,), 0.5)), ((0,),), (1.0,), feet=(0,), goals=(6, 7))) == near(0.0)


def test_a_way_that_rests_on_no_finding_is_told_apart() -> None:
    found = debt(game(World((Step((0,), 7, (), 0.5),), ((0,),), (1.0,))), np.array([1.0]))
    assert found.total == 0.0
    assert found.uncovered == near(0.5)


# attribution and the next fixes


@given(worlds())
@settings(max_examples=60, deadline=None)
def test_shares_sum_to_d_and_none_is_negative(world: World) -> None:
    weights, players = np.array(world.weights), [[at] for at in range(len(world.findings))]
    found, exact = shares(game(world), weights, players)
    assert exact
    assert found.sum() == near(owed(world))
    assert (found >= -1e-9).all()


@given(worlds(most=12).filter(lambda world: len(world.findings) > 8))
@settings(max_examples=15, deadline=None)
def test_drawn_shares_sum_to_d_too_and_are_the_same_for_a_seed(world: World) -> None:
    weights, players = np.array(world.weights), [[at] for at in range(len(world.findings))]
    found, exact = shares(game(world), weights, players, orders=6, seed=3)
    assert not exact
    assert found.sum() == near(owed(world))
    assert found.tolist() == shares(game(world), weights, players, orders=6, seed=3)[0].tolist()


def test_drawn_shares_come_near_the_exact_ones() -> None:
    """Nine substitutes of one age: by symmetry each owes a ninth."""
    steps = tuple(Step((0,), 7, (at,), 1.0) for at in range(9))
    world = World(steps, tuple((at,) for at in range(9)), (2.0,) * 9)
    found, _ = shares(game(world), np.array(world.weights), [[at] for at in range(9)], orders=2000)
    assert found.tolist() == pytest.approx([2 / 9] * 9, abs=0.05)


@given(worlds())
@settings(max_examples=60, deadline=None)
def test_the_next_fixes_buy_the_most_that_any_set_buys(world: World) -> None:
    """On small cases, exactly; each step tells D before and after."""
    weights, groups = np.array(world.weights), [[at] for at in range(len(world.findings))]
    board = game(world)
    fixes, exact = next_fixes(board, weights, groups, 2)
    assert exact
    left = [1.0] * len(groups)
    for fix in fixes:
        before = list(left)
        for part in (fix.group, *fix.together):
            left[part] = 0.0
        assert debt(board, weights * before).total == near(fix.before)
        assert debt(board, weights * left).total == near(fix.after)
        assert fix.buys > 0
        for part in (fix.group, *fix.together) if fix.together else ():  # none of them is idle, none does it alone
            fewer = [held or float(at == part) for at, held in enumerate(left)]
            assert debt(board, weights * fewer).total > fix.after
            alone = [held * float(at != part) for at, held in enumerate(before)]
            assert debt(board, weights * alone).total == near(fix.before)
    best = min(
        debt(board, weights * [0.0 if at in (one, two) else 1.0 for at in range(len(groups))]).total
        for one in range(len(groups))
        for two in range(len(groups))
    )
    assert debt(board, weights * left).total == near(best)


def test_of_doubled_ways_the_fixes_are_told_as_one_that_buys_only_together() -> None:
    """Two equal ways to one jewel, and a lesser one to the other: neither of the two is listed as buying 0."""
    world = World(
        (Step((0,), 6, (0,), 0.9), Step((0,), 6, (1,), 0.9), Step((0,), 7, (2,), 0.5)), ((0,), (1,), (2,)), (1.0,) * 3
    )
    fixes, _ = next_fixes(game(world), np.array(world.weights), [[0], [1], [2]], 3)
    assert [({fix.group, *fix.together}, round(fix.buys, 9)) for fix in fixes] == [({2}, 0.5), ({0, 1}, 0.9)]
    fixes, _ = next_fixes(game(world), np.array(world.weights), [[0], [1], [2]], 1)
    assert [fix.group for fix in fixes] == [2]


def test_where_no_fix_buys_anything_none_is_listed() -> None:
    """Three ways: two fixes leave one open."""
    world = World(tuple(Step((0,), 6, (at,), 0.9) for at in range(3)), ((0,), (1,), (2,)), (1.0,) * 3)
    groups = [[0], [1], [2]]
    assert next_fixes(game(world), np.array(world.weights), groups, 2)[0] == []
    (whole,) = next_fixes(game(world), np.array(world.weights), groups, 3)[0]
    assert {whole.group, *whole.together} == {0, 1, 2}


def test_greedy_steps_too_leave_out_what_buys_nothing() -> None:
    """Beyond the sets that are all tried: the single way first, then what is left of the others as one."""
    steps = [Step((0,), 6, (0,), 0.9)]
    steps += [Step((0,), 7, (at,), 0.5) for at in (1, 2)] + [Step((0,), 3, (at,), 0.5) for at in range(3, 6)]
    world = World((*steps, Step((3,), 7, (), 1.0)), tuple((at,) for at in range(6)), (1.0,) * 6)
    groups = [[at] for at in range(6)]
    fixes = _ordered(game(world), np.array(world.weights), groups, None, 6)
    assert [fix.group for fix in fixes][:1] == [0]
    assert {fixes[1].group, *fixes[1].together} == {1, 2, 3, 4, 5}
    assert fixes[-1].after == near(0.0)


@given(worlds(), st.data())
@settings(max_examples=300, deadline=None)
def test_what_is_worked_out_anew_by_classes_alone_is_the_whole(world: World, data: st.DataObject) -> None:
    """One fix after another; classes whose ways rest on none of it are not looked at."""
    board, weights = game(world), np.array(world.weights)
    kept = stood(board, weights)
    for _ in range(3):
        gone = data.draw(st.lists(st.integers(0, len(weights) - 1), unique=True))
        kept = kept.without(np.array(gone, np.int64))
        weights[gone] = 0.0
        whole = stood(board, weights)
        assert (kept.debt.total, kept.debt.principal, kept.debt.uncovered) == (
            near(whole.debt.total),
            near(whole.debt.principal),
            near(whole.debt.uncovered),
        )
        assert kept.debt.total == near(debt(board, weights).total)


def test_only_findings_on_a_likeliest_way_can_lower_d() -> None:
    """Of two substitutes the less likely is on no likeliest way; without it D stays."""
    world = World((Step((0,), 7, (0,), 0.9), Step((0,), 7, (1,), 0.5)), ((0,), (1,)), (1.0, 1.0))
    assert stood(game(world), np.array(world.weights)).on_way.tolist() == [True, False]


def test_jewels_beyond_the_bound_are_put_together_and_owe_no_more() -> None:
    """A lower bound, never higher: outsiders of several jewels are outsiders of each."""
    steps = (Step((0,), 6, (), 1.0), Step((1,), 7, (), 1.0), Step((0,), 7, (0,), 0.5), Step((1,), 6, (0,), 0.5))
    world = World(steps, ((0,),), (1.0,))
    weights = np.array(world.weights)
    assert debt(game(world), weights).total == near(1.0)
    assert debt(game(world, most_classes=1), weights).total <= 1.0
