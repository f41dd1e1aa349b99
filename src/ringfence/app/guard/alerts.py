"""What a running guard tells people and witnesses, beside the way from an event to a block, which never waits for it.

        answer ─▶ what came of it ─▶ graver than what was paged? ─▶ page ─▶ first address … ─▶ line of evidence
        journal grows ─▶ heads to the witnesses ─▶ refused? ─▶ line, page, and said aloud
        queue ─▶ an order that failed some times ─▶ page
        every few seconds ─▶ guard-status.json: how it stands, for `ringfence respond status` and `show`

An answer is only put into a queue here. Who is to be woken is on disk a moment later; a guard that was killed in
between looks at every open incident again when it begins, and a page that was asked for twice is one.
"""

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from functools import reduce
from pathlib import Path

import msgspec

from ringfence.app import files
from ringfence.app.guard import pages
from ringfence.app.guard.evidence import Book
from ringfence.app.guard.evidence_commands import witnesses_of
from ringfence.app.guard.level import Level, level_in, level_of, press_of, why_of
from ringfence.app.guard.responder import Answer
from ringfence.app.guard.settings import Telling
from ringfence.app.guard.witness import Watched, alarm
from ringfence.errors import RingfenceError, StateError
from ringfence.respond import evidence
from ringfence.store import actions
from ringfence.transport import witness

STATUS, SHADOW = "guard-status.json", "guard-shadow.json"
"""How the guard that acts stands, and how one in shadow mode beside it does."""
EVERY = 5.0
"""Seconds between two times that the guard writes how it stands."""
LATELY = 30.0
"""Seconds after which a guard that tells nothing is told to be silent."""
MOST = 20_000
"""Answers that wait to be looked at, at most. More are said aloud, and not paged."""
REMEMBERED = 10_000
TRIED = 3
"""Times that a cut has failed when somebody is woken for it."""
_LOOK = 0.5
_WAIT = 5.0


class Where(msgspec.Struct, frozen=True):
    """The folders and files that a guard was started with: what the commands beside it have to be given."""

    state: str = ""
    home: str = ""
    site: str = ""
    estate: str = ""


class Status(msgspec.Struct, frozen=True):
    """How a guard stood `at` which second since the epoch. `waiting`, `lost`: lines of evidence without room."""

    at: float
    applies: bool
    where: Where = Where()
    waiting: int = 0
    lost: int = 0
    stuck: bool = False
    witnesses: dict[str, str] = {}
    over: bool = False

    def silent(self, now: float) -> bool:
        """Whether it should have told how it stands since: it hangs, was killed, or its disk is full."""
        return not self.over and now - self.at > LATELY


