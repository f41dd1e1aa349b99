"""Each new head of the journal goes to every witness, at most once a second; a rewritten log is told loudly.

append ─▶ changed() ─▶ thread ─▶ read the head ─▶ send ─▶ kept │ rewritten ─▶ line, page
                                     ▲              └─ failed ─▶ again, later
"""

import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic, time
from types import TracebackType

from ringfence.app import files
from ringfence.app.guard.evidence import Book
from ringfence.app.guard.pages import Pager, body
from ringfence.errors import RingfenceError, StateError
from ringfence.respond.evidence import witness_said
from ringfence.store.journal import Tree, durable
from ringfence.transport.witness import FAILED, KEPT, REWRITTEN, HttpWitness, Sent, Witness

EVERY = 1.0
"""Seconds between two heads that are sent."""
_LONGEST = 60.0
_FOLDER = "witnessed"
_REWRITTEN = "the journal is not the one that its witness took: it was rewritten"
_JOURNAL = "journal"
"""What stands for the incident in a page about the journal itself."""
_PRESS = ("ringfence evidence verify --journal DIR --witness-file FILE --key KEY",)
_ODD = re.compile(r"[^A-Za-z0-9.-]")


class Watched:
    """Sends heads in a thread of its own. `tell` hears when what a witness says changes: a line of that is a new head.

    `state` is the fence's folder: cosigned heads are kept in `witnessed/`. Use as a context manager.
    """

    def __init__(
        self,
        witnesses: Sequence[Witness],
        tree: Callable[[], Tree],
        state: Path,
        tell: Callable[[Sent], None] = lambda _: None,
    ) -> None:
        self._witnesses, self._tree, self._state, self._tell = tuple(witnesses), tree, state, tell
        self.last: dict[str, Sent] = {}
        self._one_at_a_time = threading.Lock()
        self._wake, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="witnesses", daemon=True)

    def changed(self) -> None:
        """There is a new head."""
        self._wake.set()

    def once(self) -> list[Sent]:
        """Send the head now, to all; what became of it at each. Raises `StateError` where the journal is damaged."""
        with self._one_at_a_time:
            tree = self._tree()
            said = [one.send(tree) for one in self._witnesses]
            for one in said:
                if one.note:
                    keep(self._state, one)
                before = self.last.get(one.witness)
                self.last[one.witness] = one
                if (before.said if before else KEPT) != one.said:
                    self._tell(one)
        return said

    def __enter__(self) -> "Watched":
        if self._witnesses:
            self._thread.start()
            self.changed()
        return self

    def __exit__(self, kind: type[BaseException] | None, why: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(_LONGEST)
        for one in self._witnesses:
            if isinstance(one, HttpWitness):
                one.close()

    def _run(self) -> None:
        """Until the end; the last head is sent before it, once."""
        pause = EVERY
        while self._wake.wait():
            ending = self._ended.is_set()
            self._wake.clear()
            began = monotonic()
            well = self._sent()
            if ending:
                return
            pause = EVERY if well else min(2 * pause, _LONGEST)
            self._ended.wait(max(0.0, pause - (monotonic() - began)))
            if not well or self._ended.is_set():
                self._wake.set()

    def _sent(self) -> bool:
        """Whether nobody needs to be asked again."""
        try:
            return all(one.said != FAILED for one in self.once())
        except RingfenceError as error:
            sent = Sent("journal", FAILED, 0, error.what)
            if self.last.get("journal") != sent:
                self.last["journal"] = sent
                self._tell(sent)
            return False


def alarm(book: Book, pager: Pager | None = None) -> Callable[[Sent], None]:
    """What `Watched` tells: a line of evidence each time, and somebody is woken where the log was rewritten.

    A line that has no room waits in the book; its error is the next writer's.
    """

    def tell(sent: Sent) -> None:
        now = time()
        if sent.said == REWRITTEN and pager is not None:
            said = body(_JOURNAL, _REWRITTEN, 100, f"{sent.witness}: {sent.why}", _PRESS, lines=sent.size)
            pager.page(_JOURNAL, said, now, f"rewritten, says {sent.witness}")
        with suppress(StateError):
            book.write(
                [witness_said(sent.witness, f"{sent.said}: {sent.why}" if sent.why else sent.said, sent.size, now)]
            )

    return tell


def keep(state: Path, sent: Sent) -> None:
    """Keep a cosigned head, by its witness's name."""
    durable.ensure(state / _FOLDER)
    files.write(state / _FOLDER, f"{_ODD.sub('_', sent.witness)[:100]}.note", sent.note.encode())


def kept(state: Path) -> list[str]:
    """The cosigned heads that are kept, a note each."""
    found = sorted((state / _FOLDER).glob("*.note"))
    return [one.read_text("utf-8", "replace") for one in found]
