"""How a threat is written down.

A threat is data. `each` says what it threatens; the variable `it` stands for one of them. It comes in several *ways*.
A way is open where facts show it (`opens`, any of them) or where an attacker gets there (`reach`). It is shut where it
is not open and one of its controls holds, with all the facts that the control rests on. A thing is

    open        where any way is open
    mitigated   where every way is shut
    unknown     else: a way is neither, and the fact that is missing has a name

So what nobody asked about is unknown, by construction, and never mitigated.
"""

from enum import StrEnum

import msgspec

from ringfence.analyse.rule import Atom
from ringfence.assess.check import IT, When
from ringfence.estate.facts import Fact

__all__ = ["IT", "PHASES", "Control", "Finding", "State", "Stride", "Threat", "Way", "WayFound"]

PHASES = ("ingest", "pre-train", "checkpoint", "evaluate", "export")
"""What a run goes through: data comes in, weights are trained, their state is saved, measured, and given away."""


class State(StrEnum):
    """How a threat stands."""

    OPEN = "open"
    MITIGATED = "mitigated"
    UNKNOWN = "unknown"


class Stride(StrEnum):
    """The six kinds of harm of STRIDE (Microsoft, 1999)."""

    SPOOFING = "S"
    TAMPERING = "T"
    REPUDIATION = "R"
    DISCLOSURE = "I"
    DENIAL = "D"
    ELEVATION = "E"


class Control(msgspec.Struct, frozen=True):
    """Something that shuts a way: all of `rests` must be met by facts, coverage among them.

    `atlas`: mitigations of ATLAS; `d3fend`: techniques of D3FEND, where their page was found.
    """

    title: str
    rests: tuple[When, ...]
    atlas: tuple[str, ...] = ()
    d3fend: tuple[str, ...] = ()


class Way(msgspec.Struct, frozen=True):
    """One way in which a threat comes true.

    `about`: the kinds of subject that it is about, all where empty. `reach`: positions `it#capability`, or
    `name#capability` of a variable that `by` leads to from `it`; the way is open where somebody reaches any of them.
    """

    title: str
    opens: tuple[When, ...]
    shut: tuple[Control, ...]
    reach: tuple[str, ...] = ()
    by: tuple[Atom, ...] = ()
    about: tuple[str, ...] = ()


class Threat(msgspec.Struct, frozen=True):
    """One threat. Its title is the sentence of `estate.threats`. `why` is for people, `remedy` says what shuts it.

    `attack`: ids of ATT&CK Enterprise; `atlas`: techniques of ATLAS, as in `assess/techniques.py`.
    """

    id: str
    name: str
    each: tuple[When, ...]
    ways: tuple[Way, ...]
    why: str
    remedy: str
    phases: tuple[str, ...]
    stride: tuple[Stride, ...]
    atlas: tuple[str, ...] = ()
    attack: tuple[str, ...] = ()


class WayFound(msgspec.Struct, frozen=True):
    """How one way stands for one subject: the facts that open it or that shut it.

    `positions` are those that somebody reaches, `maybe` those that somebody reaches if what is unknown holds. `control`
    is the one that shuts it; `missing` says which fact was not found. `opened`: each condition that opens the way, in
    words, with its own facts; any of them is enough.
    """

    title: str
    state: State
    says: str
    facts: tuple[Fact, ...] = ()
    positions: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()
    control: str = ""
    missing: str = ""
    opened: tuple[tuple[str, tuple[Fact, ...]], ...] = ()


class Finding(msgspec.Struct, frozen=True):
    """How a threat stands for one subject."""

    threat: str
    subject: str
    state: State
    reason: str
    ways: tuple[WayFound, ...]
