"""Target `sessions`: SSH logins that are to be gone from this host, with everything that they started.

        logins below the listening sshd ─▶ those of an account, or from an address ─▶ hang up, terminate, kill

sshd ends its session on SIGTERM, but what ran in it without a terminal is told nothing; so everything below the
session is ended, first politely. What a user moved away from the session before (a daemon, a unit of systemd) is no
longer below it: that is for `contain`'s users and for the scheduler. `read` says of whom a login is still there.
"""

import os
import pwd
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ringfence.collect.processes import Process, descendants, process
from ringfence.enforce import files
from ringfence.enforce.contain_parts import NOTHING, span_of
from ringfence.enforce.ssh import Session, sessions
from ringfence.errors import EnforceError, InputError
from ringfence.segment.model import Artefact
from ringfence.wire.contain import Sessions, decode, encode

GRACE = 1.0
"""Seconds that a process has after SIGHUP and SIGTERM."""

MOST = 10_000
_ROUNDS = 3


class EndSessions:
    """The logins of one sshd: `listener` is its process, `memory` the file of the document that holds."""

    target = "sessions"

    def __init__(self, where: str, listener: int, memory: Path) -> None:
        self.where = where
        self._listener, self._memory = listener, memory

    def read(self) -> str:
        """A document (`wire.contain.Sessions`) of those who are to be gone, and are there; "" where nobody is."""
        wanted = self._wanted()
        there = sessions(self._listener) if wanted != Sessions() else ()
        users = (one for one in wanted.users if any(_is_of(login, one) for login in there))
        addresses = (one for one in wanted.addresses if any(_is_from(login, one) for login in there))
        return encode(Sessions(tuple(users), tuple(addresses)))

    def apply(self, artefact: Artefact) -> None:
        """End the logins that a document names; "" asks for none any more. Raises `EnforceError`."""
        wanted = _decoded(artefact.text)
        self._memory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.replace(self._memory, encode(wanted))
        for _ in range(_ROUNDS):  # who logs in again meanwhile is ended as well
            doomed = [one for one in sessions(self._listener) if _named(one, wanted)]
            if not doomed:
                return
            end_trees(one.pid for one in doomed)

    def restore(self, before: str) -> None:
        """Nobody is to be gone any more. What was ended stays ended."""
        if self._memory.exists():
            files.replace(self._memory, "")

    def _wanted(self) -> Sessions:
        try:
            return decode(files.text(self._memory), Sessions)
        except InputError as error:
            raise EnforceError(f"{self._memory} is damaged: {error.what}", "apply the document again") from None


def end_trees(roots: Iterable[int]) -> None:
    """End processes and all below them: SIGHUP, SIGTERM, and SIGKILL for those that are there `GRACE` s later."""
    found = [process(pid) for root in roots for pid in sorted(descendants(root))]
    doomed = [one for one in found if one is not None and one.pid not in (1, os.getpid())]
    for one in doomed:
        _signal(one, signal.SIGHUP)
        _signal(one, signal.SIGTERM)
    limit = time.monotonic() + GRACE
    while any(map(_lives, doomed)) and time.monotonic() < limit:
        time.sleep(0.01)
    for one in doomed:
        _signal(one, signal.SIGKILL)


def _signal(one: Process, number: signal.Signals) -> None:
    """To that very process: once a handle is open, its number is given to no other (pidfd_open(2))."""
    with suppress(ProcessLookupError, PermissionError):
        handle = os.pidfd_open(one.pid)
        try:
            if _lives(one):
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)


def _lives(one: Process) -> bool:
    """Whether the process is there, and is no zombie, of which nobody has fetched the end."""
    now = process(one.pid)
    if now is None or now.start != one.start:
        return False
    return files.text(Path("/proc", str(one.pid), "stat")).rpartition(") ")[2][:1] not in ("Z", "X", "")


def _named(one: Session, wanted: Sessions) -> bool:
    return any(_is_of(one, user) for user in wanted.users) or any(_is_from(one, text) for text in wanted.addresses)


def _is_of(one: Session, user: str) -> bool:
    """Whether it is the account's login; a number is the uid."""
    if not (user.isascii() and user.isdigit()):
        return one.user == user
    try:
        return pwd.getpwnam(one.user).pw_uid == int(user)
    except KeyError:
        return False


def _is_from(one: Session, text: str) -> bool:
    """Whether the client lies in an address or prefix."""
    wide, narrow = span_of(text), span_of(one.address)
    return wide is not None and narrow is not None and wide[0] == narrow[0] and wide[1] <= narrow[1] <= wide[2]


def _decoded(text: str) -> Sessions:
    try:
        wanted = decode(text, Sessions)
    except InputError as error:
        raise EnforceError(error.what, NOTHING) from None
    if len(wanted.users) + len(wanted.addresses) > MOST:
        raise EnforceError(f"more than {MOST} logins to be ended", NOTHING)
    return wanted
