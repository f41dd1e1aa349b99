"""How a past incident is written down, so that one can ask: would it work here?

An incident begins at an *entry*: something that facts describe (`entry`, bound to variables) and that attackers come to
(`start`). From there on each step needs facts, or a position that is reached from the entry alone. A step of the
attacker's own (looking around, making a tool) needs nothing of us and always works.

`name#capability` is a position of a variable of the entry or of the step's facts, `*kind#capability` one of any thing
of that kind.
"""

from enum import StrEnum

import msgspec

from ringfence.assess.check import When
from ringfence.estate.facts import Fact


class Works(StrEnum):
    """Whether a step would work here. An incident works in part where strangers gain something, and not all of it."""

    YES = "yes"
    PART = "in part"
    NO = "no"
    UNKNOWN = "unknown"


class Step(msgspec.Struct, frozen=True):
    """One step, by its ATLAS technique. `facts` and any of `gains` are needed; `not_if`: facts that rule it out.

    `by` leads from what is bound to the things whose positions are gained. Where `facts` or `by` are not met and
    nothing rules the step out, it is unknown; `says` is in our own words.
    """

    technique: str
    says: str
    facts: When | None = None
    not_if: When | None = None
    by: When | None = None
    gains: tuple[str, ...] = ()
    theirs: bool = False


class Incident(msgspec.Struct, frozen=True):
    """A past incident. `steps` stand in the order in which its source has them. `ends`: what would have ended it.

    `aspect`: what every host was asked for, so that no entry found means that there is none.
    """

    id: str
    name: str
    title: str
    source: str
    entry: When
    start: tuple[str, ...]
    steps: tuple[Step, ...]
    ends: str
    aspect: str = ""


class StepTold(msgspec.Struct, frozen=True):
    """How one step stands here: the facts that it rests on, or the first position that it gains."""

    technique: str
    says: str
    works: Works
    why: str
    position: str = ""
    facts: tuple[Fact, ...] = ()


class Replay(msgspec.Struct, frozen=True):
    """An incident played on an estate: through which entry, and step by step. `entry` is "" where there is none.

    `far`: the technique up to which all works, "" where nothing is gained. `stops`: the first that surely does not.
    """

    id: str
    title: str
    works: Works
    entry: str
    steps: tuple[StepTold, ...]
    ends: str = ""
    far: str = ""
    stops: str = ""
