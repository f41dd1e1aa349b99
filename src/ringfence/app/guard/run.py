"""`ringfence guard`: watch, plan, guard and act in one process, until it is ended.

        live watch ─▶ incidents ─▶ inbox (the latest of each) ─▶ responder ─▶ queue ─▶ act ─▶ enforcers
                                     ▲ held by what passes: a limit of one minute, a full disk
                                     ▲ a person's word, the stop or its end: within a second
                                     renewals, evidence that waits ◀─ every second

A guard that was killed begins where the queue and the watch's incidents say; what it had begun is looked at first.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec

from ringfence.app.guard import approve
from ringfence.app.guard.evidence import Book
from ringfence.app.guard.inbox import Inbox
from ringfence.app.guard.known import LOOK, Keeping
from ringfence.app.guard.responder import Answer, Responder
from ringfence.app.guard.room import Room
from ringfence.app.guard.spoken import Spoken
from ringfence.app.watch import keeping
from ringfence.app.watch.live import DATABASE, Live
from ringfence.app.watch.live import run as watch
from ringfence.app.watch.made import Made
from ringfence.errors import RingfenceError, UsageError
from ringfence.respond.act import Act
from ringfence.respond.undo import undo
from ringfence.respond.values import HOLD
from ringfence.store import actions, incidents
from ringfence.store.state import Database
from ringfence.watch.incident import DISMISSED, OPEN
from ringfence.watch.values import Incident

EVERY = 1.0
"""Seconds between two rounds of what is due by the clock."""
HEARD = 0.5
"""Seconds between two looks at what people said."""
AGAIN = 5.0
"""Seconds until an incident is looked at once more of which something is held by what passes."""
PASSES = frozenset(
    {
        "stop", "evidence", "estate", "hours", "incidents-a-minute", "hosts-a-minute", "jobs-a-minute", "hosts-at-once",
    }
)  # fmt: skip
"""Rules of `respond.guard` that hold a cut now and may let it go with nothing new of the incident."""
KEPT = 30 * 86_400.0
"""Seconds for which what is over is kept in the queue; the journal has it for good."""
_LIVE = (actions.HELD, actions.PLANNED, actions.DOING, actions.DONE, actions.FAILED)

Told = Callable[[str], None]


class Guard(msgspec.Struct, frozen=True):
    """The parts of a running guard. `again`, `look`: seconds, as `AGAIN` and `known.LOOK`."""

    room: Room
    responder: Responder
    act: Act | None
    book: Book
    known: Keeping
    again: float = AGAIN
    look: float = LOOK


def run(live: Live, made: Made, guard: Guard, told: Told, answered: Callable[[Answer], None]) -> None:
    """Guard until SIGTERM or SIGINT. Raises `UsageError`, `StateError`, `MissingPart`."""
    inbox, over = Inbox(), threading.Event()
    with beside(guard, live.home, inbox, over, told, answered):
        watch(live, made, told, inbox.put)


@contextlib.contextmanager
def beside(
    guard: Guard, home: Path, inbox: Inbox, over: threading.Event, told: Told, answered: Callable[[Answer], None]
) -> Iterator[None]:
    """All parts but the watch, for the length of the block. `home`: the watch's folder."""

    def every_one() -> None:
        for one in left(home):
            inbox.put(one)

    spoken = Spoken(guard.room.folder)
    every_one()
    work = [
        partial(_listen, spoken, home, inbox, over),
        partial(respond, guard, inbox, over, told, answered),
        partial(guard.known.follow, over, guard.look, every_one),
        partial(_tend, guard, home, over, told),
    ]
    work += [partial(guard.act.run, over)] if guard.act else []
    threads = [threading.Thread(target=_until_over, args=(one, over, told), daemon=True) for one in work]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        inbox.wake()
        for thread in threads:
            thread.join(5.0)


def _until_over(work: Callable[[], None], over: threading.Event, told: Told) -> None:
    """A part that fails by a fault of ours is told, and begun again."""
    while not over.is_set():
        try:
            work()
        except Exception as error:  # whatever it is, the other parts go on
            told(f"a part of the guard failed and begins again: {type(error).__name__}: {error}")
            over.wait(EVERY)


def respond(guard: Guard, inbox: Inbox, over: threading.Event, told: Told, answered: Callable[[Answer], None]) -> None:
    """Answer every incident of the inbox. One that fails keeps no other waiting, and is tried again."""
    troubled: dict[str, str] = {}
    while not over.is_set():
        incident = inbox.take(EVERY)
        if incident is None:
            continue
        trouble = ""
        try:
            if incident.state == DISMISSED:
                _taken_back(guard, incident, told)
            elif incident.state == OPEN:
                answer = guard.responder.take(incident)
                if answer.news:
                    answered(answer)
                if any(one.verdict == HOLD and one.rule in PASSES for one in answer.decisions):
                    inbox.again(incident, guard.again)
        except Exception as error:  # also a fault of ours: the next incident may do without what failed
            trouble = str(error) if isinstance(error, RingfenceError) else f"{type(error).__name__}: {error}"
            inbox.again(incident, EVERY)
        if trouble and troubled.get(incident.id) != trouble:
            told(f"{incident.id}: {trouble}; it is tried again")
        troubled.pop(incident.id, None)
        if trouble:
            troubled[incident.id] = trouble


def _listen(spoken: Spoken, home: Path, inbox: Inbox, over: threading.Event) -> None:
    """What a person said, or did to the stop, is looked at now, with nothing new of the incident."""
    while not over.wait(HEARD):
        about = spoken.news()
        if about is None or about:
            for one in left(home):
                if about is None or one.id in about:
                    inbox.put(one)


def _taken_back(guard: Guard, incident: Incident, told: Told) -> None:
    """A person called it benign: all of it goes, what only memory has too."""
    who = f"a verdict on {incident.id}"
    with contextlib.suppress(UsageError):  # nothing was done because of it
        before = actions.listed(guard.room.ledger.database, incident.id, _LIVE)
        if guard.act:
            guard.act.undo(incident.id, who=who)
        else:
            undo(guard.room.ledger.database, incident.id, who=who)
        if before:
            told(f"{incident.id} was dismissed: its cuts are taken back")


def _tend(guard: Guard, home: Path, over: threading.Event, told: Told) -> None:
    """Renew what lapses of open incidents, write what waits, forget what is long over."""
    troubled, forgot = "", time.monotonic()
    with contextlib.ExitStack() as stack:
        watched: Database | None = None
        known: list[str] = []
        while not over.wait(EVERY):
            trouble = ""
            try:
                if watched is None and (home / DATABASE).exists():
                    watched = stack.enter_context(Database.open(home / DATABASE))
                known = incidents.ids(watched, OPEN) if watched else []
            except RingfenceError as error:  # what was open goes on: nothing may lapse because we cannot look
                trouble = str(error)
            try:
                if guard.act:
                    guard.act.renew(known)
                if guard.book.stuck or guard.book.waiting:
                    guard.book.flush()
                if time.monotonic() - forgot > 3600.0:
                    forgot = time.monotonic()
                    actions.forget(guard.room.ledger.database, time.time() - KEPT)
                    approve.forget(guard.room.folder, known, time.time() - KEPT)
            except RingfenceError as error:
                trouble = str(error)
            if trouble and trouble != troubled:
                told(trouble)
            troubled = trouble


def left(home: Path) -> list[Incident]:
    """The incidents that the watch's folder holds open, and those that were dismissed: a guard may have been away."""
    if not (home / DATABASE).exists():
        return []
    with contextlib.closing(Database.open(home / DATABASE)) as database:
        return keeping.kept(database, (OPEN, DISMISSED))
