"""`ringfence watch FILE…`: logs of any kind in, incidents out.

files ─▶ batches ─▶ both stages, with what the estate knows ─▶ incidents, threats, what was lost
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from ringfence.app.watch.read import batches
from ringfence.app.watch.rules_cache import ruleset
from ringfence.app.watch.site import EstateSite
from ringfence.errors import Problem
from ringfence.estate.estate import Estate
from ringfence.watch.detectors import DETECTORS
from ringfence.watch.roster import Roster
from ringfence.watch.rule_signals import Rules
from ringfence.watch.single import Single
from ringfence.watch.site import Nowhere
from ringfence.watch.values import Incident
from ringfence.wire.ocsf import classes

Told = Callable[[Incident], None]


class Watched(msgspec.Struct, frozen=True):
    """What came of some logs: every incident in its last version, the state of each threat, and what went wrong.

    `events` counts what was read; `lost` counts events that sources say or that their numbers show to be missing.
    """

    incidents: tuple[Incident, ...]
    threats: dict[str, str]
    events: int
    lost: int
    problems: tuple[Problem, ...]


def single_of(estate: Estate | None, rules: Sequence[Path] = (), problems: list[Problem] | None = None) -> Single:
    """Both stages, with our own rules and those named, and the estate where there is one."""
    loaded, found = ruleset(rules)
    made = Rules(loaded)
    if problems is not None:
        problems += [*found, *made.problems]
    site = EstateSite(estate) if estate else Nowhere()
    roster = site.roster() if isinstance(site, EstateSite) else Roster()
    return Single(DETECTORS, site, made, roster)


def watch_files(single: Single, files: Iterable[Path], told: Told) -> Watched:
    """Read logs to their end; `told` hears of each incident when it is new and when it changes."""
    problems: list[Problem] = []
    last: dict[str, Incident] = {}
    counts: Counter[str] = Counter()

    def tell(changed: Iterable[Incident]) -> None:
        for one in changed:
            last[one.id] = one
            told(one)

    for batch in batches(files, problems):
        counts["events"] += len(batch)
        health = batch.rows(classes.TELEMETRY)
        counts["lost"] += int(batch.numbers("telemetry.count")[health].sum())
        tell(single.take(batch))
    tell(single.end())
    kept = sorted(last.values(), key=lambda one: (-one.severity, one.opened, one.id))
    return Watched(tuple(kept), dict(single.joint.threats()), counts["events"], counts["lost"], tuple(problems))
