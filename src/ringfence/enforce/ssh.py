"""sshd of one host: a drop-in, checked by `sshd -t`, read at SIGHUP; and sessions that may no longer be.

candidate ──sshd -t──▶ replace the drop-in ──SIGHUP──▶ new connections are judged by it

Until SIGHUP a running sshd hands each connection the configuration that it read at its start, so a file that was
replaced but not announced changes nothing. What was open before stays open until `end_sessions`.
"""

import os
import re
import signal
import sys
import tempfile
import time
from ipaddress import ip_address
from pathlib import Path

import msgspec

from ringfence.enforce import files
from ringfence.errors import EnforceError
from ringfence.segment.model import Artefact
from ringfence.wire.host.logins import Logins, admits

_SESSION = re.compile(r"\Asshd(?:-session)?: ([^\s@\[]{1,64})(?:@\S{1,64}| \[priv\])")
_ESTABLISHED, _LISTENING = "01", "0A"
_RENEWED = 1.0
"""Seconds: an sshd that was told SIGHUP starts itself anew, and has no title while it does."""


class Sshd:
    """One listening sshd. `main` is its own configuration, which has to include `drop_in`; `pid` its process."""

    target = "sshd"

    def __init__(self, where: str, main: Path, drop_in: Path, pid: int, program: str = "/usr/sbin/sshd") -> None:
        self.where = where
        self._main, self._drop_in, self._pid, self._program = main, drop_in, pid, program

    def read(self) -> str:
        """Our drop-in; "" where there is none."""
        return files.text(self._drop_in)

    def apply(self, artefact: Artefact) -> None:
        """Check it, put it in place, tell sshd."""
        self.restore(artefact.text)

    def restore(self, before: str) -> None:
        """The same with a text that `read` gave."""
        self._alive()
        with tempfile.TemporaryDirectory(prefix="ringfence-sshd-") as folder:
            candidate = Path(folder, "candidate.conf")
            candidate.write_text(before, encoding="utf-8")
            whole = Path(folder, "whole")
            whole.write_text(f"Include {candidate}\nInclude {self._main}\n", encoding="utf-8")
            files.run([self._program, "-t", "-f", str(whole)])
        files.replace(self._drop_in, before)
        os.kill(self._pid, signal.SIGHUP)

    def _alive(self) -> None:
        """That the process is an sshd: a number may have gone to somebody else."""
        end = time.monotonic() + _RENEWED
        while not _title(self._pid) and time.monotonic() < end:
            time.sleep(0.01)
        if _title(self._pid).partition(" ")[0].rpartition("/")[2].rstrip(":") != "sshd":
            raise EnforceError(f"process {self._pid} is no sshd", remedy="nothing was changed; give the listener's pid")


class Session(msgspec.Struct, frozen=True, order=True):
    """One login: its process, the account, the client's address."""

    pid: int
    user: str
    address: str


def sessions(listener: int) -> tuple[Session, ...]:
    """The logins that hang on a listening sshd, with addresses as the kernel tells them."""
    peers = _peers(listener)
    found = []
    for entry in Path("/proc").iterdir():
        match = _SESSION.match(_title(int(entry.name))) if entry.name.isdigit() else None
        if match and _parent(entry) == listener:
            address = next((peers[socket] for socket in _sockets(entry) if socket in peers), "")
            found.append(Session(int(entry.name), match[1], address))
    return tuple(sorted(found))


def end_sessions(listener: int, logins: Logins) -> tuple[Session, ...]:
    """End the logins that `logins` would refuse now, and say which; one without an address is ended too.

    What a user left running in the background goes on: that is for the control group, not for sshd.
    """
    refused = [one for one in sessions(listener) if not (one.address and admits(logins, one.user, one.address))]
    for one in refused:
        try:
            os.kill(one.pid, signal.SIGTERM)
        except ProcessLookupError:
            continue
    return tuple(refused)


def listening_sockets(pid: int) -> frozenset[str]:
    """Inodes of the TCP sockets on which a process listens: after SIGHUP sshd closes them and makes new ones."""
    listening = frozenset(
        row[9]
        for name in ("tcp", "tcp6")
        for row in map(str.split, files.text(Path("/proc", str(pid), "net", name)).splitlines()[1:])
        if row[3] == _LISTENING
    )
    return listening.intersection(_sockets(Path("/proc", str(pid))))


def _title(pid: int) -> str:
    try:
        return Path("/proc", str(pid), "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return -1


def _sockets(entry: Path) -> list[str]:
    try:
        links = [os.readlink(link) for link in (entry / "fd").iterdir()]
    except OSError:
        return []
    return [link[8:-1] for link in links if link.startswith("socket:[")]


def _peers(pid: int) -> dict[str, str]:
    """Socket inode → remote address, of every established TCP connection in the process's network namespace."""
    found = {}
    for name in ("tcp", "tcp6"):
        for line in files.text(Path("/proc", str(pid), "net", name)).splitlines()[1:]:
            row = line.split()
            if row[3] == _ESTABLISHED:
                found[row[9]] = _address(row[2].partition(":")[0])
    return found


def _address(text: str) -> str:
    """The kernel prints words of 32 bits in the machine's order: `0100007F` is 127.0.0.1 on a little-endian one."""
    words = [int(text[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(text), 8)]
    address = ip_address(b"".join(words))
    return str(getattr(address, "ipv4_mapped", None) or address)
