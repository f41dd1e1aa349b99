"""The fabric's partitions are opened by root on the subnet manager's host."""

from collections.abc import Sequence

from ringfence.app.lab import parts
from ringfence.app.lab.fabric import DENY
from ringfence.app.lab.inside import said
from ringfence.app.lab.kinds.kind import About
from ringfence.app.lab.stage import Stage

OPEN = DENY.replace("limited", "full")
SECONDS = 20.0
about = About(
    name="partition_tampering",
    title="The fabric is opened",
    what="Root on the subnet manager's host makes every port a full member of the default partition, in opensm's "
    "partitions.conf, and has opensm read it again.",
    seen="nothing, by the lab's agents: opensm's own log does not say who got which key, and the simulated fabric has "
    "no UFM that would. The enforcer beside opensm sees it where a quarantine of ours stands, and puts that back",
)
_SCRIPT = """
sed "s/^Default=.*/$1/" "$2" >"$2.new" && cat "$2.new" >"$2" && rm "$2.new" && kill -HUP "$(cat "$3")"
"""


def play(stage: Stage, rate: float) -> Sequence[str]:
    """Write it and wake opensm; it is put back at the end, unless somebody did."""
    del rate  # nothing is sent
    stage.say("began")
    stage.afterwards(lambda: _close(stage))
    _default(stage, OPEN)
    return ()


def longest(rate: float) -> float:
    """Time for somebody to notice."""
    return SECONDS


def hosts(stage: Stage) -> tuple[str, ...]:
    """Where it was done."""
    return ("ibm",)


def _close(stage: Stage) -> None:
    if OPEN in parts.fabric_of(stage.layout).partitions.read_text():
        _default(stage, DENY)


def _default(stage: Stage, line: str) -> None:
    """Make it the line of the default partition, with the manager host's own tools."""
    place = parts.fabric_of(stage.layout).partitions
    words = [line.strip(), str(place), parts.OPENSM_PID]
    said(stage.layout, stage.layout.machine("ibm"), ["sh", "-c", _SCRIPT, "sh", *words])
