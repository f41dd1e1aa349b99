"""Logins, and who becomes whom: the system's log of authentication, followed as it grows.

        /var/log/auth.log, /var/log/secure ─┐
        or `journalctl -f` where neither is ─┴─▶ the reader of syslog ─▶ AUTHENTICATION, …

A log that is rotated is read to its end, then its successor from the beginning. Who can write the log can write lines
of it: what it says counts as one source.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from ringfence.collect.telemetry.samplers.base import PUSH, SAMPLED, About
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.errors import MissingPart
from ringfence.wire.logs.syslog import Reader
from ringfence.wire.ocsf.classes import ACCOUNT_CHANGE, AUTHENTICATION, BASE, SSH, USER_ACCESS
from ringfence.wire.ocsf.event import Event

LOGS = (Path("/var/log/auth.log"), Path("/var/log/secure"))
JOURNAL = ("journalctl", "-f", "-n", "0", "-o", "short", "--facility=auth,authpriv")
READ = 64 << 10
_LONGEST = 8192
_KEPT = (AUTHENTICATION, ACCOUNT_CHANGE, USER_ACCESS, SSH)
_WHAT = "logins, their failures, and changes of accounts"
_NEEDS = "group adm, or CAP_DAC_READ_SEARCH"


class _Lines:
    """Bytes as they come, made events of whole lines."""

    def __init__(self, machine: Machine) -> None:
        self._machine, self._reader, self._rest = machine, Reader(), b""

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events of the lines that are whole now."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest if len(rest) <= _LONGEST else b""
        for line in lines:
            try:
                found = list(self._reader.feed(line[:_LONGEST].decode("utf-8", "replace"), 0))
            except (ValueError, KeyError, TypeError):
                continue  # no line of syslog
            for event in found:
                if event.class_uid in _KEPT and event.class_uid != BASE:
                    yield msgspec.structs.replace(
                        event, host=self._machine.host, time=event.time or time.time_ns() // 1000
                    )


class LoginLog:
    """A log file that grows."""

    about = About("logins", _WHAT, SAMPLED, _NEEDS, "what the log's writer leaves out, or root rewrites")
    every = 0.5
    slow = False

    def __init__(self, machine: Machine, logs: Sequence[Path] = LOGS) -> None:
        self._logs, self._lines = logs, _Lines(machine)

    def open(self) -> None:
        """Begin at the end of the log. Raises `MissingPart`."""
        found = next((one for one in self._logs if one.exists()), None)
        if found is None:
            raise MissingPart(f"none of {', '.join(map(str, self._logs))} is here", "have sshd log to syslog")
        self._path = found
        try:
            self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise MissingPart(f"{self._path}: {error.strerror}", f"give the agent {_NEEDS}") from None
        os.lseek(self._fd, 0, os.SEEK_END)

    def look(self) -> Iterator[Event]:
        """What was written since the last look."""
        data = os.read(self._fd, READ)
        if not data:
            data = self._turned()
        yield from self._lines.feed(data)

    def lost(self) -> int:
        """None: the log keeps what was not read yet."""
        return 0

    def close(self) -> None:
        """Read no more."""
        os.close(self._fd)

    def _turned(self) -> bytes:
        """The beginning of the log that took this one's place, or of this one where it was cut."""
        try:
            now, mine = os.stat(self._path), os.fstat(self._fd)
        except FileNotFoundError:
            return b""
        if (now.st_dev, now.st_ino) != (mine.st_dev, mine.st_ino):
            os.close(self._fd)
            self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        elif mine.st_size < os.lseek(self._fd, 0, os.SEEK_CUR):
            os.lseek(self._fd, 0, os.SEEK_SET)
        return os.read(self._fd, READ)


class LoginJournal:
    """The same from systemd's journal, pushed."""

    about = About("logins", _WHAT, PUSH, "group systemd-journal", "what the journal drops when it is flooded")
    every = 5.0
    slow = False

    def __init__(self, machine: Machine) -> None:
        self._lines = _Lines(machine)

    def open(self) -> int:
        """Begin to follow. Raises `MissingPart`."""
        if shutil.which(JOURNAL[0]) is None or not Path("/run/systemd/journal").exists():
            raise MissingPart("no journal is here", "have sshd log to syslog or the journal")
        self._following = subprocess.Popen(
            JOURNAL, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._following.stdout is not None
        os.set_blocking(self._following.stdout.fileno(), False)
        return self._following.stdout.fileno()

    def look(self) -> Iterator[Event]:
        """What was said since the last look."""
        assert self._following.stdout is not None
        data = os.read(self._following.stdout.fileno(), READ) if self._following.poll() is None else b""
        if not data:
            raise OSError("journalctl has ended")
        yield from self._lines.feed(data)

    def lost(self) -> int:
        """Unknown to us: the journal tells in its own log."""
        return 0

    def close(self) -> None:
        """End the program that follows."""
        self._following.terminate()
        self._following.wait(5)
