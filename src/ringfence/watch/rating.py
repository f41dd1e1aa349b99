"""How grave an incident is: what was noticed, how sure that is, and what the estate says is at stake.

        grave = the gravest signal + nearness of a jewel + a critical phase of training + a second source

Every part is told in `why`, so that a reader can disagree with it.
"""

from collections.abc import Iterable, Iterator

import msgspec

from ringfence.watch.detector import View
from ringfence.watch.values import Incident, Signal, Stake

TOLD = 0.32
"""An incident is told when the chance that something is wrong, weighed by how bad that would be, passes this."""

CONTEXT = 40
"""A signal of less severity than this begins no incident and adds no weight: it is told in those that are there."""

NEAR = ((10.0, 20), (60.0, 12), (1440.0, 6))
"""Minutes to the nearest jewel → points."""
PHASES = {"checkpoint": 8, "load": 5, "evaluate": 3}
"""Phases of training in which most is to be had or spoiled → points."""
_SECOND_SOURCE = 5
_MOST_STAKES = 12
"""Positions that the estate is asked about: those taken last."""


def weight(signals: Iterable[Signal]) -> float:
    """0 to 1: the noisy-or over distinct names of confidence times severity."""
    best: dict[str, float] = {}
    for one in (one for one in signals if one.severity >= CONTEXT):
        best[one.name] = max(best.get(one.name, 0.0), one.confidence * one.severity / 100)
    left = 1.0
    for value in best.values():
        left *= 1 - value
    return 1 - left


def worth(signals: Iterable[Signal]) -> bool:
    """Whether they are worth telling somebody."""
    return weight(signals) >= TOLD


def rated(incident: Incident, view: View) -> Incident:
    """The incident with its chain, stake, phase, severity and confidence."""
    ordered = sorted(incident.signals, key=lambda one: (one.since or one.time, one.name, one.key))
    gravest = max(ordered, key=lambda one: (one.severity * one.confidence, -one.time))
    chain = tuple(dict.fromkeys(position for one in ordered for position in one.holds))
    stake = view.site.stake(chain[-_MOST_STAKES:]) if chain else Stake()
    phase = _phase(incident, view)
    points = dict(_points(stake, phase, incident))
    sure = 1.0
    for confidence in {one.name: one.confidence for one in ordered}.values():
        sure *= 1 - confidence
    return msgspec.structs.replace(
        incident,
        title=gravest.title,
        severity=min(100, gravest.severity + sum(value for value, _ in points.values())),
        confidence=round(1 - sure, 3),
        chain=chain,
        stake=stake,
        phase=phase,
        why={**incident.why, "signal": gravest.why} | {name: said for name, (_, said) in points.items()},
    )


def _points(stake: Stake, phase: str, incident: Incident) -> Iterator[tuple[str, tuple[int, str]]]:
    if stake.known and stake.jewels:
        low = stake.minutes[0]
        points = next((value for limit, value in NEAR if low <= limit), 0)
        yield "stake", (points, f"{stake.jewels[0]} is {stake.hops} moves and {low:g} minutes away")
    elif not stake.known:
        yield "stake", (0, "the estate does not tell what is in reach; that does not mean nothing is")
    if phase in PHASES:
        yield "phase", (PHASES[phase], f"a job there is in its {phase} phase")
    if len(incident.sources) > 1:
        yield "sources", (_SECOND_SOURCE, f"{len(incident.sources)} sources agree")


def _phase(incident: Incident, view: View) -> str:
    """The most critical phase of a job that is touched."""
    jobs = [entity for entity in incident.entities if entity.startswith(("job:", "pod:"))]
    found = [view.phase(job) for job in jobs]
    return max((phase for phase in found if phase), key=lambda phase: PHASES.get(phase, 0), default="")
