"""A correlation that came true, as a signal: what it counted, of whom, and the events that it rests on."""

from ringfence.estate import ids
from ringfence.watch.correlate.plan import COUNT, DISTINCT, SECOND, Plan
from ringfence.watch.correlate.values import Firing
from ringfence.watch.rule_signals import LEVELS, UNRATED, tagged
from ringfence.watch.values import RULE, Signal

_MOST = 16
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def signal(plan: Plan, firing: Firing) -> Signal:
    """The signal of a firing. Told early and told again, it has the same name and key."""
    rule = plan.rule
    severity, confidence = LEVELS.get(rule.level, UNRATED)
    entities = tuple(dict.fromkeys(one for ref in firing.refs for one in ref.entities))
    return Signal(
        name=rule.id,
        kind=RULE,
        title=rule.title,
        key="|".join(firing.group),
        time=firing.time,
        since=firing.since,
        entities=entities[:_MOST],
        sources=tuple(dict.fromkeys(ref.source for ref in firing.refs if ref.source))[:_MOST],
        why=_why(plan, firing),
        severity=severity,
        confidence=confidence,
        evidence=tuple((ref.source, ref.seq) for ref in firing.refs[-_MOST:]),
        attack=tuple(tagged(rule.tags, "attack.t", "T")),
        atlas=tuple(tagged(rule.tags, "atlas.", "")),
        count=max(1, int(firing.figure)) if plan.kind == COUNT else len(firing.refs) or 1,
    )


def _why(plan: Plan, firing: Firing) -> str:
    """What was counted, in one line that nothing in an event can break out of."""
    of = ", ".join(f"{name} {ids.clean(value)}" for name, value in zip(plan.rule.group_by, firing.group, strict=True))
    what = "events" if plan.kind == COUNT else f"{plan.rule.type} of {', '.join(plan.rule.fields)}"
    if plan.kind == DISTINCT and plan.valued:
        what = f"different {', '.join(plan.rule.fields)}"
    said = f"{firing.figure:g} {what}" if plan.valued or plan.kind == COUNT else "all of it seen"
    return f"{plan.rule.title}: {said} within {_span(plan.span // SECOND)}{f' ({of})' if of else ''}"


def _span(seconds: int) -> str:
    size, unit = next(one for one in _UNITS if seconds % one[0] == 0)
    return f"{seconds // size} {unit}"
