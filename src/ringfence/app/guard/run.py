"""`ringfence guard`: watch, plan, guard and act in one process, until it is ended.

        live watch ─▶ incidents ─▶ inbox (the latest of each) ─▶ responder ─▶ queue ─▶ act ─▶ enforcers
                                     renewals, words of people, evidence that waits ◀─ every second

A guard that was killed begins where the queue and the watch's incidents say; what it had begun is looked at first.
"""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec

from ringfence.app.guard.evidence import Book
from ringfence.app.guard.known import Keeping
from ringfence.app.guard.responder import Answer, Responder
from ringfence.app.guard.room import Room
from ringfence.app.watch import keeping
from ringfence.app.watch.live import DATABASE, Live
from ringfence.app.watch.live import run as watch
from ringfence.app.watch.made import Made
from ringfence.errors import RingfenceError, UsageError
from ringfence.respond.act import Act
from ringfence.respond.undo import undo
from ringfence.store.state import Database
from ringfence.watch.incident import DISMISSED, OPEN
from ringfence.watch.values import Incident

EVERY = 1.0
"""Seconds between two rounds of what is due by the clock."""

Told = Callable[[str], None]


class Guard(msgspec.Struct, frozen=True):
    """The parts of a running guard."""

    room: Room
    responder: Responder
    act: Act | None
    book: Book | None
    known: Keeping


class Inbox:
    """The latest version of each incident that nobody has looked at yet, the first come first."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, Incident] = OrderedDict()
        self._some = threading.Condition()

    def put(self, incident: Incident) -> None:
        """Never waits."""
        with self._some:
            known = self._waiting.get(incident.id)
            if known is None or incident.version >= known.version:
                self._waiting[incident.id] = incident
            self._some.notify()

    def take(self, wait: float) -> Incident | None:
        """The next one; None if none came within `wait` seconds."""
        with self._some:
            if not self._waiting:
                self._some.wait(wait)
            return self._waiting.popitem(last=False)[1] if self._waiting else None


def run(live: Live, made: Made, guard: Guard, told: Told, answered: Callable[[Answer], None]) -> None:
    """Guard until SIGTERM or SIGINT. Raises `UsageError`, `StateError`, `MissingPart`."""
    inbox, over = Inbox(), threading.Event()
    work = [partial(_respond, guard, inbox, over, told, answered), partial(guard.known.follow, over)]
    if guard.act is not None:
        work += [partial(guard.act.run, over), partial(_tend, guard, live.home, over, told)]
    for one in _left_open(live.home):
        inbox.put(one)
    threads = [threading.Thread(target=_until_over, args=(one, over, told), daemon=True) for one in work]
    for thread in threads:
        thread.start()
    try:
        watch(live, made, told, inbox.put)
    finally:
        over.set()
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


def _respond(guard: Guard, inbox: Inbox, over: threading.Event, told: Told, answered: Callable[[Answer], None]) -> None:
    while not over.is_set():
        incident = inbox.take(EVERY)
        if incident is None:
            continue
        try:
            if incident.state == DISMISSED:
                _taken_back(guard, incident, told)
            elif incident.state == OPEN:
                answered(guard.responder.take(incident))
        except RingfenceError as error:
            told(f"{incident.id}: {error}; it is tried again")
            inbox.put(incident)
            over.wait(EVERY)


def _taken_back(guard: Guard, incident: Incident, told: Told) -> None:
    """A person called it benign: all of it goes."""
    with contextlib.suppress(UsageError):  # nothing was done because of it
        undo(guard.room.ledger.database, incident.id, who=f"a verdict on {incident.id}")
        told(f"{incident.id} was dismissed: its cuts are taken back")


def _tend(guard: Guard, home: Path, over: threading.Event, told: Told) -> None:
    """Renew what lapses of open incidents, write what waits, forget what is long over."""
    assert guard.act is not None
    assert guard.book is not None
    troubled = ""
    while not over.wait(EVERY):
        try:
            guard.act.renew(one.id for one in _left_open(home))
            if guard.book.waiting:
                guard.book.flush()
            trouble = ""
        except RingfenceError as error:
            trouble = str(error)
        if trouble and trouble != troubled:
            told(trouble)
        troubled = trouble


def _left_open(home: Path) -> Iterator[Incident]:
    """The incidents that the watch's folder holds open."""
    if not (home / DATABASE).exists():
        return
    with contextlib.closing(Database.open(home / DATABASE)) as database:
        yield from keeping.kept(database, (OPEN,))
