"""What an assessment found, as its outside formats need it: rules, and what was seen of each.

    Assessed ─▶ sarif.log │ ocsf.compliance.lines │ oscal.assessment_results │ markdown.page

Plain values, bounded: of thousands of things with one and the same fault, a count and a few names. Every id is a
UUID of version 5 over what it stands for, so that the same state gives the same bytes.
"""

import uuid

import msgspec

from ringfence.estate.stamps import utc

__all__ = ["FAILED", "PASSED", "UNKNOWN", "Assessed", "Borne", "Open", "Rule", "Seen", "utc", "uuid_of"]

FAILED, PASSED, UNKNOWN = "failed", "passed", "unknown"
_SPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "assess.ringfence.invalid")


class Rule(msgspec.Struct, frozen=True):
    """One check. `weight` is 1 to 10; `tags` are its layer and mismatch; the rest are outside ids."""

    id: str
    name: str
    title: str
    why: str
    remedy: str
    weight: int
    tags: tuple[str, ...] = ()
    nist: tuple[str, ...] = ()
    atlas: tuple[str, ...] = ()
    attack: tuple[str, ...] = ()
    d3fend: tuple[str, ...] = ()
    cis: tuple[str, ...] = ()
    cve: tuple[str, ...] = ()
    source: str = ""

    @property
    def outside(self) -> dict[str, tuple[str, ...]]:
        """Kind of outside id → the ids; kinds without any are left out."""
        kinds = {
            "nist": self.nist,
            "atlas": self.atlas,
            "attack": self.attack,
            "d3fend": self.d3fend,
            "cis": self.cis,
            "cve": self.cve,
        }
        return {kind: ids for kind, ids in kinds.items() if ids}


class Borne(msgspec.Struct, frozen=True):
    """Who accepted it, why, and until when (seconds since the epoch)."""

    owner: str
    reason: str
    expires: float


class Seen(msgspec.Struct, frozen=True):
    """One verdict on `count` things, a few of which are named; `severity` is empty unless it failed.

    `why` says what the severity rests on, `files` are the sources of the facts, `key` tells two apart that are alike
    in rule, verdict and severity.
    """

    rule: str
    verdict: str
    count: int
    subjects: tuple[str, ...]
    reason: str
    severity: str = ""
    why: str = ""
    position: str = ""
    on_way: bool = False
    files: tuple[str, ...] = ()
    accepted: Borne | None = None
    key: str = ""
    assumed: int = 0
    """So many of the things that passed were not captured: what is known of them was taken over from others."""

    @property
    def footnote(self) -> str:
        """What is to be said of those, or nothing."""
        return f"{self.assumed:,} of {self.count:,} assumed from a sample of their class" if self.assumed else ""

    @property
    def id(self) -> str:
        """The same for the same rule, verdict, severity, acceptance and `key`, in every estate."""
        return uuid_of(self.rule, self.verdict, self.severity, self.key, "" if self.accepted is None else "accepted")


class Open(msgspec.Struct, frozen=True):
    """A vulnerability window of one rule, open `count` times: what begins and ends it, and `times` in sentences."""

    rule: str
    begins: str
    ends: str
    count: int
    times: tuple[str, ...]


class Assessed(msgspec.Struct, frozen=True):
    """One assessment: `version` of the program, `as_of` the newest fact in seconds since the epoch, 0 for no date.

    `run_at` is when it was judged. It stands in for a date that no fact has, and is 0 beside one.
    """

    version: str
    as_of: float
    rules: tuple[Rule, ...]
    seen: tuple[Seen, ...]
    windows: tuple[Open, ...] = ()
    run_at: float = 0.0

    @property
    def when(self) -> float:
        """The time to write where a format asks for one, in seconds since the epoch."""
        return self.as_of or self.run_at

    @property
    def caveats(self) -> tuple[str, ...]:
        """What a reader must know before the rest, in sentences: that nothing was judged, that nothing is dated."""
        return tuple(filter(None, (self.unjudged, "" if self.as_of else "No fact has a date.")))

    @property
    def unjudged(self) -> str:
        """That nothing could be judged, in a sentence, else the file would read clean; empty where something was."""
        if any(one.verdict != UNKNOWN for one in self.seen):
            return ""
        unknown = sum(one.count for one in self.seen)
        return f"Nothing at all could be judged: {unknown:,} unknown." if unknown else "Nothing was there to judge."

    @property
    def id(self) -> str:
        """Of exactly this content."""
        return str(uuid.uuid5(_SPACE, msgspec.json.encode(self).decode("utf-8")))


def uuid_of(*parts: str) -> str:
    """A UUID of version 5 that stands for these words."""
    return str(uuid.uuid5(_SPACE, "\x1f".join(parts)))
