"""Rules and events in few words, for the tests of the matcher."""

from collections.abc import Iterable, Mapping
from typing import Any

from ringfence.watch.batch import Batch, of_events
from ringfence.watch.sigma import Matcher, load
from ringfence.wire.ocsf.event import Event
from tests.watch.sigma.naive import Naive, Row, rules

_HEAD = "title: one\nid: {id}\nlogsource: {{category: {category}}}\ndetection:\n"


def rule(detection: str, id: str = "00000000-0000-4000-8000-000000000001", category: str = "process_creation") -> str:
    """A rule's YAML; `detection` is indented here, and has a condition unless it is named `s`."""
    body = "".join(f"  {line}\n" for line in detection.strip("\n").splitlines())
    if "condition:" not in detection:
        body += "  condition: s\n"
    return _HEAD.format(id=id, category=category) + body


def batch(rows: Iterable[Mapping[str, Any]], source: str = "linux/process_creation/") -> Batch:
    """A batch of process events with these columns."""
    return of_events([Event(1007, 1, 1, "h", source, row) for row in rows])


def rows_of(found: Batch) -> list[Row]:
    """What stands in a batch, row by row, nulls left out."""
    return [{name: value for name, value in row.items() if value is not None} for row in found.record.to_pylist()]


def matched(yaml: str, events: Batch, **how: Any) -> list[int]:
    """The rows that the only rule of a text matches."""
    ruleset, problems = load([("one.yml", yaml)], **how)
    assert not problems
    return Matcher(ruleset, routed=False).match(events).rows.tolist()


def by_hand(yaml: str, events: Batch) -> list[int]:
    """The same by the naive evaluator."""
    ask = Naive(rules(yaml)[0])
    return [at for at, row in enumerate(rows_of(events)) if ask(row)]


def agree(detection: str, values: Iterable[Mapping[str, Any]], category: str = "process_creation") -> list[int]:
    """The rows that both find; fails where they differ."""
    events, yaml = batch(values), rule(detection, category=category)
    found = matched(yaml, events)
    assert found == by_hand(yaml, events), detection
    return found
