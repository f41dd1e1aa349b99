"""Hosts that a run of waves reaches, without sshd: a server that forks a process for each command, as sshd does.

`python -m tests.live.far FOLDER` listens on `FOLDER/socket`, for sites below that folder. A command goes on where
whoever asked for it is killed. Each host is a tree `SITE/HOST`; `ringfence …` runs the real command on it; `health`
fails for hosts in `SITE/sick`; `pace` prints seconds per step, more of them on hardened hosts in `SITE/slow`.
`SITE/asked` has a line for each command that began, and one for each that ended.
"""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from itertools import pairwise
from pathlib import Path

from ringfence.app.harden.commands import Applying, Undoing
from ringfence.app.harden.transport import SILENT, Told
from ringfence.cli import run
from ringfence.errors import RingfenceError

REACH = ("on", "{host}")


class Far:
    """A transport to the hosts of a site, whose commands outlive whoever asked."""

    def __init__(self, site: Path) -> None:
        self.folder = site

    def __call__(self, argv: Sequence[str], patience: float) -> Told:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(patience)
            line.connect(str(self.folder.parent / "socket"))
            line.sendall(json.dumps([str(self.folder), *argv[1:]]).encode() + b"\n")
            told = b"".join(iter(lambda: line.recv(65536), b""))
        return Told(*json.loads(told)) if told else Told(SILENT, "", "the connection was lost")


class Near(Far):
    """A transport whose commands die with whoever asked: they are carried out by its own threads."""

    def __call__(self, argv: Sequence[str], patience: float) -> Told:
        host, words = argv[1], words_of(argv[2])
        if words[0] != "ringfence":
            return Told(*done(self.folder, host, words))
        given = dict(pairwise(words))
        only = [words[at + 1] for at, word in enumerate(words) if word == "--only"]
        with noted(self.folder, host, words[2]):
            try:
                if words[2] == "apply":
                    list(Applying(self.folder / host, only, None, given["--receipt"]).apply())
                else:
                    list(Undoing(self.folder / host, None, given["undo"], if_there=True).undo())
            except RingfenceError as error:
                return Told(1, "", error.what)
        return Told(0, "", "")


@contextmanager
def listening(folder: Path) -> Iterator[None]:
    """A server of its own process."""
    argv = (sys.executable, "-m", "tests.live.far", str(folder))
    server = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "listening\n"
        yield
    finally:
        server.terminate()
        server.wait(60)


def asked(folder: Path) -> list[tuple[str, str]]:
    """(host, verb) in the order in which commands began."""
    return [(host, verb) for host, verb, how in _lines(folder) if how == "begins"]


def settled(folder: Path, seconds: float = 60.0) -> None:
    """Wait until what was begun has ended."""
    end = time.monotonic() + seconds
    while len(asked(folder)) * 2 != len(_lines(folder)):
        assert time.monotonic() < end, _lines(folder)
        time.sleep(0.02)


def _lines(folder: Path) -> list[list[str]]:
    file = folder / "asked"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


@contextmanager
def noted(folder: Path, host: str, verb: str) -> Iterator[None]:
    _note(folder, host, verb, "begins")
    try:
        yield
    finally:
        _note(folder, host, verb, "ends")


def _note(folder: Path, *words: str) -> None:
    handle = os.open(folder / "asked", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.write(handle, f"{' '.join(words)}\n".encode())
    os.close(handle)


def words_of(command: str) -> list[str]:
    """What is asked for; of a line of shell the line."""
    words = shlex.split(command)
    return shlex.split(words[-1]) if words[0] == "env" else words


def done(folder: Path, host: str, words: list[str]) -> tuple[int, str, str]:
    """What a host does with a command."""
    verb = words[2] if words[0] == "ringfence" else words[0]
    with noted(folder, host, verb):
        if verb == "health":
            sick = host in (folder / "sick").read_text().split()
            return int(sick), "", "it is not well" if sick else ""
        if verb == "pace":
            hardened = (folder / host / "dev/infiniband/umad0").stat().st_mode & 0o777 == 0o600
            return 0, "2.0\n" if hardened and host in (folder / "slow").read_text().split() else "1.0\n", ""
        out, errors = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(errors):
            status = run([*words[1:], "--root", str(folder / host)])
        return status, out.getvalue(), errors.getvalue()


def serve(folder: Path) -> None:
    """One process without threads, so that it may fork."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(folder / "socket"))
        door.listen(64)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        print("listening", flush=True)
        while True:
            line, _ = door.accept()
            if os.fork() == 0:
                try:
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    door.close()
                    _answer(line)
                finally:
                    os._exit(0)
            line.close()


def _answer(line: socket.socket) -> None:
    with line, line.makefile("rb") as heard:
        text = heard.readline()
        if text.endswith(b"\n"):  # else whoever connected was killed before it had said what
            folder, host, command = json.loads(text)
            line.sendall(json.dumps(done(Path(folder), host, words_of(command))).encode())


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
