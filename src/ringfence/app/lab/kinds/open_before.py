"""A connection to the outside stood for a while, with nothing in it, before the weights came."""

from collections.abc import Sequence

from ringfence.app.lab.kinds import exfiltrate
from ringfence.app.lab.kinds.kind import About
from ringfence.app.lab.stage import Stage

WAIT = 8.0
"""Seconds for which it stands idle; time runs from its first packet."""
about = About(
    name="open_before",
    title="A flow that stood before",
    what=f"The compromised job opens its connection outside, leaves it idle for {WAIT:.0f} seconds, then reads the "
    "model and sends it by that connection: rules for new connections come too late.",
    seen="the connection when it is made, as one of many; its bytes when they come",
)


def play(stage: Stage, rate: float) -> Sequence[str]:
    """As the plain kind, later."""
    stage.compromise(stage.carrying(rate, wait=WAIT))
    return (f"the first byte went {WAIT:.0f} s after the connection's first packet, from which time runs",)


def longest(rate: float) -> float:
    """The wait, and as long as the weights take."""
    return WAIT + exfiltrate.longest(rate)


def hosts(stage: Stage) -> tuple[str, ...]:
    """The job's node."""
    return (stage.node().name,)
