"""`ringfence watch FILE…`: logs of any kind in, incidents out.

files ─▶ batches ─▶ both stages, with what the estate knows ─▶ incidents, threats, what was lost
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from ringfence.app.survey import Progress
from ringfence.app.watch.read import Forms, batches
from ringfence.errors import Problem
from ringfence.estate.threats import THREATS
from ringfence.watch.single import Single
from ringfence.watch.values import Incident
from ringfence.wire.ocsf import classes

Told = Callable[[Incident], None]


class Watched(msgspec.Struct, frozen=True):
    """What came of some logs: every incident in its last version, the state of each threat, and what went wrong.

    `events` counts what was read; `lost` counts events that sources say or that their numbers show to be missing;
    `held` what was held back as habits, by `name|class`; `learning` are detectors that judge by habit and had not seen
    enough to know any.
    """

    incidents: tuple[Incident, ...]
    threats: dict[str, str]
    events: int
    lost: int
    held: Mapping[str, int]
    learning: tuple[str, ...]
    problems: tuple[Problem, ...]


def watch_files(
    single: Single,
    files: Iterable[Path],
    problems: list[Problem],
    told: Told,
    forms: Forms | None = None,
    progress: Progress | None = None,
) -> Watched:
    """Read logs to their end; `told` hears of each incident when it is new and when it changes."""
    last: dict[str, Incident] = {}
    counts: Counter[str] = Counter()

    def tell(changed: Iterable[Incident]) -> None:
        for one in changed:
            last[one.id] = one
            told(one)

    for batch in batches(files, problems, forms):
        counts["events"] += len(batch)
        if progress:
            progress("events read", counts["events"], 0)
        health = batch.rows(classes.TELEMETRY)
        counts["lost"] += int(batch.numbers("telemetry.count")[health].sum())
        tell(single.take(batch))
    tell(single.end())
    kept = sorted(last.values(), key=lambda one: (-one.severity, one.opened, one.id))
    faults = {**single.node.faults, **single.joint.faults}
    problems += [Problem(name, 0, f"failed on {count} batches; the others went on") for name, count in faults.items()]
    threats = dict(single.joint.threats())
    learning = tuple(sorted((*single.node.learning, *single.joint.learning)))
    held = single.joint.held()
    return Watched(tuple(kept), threats, counts["events"], counts["lost"], held, learning, tuple(problems))


def threat_title(id: str) -> str:
    """A threat in a sentence, "" for one that has no name."""
    return THREATS.get(id, "")
