"""How hard an incident is met: what is known of it against how little time there is.

severity × confidence, independent sources ─▶ GRADES ─▶ one harder if the jewel is near, softer if it is far
"""

import msgspec

from ringfence.respond.verbs import Grade
from ringfence.watch.values import Incident


class Step(msgspec.Struct, frozen=True):
    """From this `score` (severity / 100 × confidence) and so many independent `sources` on, `grade` it is."""

    score: float
    sources: int
    grade: Grade


GRADES = (
    Step(0.6, 2, Grade.EXPEL),
    Step(0.4, 1, Grade.ISOLATE),
    Step(0.25, 1, Grade.BLOCK),
    Step(0.12, 1, Grade.THROTTLE),
    Step(0.0, 0, Grade.WATCH),
)
"""The first that fits. Nobody is expelled on the word of one source."""

NEAR, FAR = 10.0, 1440.0
"""Minutes to the nearest jewel below which a grade up to `BLOCK` rises by one, and beyond which it sinks by one."""


def score(incident: Incident) -> float:
    """0 to 1: how grave it is if true, times how sure it is."""
    return min(incident.severity, 100) / 100 * min(max(incident.confidence, 0.0), 1.0)


def grade(incident: Incident, minutes: tuple[float, float], reaches: bool) -> Grade:
    """How hard to cut. `minutes` [low, high] to the nearest jewel, `reaches` whether there is a way to one.

    `Grade.HARD` is never the answer: it is taken for single ports where every softer cut comes too late.
    """
    found = next(
        step.grade for step in GRADES if score(incident) >= step.score and len(incident.sources) >= step.sources
    )
    if reaches and minutes[0] <= NEAR and found <= Grade.BLOCK:
        return Grade(found + 1)
    if reaches and minutes[0] >= FAR and Grade.WATCH < found <= Grade.BLOCK:
        return Grade(found - 1)
    return found
