"""A command of this machine, run with an end: so long, so much said, and no waiting for what it left behind.

What hosts answer is others' word: one that prints without end, or never ends, costs a bounded piece of memory and time.
Each has a session of its own, so that all it began ends with it. What makes a session of its own again, and what runs
on a host behind ssh, is out of reach.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector
from time import monotonic
from typing import IO

import msgspec

MOST_BYTES = 4 << 20
"""Of both streams together. What `harden apply --json` says of a host is a few hundred lines."""
SILENT = 255
"""The status of what gave no answer, as ssh has it for a host that it does not reach."""
_LOOK = 0.1
_PIECE = 1 << 16
_RUNNING: set[int] = set()
"""Sessions of commands that run, by the process that leads each."""


class Told(msgspec.Struct, frozen=True):
    """What a host answered."""

    status: int
    text: str
    errors: str


Transport = Callable[[Sequence[str], float], Told]
"""(words, seconds) → the answer."""


def processes(argv: Sequence[str], patience: float) -> Told:
    """Run a command of this machine for at most `patience` seconds; then it ends, with all that it began."""
    try:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
    except (OSError, ValueError) as error:
        return Told(SILENT, "", f"{argv[0]}: {getattr(error, 'strerror', None) or error}")
    _RUNNING.add(process.pid)
    with process:
        assert process.stdout is not None and process.stderr is not None  # noqa: PT018  # both were asked for
        said = {process.stdout: bytearray(), process.stderr: bytearray()}
        why = _heard(process, said, monotonic() + patience)
        _RUNNING.discard(process.pid)
        if why:
            _end(process.pid)
    text, errors = (bytes(one).decode("utf-8", "replace") for one in said.values())
    if why == "late":
        return Told(SILENT, text, f"no answer within {patience:g} s")
    return Told(SILENT, "", why) if why else Told(process.returncode, text, errors)


def end_all() -> None:
    """End every command that runs: whoever waits for them was told to stop."""
    for leader in tuple(_RUNNING):
        _end(leader)


def _end(leader: int) -> None:
    """The whole group: a shell's own children outlive the shell."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _heard(process: subprocess.Popen[bytes], said: dict[IO[bytes], bytearray], end: float) -> str:
    """Listen until it has ended; "" then, else why it is to be ended.

    A child that it leaves running (ssh keeps a connection open so) may hold the pipes: nobody waits for that one.
    """
    with DefaultSelector() as ready:
        for pipe in said:
            os.set_blocking(pipe.fileno(), False)
            ready.register(pipe, EVENT_READ)
        while ready.get_map():
            ended = process.poll() is not None  # asked first: what it wrote until then is there to be read
            found = ready.select(0 if ended else _LOOK)
            if ended and not found:
                return ""
            for key, _ in found:
                piece = os.read(key.fd, _PIECE)
                said[key.fileobj] += piece  # type: ignore[index]  # only these pipes are registered
                if not piece:
                    ready.unregister(key.fileobj)
            if sum(map(len, said.values())) > MOST_BYTES:
                return f"it said more than {MOST_BYTES} bytes"
            if monotonic() > end:
                return "late"
    try:
        process.wait(max(0.0, end - monotonic()))
    except subprocess.TimeoutExpired:
        return "late"
    return ""
