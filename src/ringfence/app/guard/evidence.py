"""Lines of evidence into the fence's journal: in order, each once, and none dropped in silence.

        write ─▶ known? ─▶ waiting ─▶ one append ─▶ on disk ─▶ changed() ─▶ witnesses
                               ▲ the disk is full: they stay here, and the caller is told

The journal is opened for each batch: `ringfence fence apply` writes the same one, and its lock goes to one at a time.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from time import time

from ringfence.app.fence.ledger import ORIGIN, Ledger
from ringfence.errors import InputError, StateError
from ringfence.respond.evidence import EVENT, lost
from ringfence.store.journal import Journal, Line, Tree, lines, read
from ringfence.store.state import Database

TAIL = 8192
"""Lines at the end of the journal among which a line that is written again is looked for after a start."""
KNOWN = 65_536
"""Events remembered while running."""
MOST_LINES, MOST_BYTES = 20_000, 32 << 20
"""What may wait in memory for room on disk."""
_BATCH = 4096


class Book:
    """`respond.evidence.Evidence`, bound to a fence's journal. May be used by several threads.

    `changed` is called after each append, outside of the journal's lock; it may be set later.
    """

    def __init__(self, ledger: Ledger, changed: Callable[[], None] = lambda: None) -> None:
        self._ledger, self.changed = ledger, changed
        self._one_at_a_time = threading.RLock()
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._bytes = 0
        self._known: dict[str, None] = {}
        self._size = -1  # lines of the journal when we last looked; -1: look at its tail
        self._lost, self._since = 0, 0.0
        self.stuck = False
        """Whether the last write failed."""

    @property
    def waiting(self) -> int:
        """Lines that are not on disk yet."""
        return len(self._waiting)

    @property
    def lost(self) -> int:
        """Lines that had no room in memory either and are not told in the journal yet."""
        return self._lost

    @property
    def database(self) -> Database:
        """The state beside the journal. Raises `StateError`."""
        return self._ledger.database

    def write(self, batch: Sequence[Line]) -> None:
        """Put these in the journal, behind what waits. Raises `StateError`, and they wait; `InputError` for no line."""
        encoded = [(_event(one), lines.encode(one)) for one in batch]
        with self._one_at_a_time:
            for event, data in encoded:
                self._take(event, data)
            if not self._waiting:
                return
            self._write()
        self.changed()

    def hold(self, batch: Sequence[Line]) -> None:
        """Have these go in front of the next ones that are written: nothing is done before those are on disk."""
        encoded = [(_event(one), lines.encode(one)) for one in batch]
        with self._one_at_a_time:
            for event, data in encoded:
                self._take(event, data)

    def flush(self) -> None:
        """Write what waits. Raises `StateError` while there is no room."""
        self.write(())

    def tree(self) -> Tree:
        """The journal at its head, for reading. Raises `StateError`."""
        return read(self._ledger.folder / "journal", [self._ledger.signer.verifier], ORIGIN)

    def _take(self, event: str, data: bytes) -> None:
        if len(self._waiting) >= MOST_LINES or self._bytes + len(data) > MOST_BYTES:
            self._since = self._since or time()
            self._lost += 1
            return
        self._waiting.append((event, data))
        self._bytes += len(data)

    def _write(self) -> None:
        try:
            with self._ledger.journal() as journal:
                self._look(journal)
                while self._waiting:
                    self._append(journal)
                if self._lost:
                    told = lost(self._lost, self._since, time())
                    journal.append([lines.encode(told)])
                    self._lost, self._since = 0, 0.0
                self._size = journal.size
                self.stuck = False
        except StateError as error:
            self.stuck = True
            self._size = -1  # an append that failed may be on disk all the same
            what = f"{error.what}; {len(self._waiting)} lines of evidence wait in memory"
            raise StateError(f"{what}, {self._lost} are lost" if self._lost else what, error.remedy) from None

    def _append(self, journal: Journal) -> None:
        """One batch, without what stands in the journal."""
        part = [self._waiting[at] for at in range(min(_BATCH, len(self._waiting)))]
        new = {event or str(at): data for at, (event, data) in enumerate(part) if not event or event not in self._known}
        if new:
            journal.append(list(new.values()))
        for event, data in part:
            self._waiting.popleft()
            self._bytes -= len(data)
            self._remember(event)

    def _look(self, journal: Journal) -> None:
        """Know the events at the journal's end, and what others wrote since."""
        first = max(journal.size - TAIL, 0) if self._size < 0 else self._size
        for entry in journal.entries(min(first, journal.size)):
            try:
                self._remember(_event(lines.decode(entry)))
            except InputError:
                continue  # not a line of ours: the audit's to tell

    def _remember(self, event: str) -> None:
        if event:
            self._known[event] = None
        while len(self._known) > KNOWN:
            del self._known[next(iter(self._known))]


def _event(one: Line) -> str:
    found = one.detail.get(EVENT, "")
    return found if isinstance(found, str) else ""
