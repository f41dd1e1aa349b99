"""From when to when a vulnerability window stood open, as far as facts carry times; else what would tell.

finding ─▶ attributes of its facts and of those about its subject ─┐
        └▶ times of the work that writes, reads or runs there ─────┴▶ Span(start, end), or what would tell

A time that is not known is never guessed: when a survey saw the window open is told apart from when it opened.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import msgspec
import numpy as np

from ringfence.assess.runs import times
from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import kind_of
from ringfence.estate.stamps import moment

OWN = "own"
"""Instead of a relation: the subject is the work itself."""
_WORK = ("job", "pod", "container", "service")
_ABOUT = ("stored_on", "has_hash", "checkpoint_of", "stores_credential", "keeps_credential", "agent_forwarded")
_PLACES = ("in_cluster", "runs_on", "uses_gpu")
_Told = tuple[float, str]


class Side(msgspec.Struct, frozen=True):
    """What tells one side of a window: attributes of facts, else when work that stands in a relation to the subject
    began or ended (`began`); `tells` says to a person what would.
    """

    names: tuple[str, ...]
    tells: str
    relations: tuple[str, ...] = ()
    began: bool = True


class Span(msgspec.Struct, frozen=True):
    """One window of one subject: seconds since the epoch, 0 for not known, and what says so."""

    subject: str
    start: float = 0.0
    start_by: str = ""
    end: float = 0.0
    end_by: str = ""


_MADE = ("written", "mtime", "created", "modified")
_GONE = ("expires", "deleted")
_WRITTEN = Side(_MADE, "`mtime` on a fact about it, or when the job that writes it began (`since`)", ("writes",))
_DELETED = Side(_GONE, "`expires` on a fact about it: when the rule that deletes it does so")
_RESUMED = Side(_GONE, "when the last job that reads it ends (`until` of its used_gpu_hours)", ("reads",), False)
_SECRET = Side(("created", "since", "mtime"), "`created` on the fact of the credential")
_CHANGED = Side(("expires", "until", "deleted"), "`expires` on the fact of the credential, or when it was changed")
_OWN_START = Side(("submitted",), "when it began (`since` of its used_gpu_hours)", (OWN,))
_JOB = Side((), "when the first job there began (`since` of its used_gpu_hours)", _PLACES)
_JOB_ENDED = Side((), "when the first job there ended (`until` of its used_gpu_hours)", _PLACES, False)
_NEXT_JOB = Side((), "when the next job began on the same accelerator (`since`, and `uses_gpu`)")
_EMPTIED = Side(("emptied",), "when the node was started again or emptied (`emptied` on a fact of the finding)")
_HERE = Side(("since", "created"), "`since` on the fact of the finding")
_ENDED = Side(("until",), "`until` on the fact of the finding")

SIDES: Mapping[str, tuple[Side, Side]] = {
    "RF-D03": (_WRITTEN, _DELETED),
    "RF-D06": (Side((), "traffic to the outside, which `ringfence watch` sees"), Side((), "the same traffic")),
    "RF-D07": (Side(("approved", *_MADE), "`approved` or `mtime` on a fact about it", ("writes",)), _RESUMED),
    "RF-D08": (_WRITTEN, _RESUMED),
    "RF-D10": (_WRITTEN, Side(("recorded",), "`recorded` on a fact about it: when its lineage came to be told")),
    "RF-D17": (_WRITTEN, _RESUMED),
    "RF-D19": (_SECRET, _CHANGED),
    "RF-G06": (_JOB_ENDED, _NEXT_JOB),
    "RF-G14": (_JOB_ENDED, _NEXT_JOB),
    "RF-W01": (_WRITTEN, _DELETED),
    "RF-W02": (_WRITTEN, _RESUMED),
    "RF-W03": (_OWN_START, _CHANGED),
    "RF-W04": (_SECRET, _CHANGED),
    "RF-W05": (_OWN_START, _EMPTIED),
    "RF-W06": (_JOB, _EMPTIED),
    "RF-W07": (_JOB, Side((), "when the job ended, and MinJobAge of slurm.conf")),
    "RF-W08": (_HERE, _ENDED),
    "RF-W09": (_HERE, _ENDED),
    "RF-W10": (_JOB, _ENDED),
    "RF-W11": (_HERE, _DELETED),
    "RF-W12": (_SECRET, _CHANGED),
}
"""Check → what tells its start, and its end."""


class _Works:
    """All that is work, by its kind."""

    def __contains__(self, name: object) -> bool:
        return kind_of(str(name)) in _WORK


class Clock:
    """When the work of an estate began and ended; looked up once, and only if some window asks."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate

    @cached_property
    def known(self) -> dict[str, tuple[float, float]]:
        """Work → (since, until), 0 for the side that is not known."""
        return times(self.estate, _Works())


def spans(clock: Clock, check: str, found: Iterable[tuple[str, Sequence[Fact]]]) -> tuple[Span, ...]:
    """Of each (subject, facts of the finding) from when to when. `check` is an id with a window."""
    start, end = SIDES[check]
    told = []
    for subject, facts in found:
        facts = [*facts, *(fact for name in _ABOUT for fact in clock.estate.about(subject, name))]
        told.append(Span(subject, *_side(clock, subject, facts, start, min), *_side(clock, subject, facts, end, max)))
    return tuple(told)


def _side(
    clock: Clock, subject: str, facts: Iterable[Fact], side: Side, pick: Callable[[Iterable[_Told]], _Told]
) -> _Told:
    """(time, what says so): by facts, else by work; (0, "") where neither tells."""
    found = [*_dated(facts, side)] or [*_worked(clock, subject, side)]
    return pick(found) if found else (0.0, "")


def _dated(facts: Iterable[Fact], side: Side) -> Iterator[_Told]:
    for fact in facts:
        for name in side.names:
            at = moment(fact.attributes[name]) if name in fact.attributes else None
            if at:
                yield at, f"{name} of {fact.predicate}"


def _worked(clock: Clock, subject: str, side: Side) -> Iterator[_Told]:
    """Of work with that relation; that data was read for the last time is known only where every reader has ended."""
    names = [name for one in side.relations for name in _works(clock.estate, subject, one)]
    told = [(clock.known.get(name, (0.0, 0.0))[0 if side.began else 1], name) for name in names]
    if side.relations == _RESUMED.relations and not all(at for at, _ in told):
        return
    yield from ((at, f"{name} {'began' if side.began else 'ended'}") for at, name in told if at)


def _works(estate: Estate, subject: str, relation: str) -> list[str]:
    """The jobs, pods, containers and services that stand so to the subject, by name."""
    if relation == OWN:
        return [subject]
    table, term = estate.table(relation), estate.terms.find(subject)
    at = table.find("object", np.array([term], np.int32))[1]
    names = {estate.terms.values[int(one)] for one in table.subject[at]}
    return sorted(name for name in names if kind_of(name) in _WORK)
