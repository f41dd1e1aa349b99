"""Weights leave at a rate that hides among other traffic, for a part of the model: one of many such days."""

from collections.abc import Sequence

from ringfence.app.lab.kinds.kind import About
from ringfence.app.lab.layout import MODEL_BYTES
from ringfence.app.lab.stage import Stage

RATE = 1e6
"""Bytes a second, whatever is asked: faster is another kind."""
_LONGEST = 90.0
about = About(
    name="slow_exfiltration",
    title="Weights leave slowly",
    what="The compromised job goes on from somewhere in the model, at 1 MB a second, for a minute and a half.",
    seen="the connection and its bytes, which the agent tells in steps of 4 MiB: the first step looks like a burst. "
    "The detector of slow loss adds up days, which no trial has. The fence's budget does not ask how fast it was",
)


def play(stage: Stage, rate: float) -> Sequence[str]:
    """Each trial goes on where another part of the model begins."""
    first = stage.number * 64_000_000 % (MODEL_BYTES // 2)
    stage.compromise(stage.carrying(min(rate or RATE, RATE), first=first))
    return (f"from byte {first:,} on, at most {RATE * _LONGEST / MODEL_BYTES:.0%} of the model",)


def longest(rate: float) -> float:
    """It goes on until it is ended."""
    return _LONGEST


def hosts(stage: Stage) -> tuple[str, ...]:
    """The job's node."""
    return (stage.node().name,)
