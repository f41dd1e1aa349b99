"""Correlations as they are written, made ready: references resolved, fields found, conditions turned into questions.

Ruleset ──plans──▶ Plan, Plan, … children before parents ─┬─▶ points (what to take from a hit)
              └──▶ problems: a rule that is not there, a circle, what cannot be answered
"""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ringfence.errors import Problem
from ringfence.watch.sigma.fields import columns_of
from ringfence.watch.sigma.ruleset import Ruleset
from ringfence.watch.sigma.tree import Correlation, Rule

SECOND = 1_000_000
MOST_STEPS = 64
"""Rules that one correlation may name: more is refused."""

OPS: Mapping[str, Callable[[float, float], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}
COUNT, DISTINCT, SUM, AVERAGE, PERCENTILE, ORDERED = "count", "distinct", "sum", "average", "percentile", "ordered"
TYPES: Mapping[str, str] = {
    "event_count": COUNT,
    "value_count": DISTINCT,
    "temporal": DISTINCT,
    "temporal_ordered": ORDERED,
    "value_sum": SUM,
    "value_avg": AVERAGE,
    "value_percentile": PERCENTILE,
    "value_median": PERCENTILE,
}
MOST_ASKED = 500_000
"""Hits or values that a condition may ask for: more could not be kept."""
_REMEDY = "correct the correlation, or leave it out"
Asked = Callable[[frozenset[int]], bool]


class Step(msgspec.Struct, frozen=True):
    """One rule that a correlation names.

    Of a rule's hit `groups` and `values` are columns for each field, to be asked in their order. Of a firing of another
    correlation (`child`) they are places in its group.
    """

    id: str
    child: bool
    groups: tuple[Any, ...]
    values: tuple[Any, ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """One correlation, ready. `kind` is what is figured, `span` the window in microseconds.

    `whole` says that only a whole window can tell; else it is true as soon as enough is seen. `asked` stands for the
    condition where an expression says which steps must have been seen.
    """

    rule: Correlation
    kind: str
    span: int
    steps: tuple[Step, ...]
    whole: bool
    asked: Asked | None = None

    @property
    def valued(self) -> bool:
        """Whether hits bring the value of a field."""
        return self.rule.type.startswith("value_")

    @property
    def percentile(self) -> int:
        """Which one is figured."""
        return 50 if self.rule.type == "value_median" else self.rule.percentile

    def holds(self, figure: float) -> bool:
        """Whether a figure meets the condition."""
        return OPS[self.rule.op](figure, self.rule.value)


class _Refused(Exception):
    """What is wrong with a correlation."""


def plans(ruleset: Ruleset) -> tuple[list[Plan], list[Problem]]:
    """Every correlation that can be run, children before parents, and what is wrong with the others."""
    named: dict[str, Rule | Correlation] = {}
    every: list[Rule | Correlation] = [*ruleset.rules, *ruleset.correlations]
    for each in every:
        named.setdefault(each.id, each)
        if each.name:
            named.setdefault(each.name, each)
    made: dict[str, Plan] = {}
    problems: list[Problem] = []
    waiting = list(ruleset.correlations)
    while waiting:
        left = []
        for one in waiting:
            targets = [named.get(ref) for ref in one.rules]
            if all(not isinstance(target, Correlation) or target.id in made for target in targets):
                try:
                    made[one.id] = _plan(one, named)
                except _Refused as refused:
                    problems.append(Problem(one.file, 0, f"{one.title or one.id}: {refused}", _REMEDY))
            else:
                left.append(one)
        if len(left) == len(waiting):
            what = "it rests on a correlation that is refused, or on itself"
            problems += [Problem(one.file, 0, f"{one.title or one.id}: {what}", _REMEDY) for one in left]
            break
        waiting = left
    return list(made.values()), problems


def untold(made: Iterable[Plan]) -> frozenset[str]:
    """Ids of rules that are not told by themselves: a correlation counts them and does not `generate`."""
    return frozenset(step.id for plan in made if not plan.rule.generate for step in plan.steps)


def _plan(one: Correlation, named: Mapping[str, Rule | Correlation]) -> Plan:
    kind = TYPES.get(one.type)
    if kind is None:
        raise _Refused(f"the type {one.type} is not known")
    if not one.rules or len(one.rules) > MOST_STEPS:
        raise _Refused(f"it names {len(one.rules)} rules; 1 to {MOST_STEPS} can be counted")
    targets = [named[each].id for each in one.rules if each in named]
    if len(set(targets)) < len(targets):
        raise _Refused("it names a rule twice")
    valued = one.type.startswith("value_")
    if valued and (not one.fields or (len(one.fields) > 1 and kind != DISTINCT)):
        raise _Refused(f"the type {one.type} needs {'a field' if kind == DISTINCT else 'one field'}")
    if kind in (COUNT, DISTINCT) and one.value > MOST_ASKED:
        raise _Refused(f"it asks for {one.value:g} of a group; up to {MOST_ASKED} are kept")
    steps = tuple(_step(one, each, named, one.fields if valued else ()) for each in one.rules)
    asked, negated = _expression(one, named) if one.expression else (None, False)
    if kind == ORDERED and (negated or " or " in one.expression or (asked is None and not _all_of(one))):
        raise _Refused("a temporal_ordered correlation can only ask for all of its rules")
    whole = negated or kind in (AVERAGE, PERCENTILE) or (asked is None and one.op not in ("gt", "gte"))
    return Plan(one, kind, one.seconds * SECOND, steps, whole and kind != ORDERED, asked if kind != ORDERED else None)


def _all_of(one: Correlation) -> bool:
    least = one.value + (one.op == "gt")
    return one.op in ("gt", "gte", "eq") and least == len(one.rules)


def _step(one: Correlation, ref: str, named: Mapping[str, Rule | Correlation], fields: Sequence[str]) -> Step:
    target = named.get(ref)
    if target is None:
        raise _Refused(f"it names {ref}, which is not among the rules")
    refs = {ref, target.id, target.name}
    groups = [_renamed(one, field, refs) for field in one.group_by]
    values = [_renamed(one, field, refs) for field in fields]
    if isinstance(target, Rule):
        return Step(
            target.id,
            False,
            tuple(columns_of(field, target.category) for field in groups),
            tuple(columns_of(field, target.category) for field in values),
        )
    lacking = [field for field in (*groups, *values) if field not in target.group_by]
    if lacking:
        raise _Refused(f"it asks {target.title or target.id} for {lacking[0]}, by which that does not group")
    if fields and TYPES[one.type] != DISTINCT:
        raise _Refused(f"{target.title or target.id} is a correlation and has no numbers to figure with")
    places = target.group_by.index
    return Step(target.id, True, tuple(map(places, groups)), tuple(map(places, values)))


def _renamed(one: Correlation, field: str, refs: set[str]) -> str:
    """The field that an alias stands for in a rule, else the field as it is."""
    for alias, pairs in one.aliases:
        if alias == field:
            return next((own for ref, own in pairs if ref in refs), field)
    return field


def _expression(one: Correlation, named: Mapping[str, Rule | Correlation]) -> tuple[Asked, bool]:
    """The question that an expression asks of the steps that were seen, and whether more hits can make it untrue."""
    from sigma.correlations import SigmaExtendedCorrelationCondition  # pySigma is an extra, and slow to import

    places = {ref: at for at, ref in enumerate(one.rules)}
    tree = SigmaExtendedCorrelationCondition.parse(one.expression)
    return _question(tree, places), any(type(each).__name__.endswith("NOT") for each in _nodes(tree))


def _nodes(tree: Any) -> Iterator[Any]:
    yield tree
    for each in getattr(tree, "args", ()):
        yield from _nodes(each)


def _question(tree: Any, places: Mapping[str, int]) -> Asked:
    kind = type(tree).__name__
    if kind == "SigmaRuleReference":
        at = places[tree.reference]
        return lambda seen: at in seen
    inner = [_question(each, places) for each in tree.args]
    if kind == "CorrelationConditionNOT":
        return lambda seen: not inner[0](seen)
    if kind == "CorrelationConditionAND":
        return lambda seen: all(each(seen) for each in inner)
    return lambda seen: any(each(seen) for each in inner)


def of_rule(made: Iterable[Plan]) -> dict[str, list[tuple[Plan, int, Step]]]:
    """For each rule or correlation by id, the plans that count it and its place in them."""
    found: dict[str, list[tuple[Plan, int, Step]]] = {}
    for plan in made:
        for at, step in enumerate(plan.steps):
            found.setdefault(step.id, []).append((plan, at, step))
    return found
