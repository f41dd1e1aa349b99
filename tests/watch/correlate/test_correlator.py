"""Correlations come out as if all hits had been there in order, whatever order they came in within the lateness."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.watch.correlate import Correlator, Firing, Points, Ref, State, correlator, plans, untold, window
from ringfence.watch.sigma.ruleset import Ruleset
from ringfence.watch.sigma.tree import Atom, Correlation, Rule
from tests.watch.correlate.naive import OPS, Hit, naive

SECOND = 1_000_000
T0 = 1_800_000_000 * SECOND
LATENESS = 60 * SECOND
SPAN = 100
TYPES = ("event_count", "value_count", "value_sum", "value_avg", "value_percentile", "value_median", "temporal")


def rule(id_: str) -> Rule:
    """A rule of which only the id matters here."""
    return Rule(id_, id_, "low", (), "", "", "", f"{id_}.yml", Atom("x", "null"))


def correlation(type_: str, rules: tuple[str, ...] = ("a",), **said) -> Correlation:
    """A correlation over `SPAN` seconds by user."""
    fields = ("size",) if type_.startswith("value_") else ()
    fixed = {"id": "c", "seconds": SPAN, "group_by": ("User",), "fields": fields} | said
    return Correlation(title="C", level="low", tags=(), file="c.yml", type=type_, rules=rules, **fixed)


def ready(*correlations: Correlation) -> Correlator:
    """A correlator of these, which are all in order."""
    made, problems = plans(Ruleset((rule("a"), rule("b"), rule("d")), correlations))
    assert problems == []
    return Correlator(made, LATENESS)


def points(one: Correlation, hits: list[Hit]) -> list[Points]:
    """Hits as a batch would bring them, those of one rule after those of another, each by time."""
    found = []
    for step in range(len(one.rules)):
        mine = sorted((hit for hit in hits if hit.step == step), key=lambda hit: hit.time)
        found.append(
            Points(
                one.id,
                step,
                [hit.time for hit in mine],
                [(hit.group,) for hit in mine],
                [Ref("host:h/agent", at, ("host:h",)) for at, _ in enumerate(mine)],
                [(str(hit.value),) if one.type == "value_count" else hit.value for hit in mine] if one.fields else [],
            )
        )
    return [part for part in found if part.times]


def run(one: Correlation, batches: list[list[Hit]], save: bool = False) -> tuple[list[Firing], State]:
    """Everything that is told of batches of hits; with `save` the state is written down and read after each."""
    runs, state, told, now = ready(one), State(), [], 0
    for batch in batches:
        now = max([now, *(hit.time for hit in batch)])
        told += runs.take(state, points(one, batch), now)
        if save:
            state = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=State)
    return told + runs.end(state), state


def settled(told: list[Firing]) -> list[tuple[str, int, float]]:
    """What stands in the end, as the naive evaluation puts it."""
    return sorted((one.group[0], one.time, one.figure) for one in told if not one.early)


def hit(at: float, step: int = 0, group: str = "u", value: int = 1) -> Hit:
    """A hit `at` seconds after the beginning."""
    return Hit(T0 + round(at * SECOND), step, group, value)


@st.composite
def arrivals(draw, steps: int):
    """Hits with the order in which they come: none later than the lateness after what came before it."""
    hits = draw(
        st.lists(
            st.builds(
                hit,
                st.integers(0, 400),
                st.integers(0, steps - 1),
                st.sampled_from(["u", "v"]),
                st.integers(0, 5),
            ),
            max_size=25,
        )
    )
    late = [draw(st.integers(0, LATENESS // SECOND - 1)) for _ in hits]
    order = sorted(range(len(hits)), key=lambda at: (hits[at].time + late[at] * SECOND, at))
    come = [hits[at] for at in order]
    cuts = sorted(draw(st.sets(st.integers(0, len(come)), max_size=6)))
    return [come[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(come)], strict=True)]


@pytest.mark.parametrize("type_", TYPES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_order_of_arrival_gives_what_sorting_gives(type_, data):
    """For all types, conditions and values; saved and taken up on the way."""
    rules = ("a", "b", "d") if type_ == "temporal" else ("a",)
    one = correlation(
        type_,
        rules,
        op=data.draw(st.sampled_from(sorted(OPS))),
        value=data.draw(st.integers(1, 8)),
        percentile=data.draw(st.sampled_from([0, 25, 50, 90, 100])),
    )
    batches = data.draw(arrivals(len(rules)))
    told, state = run(one, batches, save=data.draw(st.booleans()))
    hits = [hit for batch in batches for hit in batch]
    assert settled(told) == [pytest.approx(each) for each in naive(one, hits)]
    assert all(kept.groups == {} for kept in state.kept.values())
    assert all(kept.counts.late == kept.counts.ahead == 0 for kept in state.kept.values())


@pytest.mark.parametrize("expression", ["", "a and b and d"])
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_an_ordered_correlation_needs_its_rules_in_order(expression, data):
    """As listed, within the span, in whatever order they came."""
    asked = {"expression": expression} if expression else {"value": 3}
    one = correlation("temporal_ordered", ("a", "b", "d"), **asked)
    batches = data.draw(arrivals(3))
    told, _ = run(one, batches)
    assert settled(told) == naive(one, [hit for batch in batches for hit in batch])


@pytest.mark.parametrize("expression", ["a and (b or d)", "a and not b", "not (a and b) or d"])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_an_expression_says_which_rules_must_have_been_seen(expression, data):
    """`and`, `or`, `not` and parentheses."""
    one = correlation("temporal", ("a", "b", "d"), expression=expression)
    batches = data.draw(arrivals(3))
    told, _ = run(one, batches)
    assert settled(told) == naive(one, [hit for batch in batches for hit in batch])


@pytest.mark.parametrize("type_", ["event_count", "value_count", "value_sum", "temporal"])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_told_early_is_true(type_, data):
    """At a time at which the condition holds of all hits; and everything that stands was told early or is told then."""
    rules = ("a", "b") if type_ == "temporal" else ("a",)
    one = correlation(type_, rules, op="gte", value=2)
    batches = data.draw(arrivals(len(rules)))
    told, _ = run(one, batches)
    hits = [hit for batch in batches for hit in batch]
    for each in (one for one in told if one.early):
        inside = [hit for hit in hits if hit.group == each.group[0] and each.since <= hit.time <= each.time]
        assert naive(one, inside)
    again = [each for each in told if each.again]
    early = {(each.group, each.time) for each in told if each.early}
    for each in again:
        assert any(group == each.group and abs(time - each.time) < SPAN * SECOND for group, time in early)


def test_what_is_true_is_told_with_the_hit_that_makes_it_so():
    """Not when the lateness is over; and then only as told before."""
    one = correlation("event_count", op="gte", value=3)
    runs, state = ready(one), State()
    assert runs.take(state, points(one, [hit(0), hit(5)]), T0 + 5 * SECOND) == []
    (first,) = runs.take(state, points(one, [hit(9)]), T0 + 9 * SECOND)
    assert first.early
    assert (first.time, first.figure) == (T0 + 9 * SECOND, 3)
    assert first.refs
    (last,) = runs.tick(state, T0 + 70 * SECOND)
    assert last.again
    assert not last.early
    assert runs.tick(state, T0 + 500 * SECOND) == []


def test_a_correlation_fires_once_until_its_window_ends():
    """And once more if it is still true then."""
    one = correlation("event_count", op="gte", value=2)
    told, _ = run(one, [[hit(at) for at in range(0, 250, 10)]])
    assert [(time - T0) // SECOND for _, time, _ in settled(told)] == [10, 110, 210]


def test_hits_that_come_too_late_are_counted_and_so_are_those_of_a_time_to_come():
    """Neither changes what is told."""
    one = correlation("event_count", op="gte", value=2)
    runs, state = ready(one), State()
    runs.take(state, points(one, [hit(1000)]), T0 + 1000 * SECOND)
    told = runs.take(state, points(one, [hit(900), hit(999_999)]), T0 + 1000 * SECOND)
    counts = runs.counts(state)["c"]
    assert told == []
    assert (counts.late, counts.ahead) == (1, 1)


def test_before_there_is_a_clock_nothing_is_ahead_of_it():
    """The first hits come before the first interval closes and says what time it is."""
    one = correlation("event_count", op="gte", value=2)
    runs, state = ready(one), State()
    (told,) = runs.take(state, points(one, [hit(0), hit(1)]), 0)
    assert told.early
    assert [again.again for again in runs.tick(state, T0 + 61 * SECOND)] == [True]


def test_hits_without_a_group_or_value_are_counted():
    """They came with the points of the others."""
    one = correlation("event_count", op="gte", value=2)
    runs, state = ready(one), State()
    runs.take(state, [Points("c", 0, ungrouped=3, unmeasured=4)], T0)
    counts = runs.counts(state)["c"]
    assert (counts.ungrouped, counts.unmeasured) == (3, 4)


def test_correlations_of_correlations_fire_on_what_their_parts_say():
    """Each part by user; both within the hour; nested three deep, whatever their order in the file."""
    many = correlation("event_count", ("a",), id="many", op="gte", value=3)
    big = correlation("value_sum", ("b",), id="big", op="gte", value=100)
    both = correlation("temporal", ("many", "big"), id="both", value=2, seconds=3600)
    often = correlation("event_count", ("both",), id="often", op="gte", value=1, seconds=3600, group_by=())
    runs, state = ready(often, both, many, big), State()
    fed = points(many, [hit(0), hit(1), hit(2), hit(2, group="v")])
    fed += points(big, [hit(300, value=60), hit(310, value=60), hit(310, group="v", value=300)])
    told = [*runs.take(state, fed, T0 + 310 * SECOND), *runs.end(state)]
    told = [one for one in told if not one.early]
    assert {one.correlation: one.group for one in told if one.group != ("v",)} == {
        "many": ("u",),
        "big": ("u",),
        "both": ("u",),
        "often": (),
    }
    (joined,) = [one for one in told if one.correlation == "both"]
    assert joined.time == T0 + 310 * SECOND
    assert {ref.entities for ref in joined.refs} == {("host:h",)}


def test_rules_of_a_correlation_are_told_only_where_it_generates():
    """As the specification has it."""
    made, _ = plans(
        Ruleset(
            (rule("a"), rule("b")),
            (correlation("event_count", ("a",)), correlation("event_count", ("b",), id="g", generate=True)),
        )
    )
    assert untold(made) == {"a"}


def test_an_alias_is_the_field_that_each_rule_calls_otherwise():
    """And a rule that is not in the alias uses the name itself."""
    alias = (("who", (("a", "SourceUser"), ("b", "TargetUser"))),)
    one = correlation("temporal", ("a", "b"), value=2, group_by=("who",), aliases=alias)
    (plan,), _ = plans(Ruleset((rule("a"), rule("b")), (one,)))
    assert [step.groups[0][-1] for step in plan.steps] == ["unmapped.SourceUser", "unmapped.TargetUser"]


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ({"rules": ("nowhere",)}, "nowhere"),
        ({"rules": ("c",)}, "itself"),
        ({"rules": ("a", "a")}, "twice"),
        ({"rules": tuple(map(str, range(65)))}, "64"),
        ({"value": 10_000_000}, "500000"),
        ({"type_": "temporal_ordered", "rules": ("a", "b"), "value": 1}, "all of its rules"),
        ({"type_": "value_sum", "fields": ()}, "field"),
        ({"type_": "value_sum", "fields": ("x", "y")}, "field"),
        ({"type_": "risk_score"}, "risk_score"),
    ],
)
def test_what_cannot_be_counted_is_a_problem_and_the_rest_goes_on(said, what):
    """A rule that is not there, a circle, more than is kept."""
    wrong = correlation(**({"type_": "event_count"} | said))
    made, (problem,) = plans(Ruleset((rule("a"), rule("b")), (wrong, correlation("event_count", id="good"))))
    assert [plan.rule.id for plan in made] == ["good"]
    assert what in problem.what
    assert problem.file == "c.yml"


def test_a_flood_of_one_group_is_bounded_and_what_is_lost_is_counted():
    """The newest stay, and they are enough for the condition."""
    one = correlation("value_count", op="gte", value=40)
    flood = [hit(at / 1000, value=at % 30) for at in range(3 * window.MOST_HITS)]
    runs, state = ready(one), State()
    assert runs.take(state, points(one, flood), T0 + 60 * SECOND) == []
    kept = state.kept["c"]
    assert len(kept.groups[("u",)].moments) <= window.MOST_HITS + 1
    assert kept.counts.shed == 3 * window.MOST_HITS - kept.hits
    news = [hit(61 + at / 1000, value=100 + at) for at in range(10)]
    (told,) = runs.take(state, points(one, news), T0 + 62 * SECOND)
    assert told.figure == 40


def test_a_flood_of_groups_is_bounded_and_the_busiest_stay():
    """Those that were quiet longest are forgotten, and counted."""
    one = correlation("event_count", op="gte", value=2)
    runs, state = ready(one), State()
    most = correlator.MOST_GROUPS
    runs.take(state, points(one, [hit(0, group="busy")]), T0)
    for begin in range(0, most + 1000, 10_000):
        many = [hit(1, group=f"g{at}") for at in range(begin, begin + 10_000)]
        told = runs.take(state, points(one, [*many, hit(1 + begin / 10_000, group="busy")]), T0 + 11 * SECOND)
    kept = state.kept["c"]
    assert len(kept.groups) == most
    assert kept.counts.evicted == 10_001
    assert ("busy",) in kept.groups
    assert told == []


def test_groups_that_are_over_are_forgotten():
    """A day of users who each come once leaves nothing behind."""
    one = correlation("event_count", op="gte", value=2)
    runs, state = ready(one), State()
    for at in range(0, 86_400, 60):
        runs.take(state, points(one, [hit(at, group=f"u{at}")]), T0 + at * SECOND)
        assert len(state.kept["c"].groups) <= 5
        assert len(state.kept["c"].due) <= 10
