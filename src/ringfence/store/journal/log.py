"""The journal: an append-only log with one writer, on disk before `append` returns.

        tiles and bundles ──▶ .checkpoint.next ──▶ checkpoint ──▶ partial tiles that became full go
        (nobody reads them    (the new state is    (everybody
         yet)                  certain from here)   sees it)

Each arrow is a flush to disk, so whatever cuts the writer off leaves the old state or the new one.
`open` finishes what `.checkpoint.next` began: a head that was ever signed is never taken back,
since a log must not sign two heads of which neither continues the other.
"""

import fcntl
import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import msgspec

from ringfence.errors import StateError
from ringfence.store.journal import durable, layout, tree
from ringfence.store.journal.checkpoint import Checkpoint, signed
from ringfence.store.journal.grow import Growth, grow
from ringfence.store.journal.layout import CHECKPOINT, ENTRIES, WIDTH
from ringfence.store.journal.merkle import EMPTY
from ringfence.store.journal.notes import Signer, Verifier

_NEXT = ".checkpoint.next"
_LOCK = ".lock"
_TRY_AGAIN = 0.005


class Appended(msgspec.Struct, frozen=True):
    """Where the entries went: the index of the first, the size since, and the head that covers them, signed."""

    first: int
    size: int
    checkpoint: str


class Journal(tree.Tree):
    """The log in `folder`, held for writing until `close`. Methods may be called from several threads."""

    def __init__(self, folder: Path, checkpoint: Checkpoint, signer: Signer, lock: int) -> None:
        super().__init__(folder, checkpoint)
        self._signer = signer
        self._lock = lock
        self._one_at_a_time = threading.Lock()
        tail = self.bundle(self.size // WIDTH) if self.size % WIDTH else []
        self._grown = Growth({}, self.edge(), tail)

    @classmethod
    def open(
        cls, folder: Path, origin: str, signer: Signer, trusted: Sequence[Verifier] = (), wait: float = 0.0
    ) -> "Journal":
        """Open the log, or begin it, and finish what a writer that was cut off left.

        `trusted` are earlier keys of this log: a head signed by one of them is continued under
        `signer`. `wait`: seconds for which another writer may still hold it. Raises `StateError` where
        another process writes, or the log is damaged, of another origin, or signed by a key that is not trusted.
        """
        with _problems(folder):
            durable.ensure(folder)
            lock = _locked(folder, wait)
        try:
            with _problems(folder):
                keys = [signer.verifier, *trusted]
                _finish(folder, origin, keys)
                if not (folder / CHECKPOINT).exists() and not (folder / "tile").exists():
                    _begin(folder, signed(origin, 0, EMPTY, signer))
                journal = cls(folder, tree.read(folder, keys, origin).checkpoint, signer, lock)
                journal._sweep()
        except BaseException:
            os.close(lock)
            raise
        return journal

    def append(self, entries: Sequence[bytes]) -> Appended:
        """Add entries of at most 65,535 bytes; they are on disk when this returns. O(batch + log n).

        Raises `InputError` with nothing written, or `StateError` where the disk fails: then the
        journal is closed, and `open` tells whether the entries are in it.
        """
        with self._one_at_a_time:
            if self._lock < 0:
                raise StateError(f"{self.folder}: this journal is closed", "open it again")
            first = self.size
            if not entries:
                return Appended(first, first, self.checkpoint.note)
            grown = grow(first, self._grown.edge, self._grown.tail, entries)
            head = signed(self.checkpoint.origin, first + len(entries), grown.root, self._signer)
            try:
                with _problems(self.folder):
                    self._commit(grown.files, head)
            except BaseException:
                self.close()
                raise
            self.checkpoint, self._grown = head, Growth({}, grown.edge, grown.tail)
            return Appended(first, self.size, head.note)

    def close(self) -> None:
        """Let another process write. Closing twice is no error; reading goes on."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, kind: type[BaseException] | None, why: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _commit(self, files: dict[str, bytes], head: Checkpoint) -> None:
        for folder in sorted({durable.put(self.folder, name, data) for name, data in files.items()}):
            durable.sync(folder)
        _begin(self.folder, head)
        for name in files:
            if ".p/" not in name:
                shutil.rmtree(self.folder / f"{name}.p", ignore_errors=True)

    def _sweep(self) -> None:
        """Remove what a writer that was cut off wrote beyond the checkpoint: it was promised to nobody."""
        for level in (ENTRIES, *range(64)):
            if not (self.folder / "tile" / ("entries" if level == ENTRIES else str(level))).is_dir():
                break
            last = first = self.size >> 8 * (max(level, 0) + 1)
            while any(one.exists() for one in self._files(level, last)):
                last += 1
            for index in range(last, first - 1, -1):
                self._cut(level, index, layout.width_of(level, index, self.size))

    def _files(self, level: int, index: int) -> tuple[Path, Path]:
        full = self.folder / layout.path(level, index)
        return full, full.with_name(f"{full.name}.p")

    def _cut(self, level: int, index: int, width: int) -> None:
        full, partial = self._files(level, index)
        full.unlink(missing_ok=True)
        for file in partial.iterdir() if partial.is_dir() else ():
            if not file.name.isdecimal() or int(file.name) > width:
                file.unlink()
        if partial.is_dir() and not width:
            partial.rmdir()


def _begin(folder: Path, head: Checkpoint) -> None:
    """Make `head` the log's checkpoint."""
    durable.write(folder / _NEXT, head.note.encode())
    durable.sync(folder)
    os.replace(folder / _NEXT, folder / CHECKPOINT)
    durable.sync(folder)


def _finish(folder: Path, origin: str, keys: Sequence[Verifier]) -> None:
    """Make a head that was signed and written whole the checkpoint; drop one that was not."""
    if not (folder / _NEXT).exists():
        return
    try:
        whole = tree.at_checkpoint(folder, _NEXT, keys, origin).size
    except StateError:
        whole = -1
    try:
        seen = tree.at_checkpoint(folder, CHECKPOINT, keys, origin).size
    except StateError:
        seen = 0
    if whole >= seen:
        os.replace(folder / _NEXT, folder / CHECKPOINT)
    else:
        (folder / _NEXT).unlink()
    durable.sync(folder)


def _locked(folder: Path, wait: float) -> int:
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    until = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < until:
                time.sleep(_TRY_AGAIN)
                continue
            os.close(handle)
            raise StateError(
                f"{folder}: another process writes this journal", "end it, or let it write: reading needs no lock"
            ) from None
        return handle


@contextmanager
def _problems(folder: Path) -> Iterator[None]:
    """What the system refuses, said as ours: a full disk, a folder that is not ours."""
    try:
        yield
    except OSError as error:
        remedy = "make room or mend the disk, then open the journal again"
        raise StateError(f"{error.filename or folder}: {error.strerror}", remedy) from None
