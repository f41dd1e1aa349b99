"""One turn of one lane, thought out: what is to stand there, what is to go, and what a read-back says of each action.

        rows of the lane ─▶ Turn: want · leave · text ─▶ (applied, read back) ─▶ marks for the queue, lines of evidence

Nothing here touches the world or the queue.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from ringfence.errors import InputError
from ringfence.respond import desired, evidence, verify
from ringfence.respond.desired import MOMENTARY, Wanted
from ringfence.respond.values import HOLD, Cut, Planned, action_id
from ringfence.respond.verify import Compared
from ringfence.store.actions import DOING, DONE, FAILED, HELD, LAPSED, PLANNED, UNDOING, UNDONE, Action, Lane, Mark
from ringfence.store.journal.lines import Line

STANDING = (DOING, DONE, FAILED)
GRACE = 60
"""Seconds for which what should have lapsed is waited for before it is taken away."""
SHARED = "it stays: "
"""How it begins what is said of an undone action that another incident wants too."""
_LONGEST_WHY = 500


class Turn(msgspec.Struct, frozen=True):
    """`want` are to stand, `leave` are to be gone (taken back, or lapsed). `text` is the document of `want`.

    `now` in seconds since the epoch; `keep` stays reachable whatever is cut.
    """

    lane: Lane
    want: tuple[Action, ...]
    leave: tuple[Action, ...]
    text: str
    now: float
    beside: tuple[Action, ...] = ()
    keep: tuple[str, ...] = ()

    @property
    def asked(self) -> tuple[Action, ...]:
        """What somebody asked to be done or taken back now; the rest lapses by itself, or is renewed."""
        return tuple(one for one in (*self.want, *self.leave) if one.state in (DOING, UNDOING))

    @property
    def expires(self) -> bool:
        """Whether all that would change lapses by itself."""
        return all(one.lasts for one in (*self.asked, *(one for one in self.want if one.until != one.stands)))

    @property
    def only_lapses(self) -> bool:
        """Whether nothing is to be done but to see what has lapsed."""
        return not self.asked and not any(one.until != one.stands for one in self.want)

    @property
    def incidents(self) -> tuple[str, ...]:
        """Whose actions would change."""
        return tuple(sorted({one.incident for one in (*self.asked, *self.leave)}))

    @property
    def number(self) -> int:
        """Tells one order of the same document from the next: it grows with each try."""
        return sum(one.tries for one in (*self.want, *self.leave))

    def of(self, rows: Iterable[Action]) -> str:
        """The document of some of them. Raises `InputError`."""
        asked = (one for one in rows if self.lane[0] not in MOMENTARY or one.state != DONE)
        wanted = [
            Wanted(cut_of(one), desired.clipped(one.until, self.now), one.incident) for one in (*asked, *self.beside)
        ]
        return desired.desired(*self.lane, wanted, self.keep, self.now)

    def compared(self, found: str) -> Compared:
        """How what was read differs from what is wanted. Raises `InputError`.

        What does a thing once says what of it is still open.
        """
        target = self.lane[0]
        if target not in MOMENTARY:
            return verify.compare(target, self.text, found, self.now)
        wanted = verify.holdings(verify.document(target, self.text), self.now)
        still = verify.holdings(verify.document(target, found), self.now)
        return Compared(frozenset(wanted.keys() & still.keys()))


def cut_of(one: Action) -> Cut:
    """The cut that a row is about."""
    return Cut(one.verb, one.place, one.subject)


def row_of(incident: str, one: Planned, verdict: str, lasts: int, now: float) -> Action:
    """The row of a cut that was decided, as it goes into the queue at `now`; one that nobody can say has failed."""
    cut, about = one.cut, one.cut.about
    wrong = desired.unsayable(cut)
    lasts = lasts if about.expires and not wrong else 0
    return Action(
        id=action_id(incident, cut), incident=incident, verb=cut.verb, target=cut.target, place=cut.place,
        subject=cut.subject, rank=about.rank, lasts=lasts, until=int(now) + lasts if lasts else 0,
        state=FAILED if wrong else HELD if verdict == HOLD else PLANNED, final=bool(wrong), why=wrong,
        planned_at=now, changed_at=now, body=msgspec.json.encode(one),
    )  # fmt: skip


def turn_of(
    lane: Lane, rows: Iterable[Action], now: float, beside: Iterable[Action] = (), keep: Sequence[str] = ()
) -> Turn:
    """What is to be so in a lane. `beside`: rows of the lane whose document it gets (`flows`). Raises `InputError`."""
    mine = [one for one in rows if not one.final]
    gone = [one for one in mine if one.state == UNDOING or (one.state in (*STANDING, PLANNED) and _over(one, now))]
    want = [one for one in mine if one.state in STANDING and not _over(one, now)]
    near = tuple(one for one in beside if one.state in STANDING and not one.final)
    turn = Turn(lane, tuple(want), tuple(gone), "", now, near, tuple(keep))
    return msgspec.structs.replace(turn, text=turn.of(want))


def prolonged(rows: Iterable[Action], incidents: Collection[str], now: float) -> list[Action]:
    """Rows of `incidents` do not lapse, whatever the clock says: it was set since they were renewed."""
    return [
        msgspec.structs.replace(one, until=int(now) + one.lasts)
        if one.lasts and one.state != UNDOING and one.incident in incidents and _over(one, now)
        else one
        for one in rows
    ]


def failed(turn: Turn, why: str, now: float) -> tuple[list[Mark], list[Line]]:
    """What is said of a turn that did not come about."""
    why = why[:_LONGEST_WHY]
    marks = [
        Mark(one.id, FAILED, (DOING, FAILED), why, one.stands, told=True) for one in turn.want if one.state == DOING
    ]
    marks += [Mark(one.id, FAILED, (DONE,), why, one.stands, told=True) for one in turn.want if _astray(one)]
    marks += [Mark(one.id, UNDOING, (UNDOING,), why, one.stands) for one in turn.leave if one.state == UNDOING]
    ids = {one.id for one in marks}
    told = [one for one in (*turn.want, *turn.leave) if one.id in ids]
    return marks, [evidence.verified(one.incident, cut_of(one), False, now, why, one.attempts) for one in told]


class Found(msgspec.Struct, frozen=True):
    """What was read back. `problems`: id → what the driver said against it; what it could do counts all the same.

    `different`: how a lane that holds nothing of ours is not as it was before. `took`: id → seconds since it was asked.
    `ordered`: something was applied, and not only looked at.
    """

    text: str
    problems: Mapping[str, str] = {}
    different: tuple[str, ...] = ()
    took: Mapping[str, float] = {}
    ordered: bool = False


def settled(turn: Turn, read: Found, now: float) -> tuple[list[Mark], list[Line]]:
    """What a read-back says of each action. Raises `InputError` where what was read is no document."""
    compared, digest = turn.compared(read.text), evidence.digest(read.text)
    marks: list[Mark] = []
    lines = [evidence.read_back(*turn.lane, turn.text, read.text, now, turn.incidents, turn.number)]
    lines = lines if read.ordered else []
    for one in turn.want:
        thing = desired.thing_of(cut_of(one))
        if thing in compared.missing or (not thing[0] and compared.missing):
            why = read.problems.get(one.id) or _why(turn, thing in compared.early)
            marks.append(Mark(one.id, FAILED, STANDING, why, one.stands, read_back=digest, told=True))
            lines.append(evidence.verified(one.incident, cut_of(one), False, now, why, one.attempts))
        elif one.state != DONE:
            marks.append(Mark(one.id, DONE, STANDING, "", one.until, read.took.get(one.id), digest, True))
            lines.append(evidence.verified(one.incident, cut_of(one), True, now, "", one.attempts))
        elif one.until != one.stands:
            marks.append(Mark(one.id, DONE, (DONE,), "", one.until, None, digest, one.told))
    for one in turn.leave:
        mark, line = _left(turn, one, compared, read, digest, now)
        marks.append(mark)
        lines += [line] if line else []
    return marks, lines


def open_things(turn: Turn, found: str) -> bool:
    """Whether something that should have lapsed is there, and still may be: clocks differ."""
    there = turn.compared(found).extra
    return any(
        desired.thing_of(cut_of(one)) in there and turn.now < one.until + GRACE
        for one in turn.leave
        if one.state != UNDOING
    )


def _left(
    turn: Turn, one: Action, compared: Compared, read: Found, digest: str, now: float
) -> tuple[Mark, Line | None]:
    """What became of an action that is to be gone."""
    different, problems = read.different, read.problems
    cut, thing = cut_of(one), desired.thing_of(cut_of(one))
    state, was = (UNDONE, (UNDOING,)) if one.state == UNDOING else (LAPSED, (*STANDING, PLANNED))
    others = sorted({it.incident for it in turn.want if desired.thing_of(cut_of(it)) == thing})
    if others:
        why = f"{SHARED}{', '.join(others[:5])} want{'s' * (len(others) == 1)} it too"
    elif thing in compared.extra:
        there = "it is still there" if state == UNDONE else "it should have lapsed, and is still there"
        why = problems.get(one.id, there)
        return Mark(one.id, one.state, (one.state,), why, one.stands, read_back=digest, told=one.told), None
    elif different and state == UNDONE:
        why = problems.get(one.id) or f"it is not as it was: {'; '.join(different)}"[:_LONGEST_WHY]
        return Mark(one.id, UNDOING, was, why, one.stands, read_back=digest), None
    else:
        why = cut.about.undo if state == UNDONE else ""
    line = (
        evidence.undone(one.incident, cut, now, why=why, attempt=one.attempts)
        if state == UNDONE
        else evidence.lapsed(one.incident, cut, one.until, now, why)
    )
    return Mark(one.id, state, was, why, one.stands, None, digest, True), line


def _over(one: Action, now: float) -> bool:
    return bool(one.until) and one.until <= now


def _astray(one: Action) -> bool:
    """A done one that was to be renewed."""
    return one.state == DONE and one.until != one.stands


def _why(turn: Turn, early: bool) -> str:
    if turn.lane[0] in MOMENTARY:
        return "it is still open"
    return "it would lapse too early" if early else "what was read back does not have it"


def readable(error: Exception) -> str:
    """An error in one line, with what was left."""
    if isinstance(error, InputError):
        return f"what was read back is no document of ours: {error.what}"
    left = getattr(error, "left", ())
    what = getattr(error, "what", "") or f"{type(error).__name__}: {error}"
    return "; ".join((what, *left))[:_LONGEST_WHY]
