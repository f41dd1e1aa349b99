"""What automation has used of its limits, what stands, and what people said: values that the app keeps.

A person's word is later than another by its place in the sequence, not by its clock, so that a clock that jumps
changes nobody's mind.
"""

from collections.abc import Iterable, Sequence

import msgspec

from ringfence.respond.values import Cut, Planned
from ringfence.respond.verbs import Grade

MINUTE = 60.0
APPROVE, UNDO, RELEASE, BENIGN, CONFIRMED = "approve", "undo", "release", "benign", "confirmed"


class Word(msgspec.Struct, frozen=True):
    """What a person said, by account (`uid`, `who`), at `when` (seconds since the epoch).

    `what`: `approve` the `cuts` (`values.action_id`) of the incident `about`; `undo` it, or of it the `cuts`;
    call it `benign` or `confirmed`; `release` the host `about`, and with it the `cuts` that stood there.
    """

    what: str
    about: str
    when: float
    uid: int
    who: str
    cuts: tuple[str, ...] = ()
    why: str = ""


class Did(msgspec.Struct, frozen=True):
    """A cut that was begun or queued, because of `incident`, at `when` (seconds since the epoch); where it is felt.

    `stands`: it is in force, or about to be.
    """

    incident: str
    cut: Cut
    when: float
    hosts: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    stands: bool = True


class Spent(msgspec.Struct, frozen=True):
    """`hosts`, `jobs` and `incidents` of the last minute; `standing_hosts` felt now; `standing` (incident, cut)."""

    hosts: frozenset[str] = frozenset()
    jobs: frozenset[str] = frozenset()
    incidents: frozenset[str] = frozenset()
    standing_hosts: frozenset[str] = frozenset()
    standing: frozenset[tuple[str, Cut]] = frozenset()


def spent(done: Iterable[Did], now: float, jumped: float = 0.0) -> Spent:
    """What was used, of all that was done and stands.

    `jumped` is by how many seconds the wall clock moved beyond the monotonic one within the last minute. What was done
    in the future of a clock that went back counts as done just now; a clock that went ahead shortens no minute.
    """
    kept = tuple(done)
    cutting = [one for one in kept if one.cut.about.grade > Grade.WATCH]
    lately = [one for one in cutting if one.when > now - MINUTE - max(jumped, 0.0)]
    return Spent(
        hosts=frozenset(host for one in lately for host in felt(one.cut, one.hosts)),
        jobs=frozenset(job for one in lately for job in one.jobs),
        incidents=frozenset(one.incident for one in lately),
        standing_hosts=frozenset(host for one in cutting if one.stands for host in felt(one.cut, one.hosts)),
        standing=frozenset((one.incident, one.cut) for one in kept if one.stands),
    )


class Clock:
    """How far the wall clock has moved ahead of the monotonic one within the last minute, as `spent` wants it told."""

    def __init__(self) -> None:
        self._marks: list[tuple[float, float]] = []

    def jumped(self, wall: float, monotonic: float) -> float:
        """Seconds, 0 for a clock that went as it should or back. Ask at every look; the first one knows of no jump."""
        self._marks = [one for one in self._marks if monotonic - one[0] <= MINUTE]
        self._marks.append((monotonic, wall - monotonic))
        return wall - monotonic - min(ahead for _, ahead in self._marks)


def felt(cut: Cut, hosts: Sequence[str]) -> tuple[str, ...]:
    """The hosts on which a cut is felt: its place is one where that is a host."""
    return tuple(dict.fromkeys((*hosts, *([cut.place] if cut.place.startswith("host:") else []))))


def size(planned: Iterable[Planned], jobs: Iterable[str] = ()) -> int:
    """Hosts that some cuts are felt on, or jobs that they disturb, whichever are more."""
    kept = [one for one in planned if one.cut.about.grade > Grade.WATCH]
    hosts = {host for one in kept for host in felt(one.cut, one.hosts)}
    return max(len(hosts), len({*jobs, *(job for one in kept for job in one.jobs)}))
