"""What hardening remembers between commands: receipts and a signed journal, kept as the fence keeps its own."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

from ringfence.app.fence import ledger
from ringfence.errors import StateError, UsageError
from ringfence.store.journal import durable

_LOOK = 0.1
"""Seconds between two looks at a lock."""


class Ledger(ledger.Ledger):
    """One host's memory. Nothing is made on disk before `make`."""

    def make(self) -> "Ledger":
        """Make the folder if it is not there."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(f"{self.folder}: {error.strerror}", "run as root, or name a folder with --state") from None
        return self

    @property
    def exists(self) -> bool:
        """Whether anything was ever kept here."""
        return self._file.exists() or bool(self._left_over)

    def there(self) -> "Ledger":
        """Raises `UsageError` where nothing was hardened."""
        if not self.exists:
            what = f"{self.folder} holds no receipts"
            raise UsageError(what, "`ringfence harden apply --apply` makes one; name its folder with --state")
        return self

    @contextmanager
    def alone(self, wait: float = 0.0) -> Iterator[None]:
        """Hold the folder while something is changed. `StateError` where another command does for `wait` seconds."""
        handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        if not _held(handle, monotonic() + wait):
            os.close(handle)
            what = f"another command is hardening this host ({self.folder}); nothing was changed by this one"
            raise StateError(what, "wait until it has ended, or say how long with --wait")
        try:
            yield
        finally:
            os.close(handle)

    def keep_theirs(self, content: bytes) -> str:
        """A copy of what somebody else wrote, 0600; its path. Raises `StateError`."""
        folder = self.folder / "theirs"
        name = hashlib.sha256(content).hexdigest()
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            durable.sync(durable.put(folder, name, content))
        except OSError as error:
            raise StateError(f"{folder}: {error.strerror}", "make room; nothing of theirs was overwritten") from None
        return str(folder / name)

    def note(self, what: str, receipt: str, **detail: Any) -> None:
        """One line of the journal; on disk when this returns."""
        self.write_down(what, "host:this", receipt, **detail)


def _held(handle: int, end: float) -> bool:
    """Whether the lock is ours before `end`."""
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if monotonic() >= end:
                return False
            sleep(_LOOK)
        else:
            return True