class Alerts:
    """`heard` may be called from the guard's own thread: it only puts an answer into a queue.

    `floor`: severity from which on somebody is woken for what stays in reach, though nothing is done or held.
    """

    def __init__(
        self, state: Path, telling: Telling, book: Book, told: Callable[[str], None], applies: bool = True,
        where: Where | None = None, floor: int = 0,
    ) -> None:  # fmt: skip
        self._state, self._book, self._told = state, book, told
        self._database = book.database
        self._applies, self._where, self._floor = applies, where or Where(str(state)), floor
        self._waiting: queue.Queue[Answer] = queue.Queue(MOST)
        self._paged: dict[str, Level] = {}
        self._over = threading.Event()
        self._pager = pages.Pager(state, telling.pages, self._was_sent) if telling.pages.urls else None
        self._alarm = alarm(book, self._pager)
        self._watched = Watched(witnesses_of(state, telling.witnesses), book.tree, state, self._witness_said)
        self._unreached: dict[str, str] = {}
        self._titles: dict[str, tuple[str, int]] = {}

    def heard(self, answered: Callable[[Answer], None]) -> Callable[[Answer], None]:
        """The same, and whoever is to know of an answer is woken."""

        def both(answer: Answer) -> None:
            self.saw(answer)
            answered(answer)

        return both

    def saw(self, answer: Answer) -> None:
        """Have it looked at. Never waits."""
        if self._pager is None or not self._applies or level_of(answer, self._floor) is None:
            return
        try:
            self._waiting.put_nowait(answer)
        except queue.Full:
            self._told(f"{answer.incident.id}: {MOST} incidents wait to be paged; nobody is woken for this one")

    @contextlib.contextmanager
    def running(self) -> Iterator["Alerts"]:
        """Tell, for the length of the block."""
        work = [threading.Thread(target=self._run, name="alerts", daemon=True)]
        if self._pager:
            work.append(threading.Thread(target=self._pager.run, args=(self._over,), name="pages", daemon=True))
        with self._watched:
            self._book.changed = self._watched.changed
            for one in work:
                one.start()
            try:
                yield self
            finally:
                self._book.changed = lambda: None
                self._over.set()
                for one in work:
                    one.join(_WAIT)
        if self._pager and not any(one.is_alive() for one in work):
            self._pager.close()
        self._write(over=True)

    def _run(self) -> None:
        written = float("-inf")
        while not self._over.is_set():
            try:
                self._page(self._waiting.get(timeout=_LOOK))
            except queue.Empty:
                pass
            except Exception as error:  # one that cannot be told keeps no other waiting
                self._told(f"somebody was to be woken, and could not be: {error}")
            if time.monotonic() - written > EVERY:
                self._write()
                self._failed()
                written = time.monotonic()

    def _page(self, answer: Answer) -> None:
        """One page an incident, and one more each time that it is graver than what was paged."""
        assert self._pager is not None
        level, named = level_of(answer, self._floor), answer.incident.id
        self._titles[named] = (answer.incident.title, answer.incident.severity)
        if len(self._titles) > REMEMBERED:
            del self._titles[next(iter(self._titles))]
        if level is None or not level.above(self._known(named)):
            return
        why, now = why_of(answer, level), time.time()
        said = pages.body(
            named, answer.incident.title, answer.incident.severity, why, press_of(named, level.held > 0),
            grade=level.grade, cut=level.cut, held=level.held, left=level.left, jobs=len(answer.plan.jobs),
        )  # fmt: skip
        told = f"grade {level.grade}" + (", held" if level.held else "") + (", left" if level.left else "")
        self._pager.page(named, said, now, told)
        self._paged[named] = level.with_(self._paged.get(named, level))
        if len(self._paged) > REMEMBERED:
            del self._paged[next(iter(self._paged))]

    def _failed(self) -> None:
        """One page for each incident of which a cut was tried some times and does not stand."""
        if self._pager is None or not self._applies:
            return
        try:
            rows = actions.listed(self._database, states=(actions.FAILED,))
            for named in dict.fromkeys(one.incident for one in rows if one.final or one.tries >= TRIED):
                mine = [one for one in rows if one.incident == named]
                why = f"{len(mine)} NOT CUT, tried again: {mine[0].verb} at {mine[0].place}: {mine[0].why}"
                title, severity = self._titles.get(named, ("a cut has failed", 100))
                said = pages.body(named, title, severity, why, press_of(named), failed=len(mine))
                self._pager.page(named, said, time.time(), "failed")
        except StateError as error:
            self._told(f"what has failed cannot be read: {error}")

    def _known(self, id: str) -> Level | None:
        """The gravest that was paged for an incident, before this guard began too."""
        if id not in self._paged:
            levels = [level_in(one.body) for one in pages.listed(self._state, id)]
            if levels:
                self._paged[id] = reduce(Level.with_, levels)
        return self._paged.get(id)

    def _was_sent(self, sent: pages.Sent) -> None:
        """A line for each try; said aloud where nobody is reached, once for each answer."""
        page = sent.page
        if not sent.reached and self._unreached.get(sent.to) != sent.answer:
            self._told(f"nobody was woken by {sent.to or 'the pager'}: {sent.answer}; it is tried again")
        self._unreached[sent.to] = "" if sent.reached else sent.answer
        if page.id:
            line = evidence.paged(page.incident, page.id, sent.to, page.level, time.time(), sent.answer)
            with contextlib.suppress(StateError):  # it waits in the book
                self._book.write([line])

    def _witness_said(self, sent: witness.Sent) -> None:
        """Aloud, then as a line and a page."""
        loud = "WITNESS: " if sent.said == witness.REWRITTEN else "witness "
        self._told(f"{loud}{sent.witness}: {sent.said}" + (f": {sent.why}" if sent.why else ""))
        self._alarm(sent)

    def _write(self, over: bool = False) -> None:
        said = {name: f"{one.said}: {one.why}".rstrip(": ") for name, one in sorted(self._watched.last.items())}
        found = Status(
            time.time(), self._applies, self._where, self._book.waiting, self._book.lost, self._book.stuck, said, over
        )
        with contextlib.suppress(OSError, RingfenceError):  # a disk without room: that it is old says so
            files.write(self._state, STATUS if self._applies else SHADOW, msgspec.json.encode(found))


def status(state: Path) -> Status | None:
    """How the guard of a folder last said that it stands; None where none ever did, or not so that it can be read.

    That of one in shadow mode is asked for only where none acts: where none ever did, or it ended before.
    """
    acting, shadow = _status(state / STATUS), _status(state / SHADOW)
    if acting is None or (acting.over and shadow is not None and shadow.at > acting.at):
        return shadow
    return acting


def _status(path: Path) -> Status | None:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(1 << 20), type=Status)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def where(state: Path, home: Path, site: Path, estate: Path) -> Where:
    """The same paths, from wherever they are read."""
    return Where(*(os.path.abspath(one) for one in (state, home, site, estate)))
