"""The node stages of the embedded engine: a fixed number of shares of the hosts, in this process or in others.

        entry ─submit─▶ the process that has its share ─▶ node stage ─┐
              ◀─result── in the order of the entries ◀────────────────┘

How many processes there are is free to change from one run to the next; the shares, whose states are saved, stay. Other
processes are forked before this one has threads: rules and the estate, read once, are theirs as well. They end when
this process does. One that dies ends the engine: its state is that of the last checkpoint, and the log has the rest.
"""

import contextlib
import multiprocessing
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Protocol

import msgspec

from ringfence.app.watch import stages
from ringfence.app.watch.stages import JOBS, Entry, Heard, Node, Place, Stages
from ringfence.errors import StateError
from ringfence.watch.engine import Yielded

SHARES = 4
"""Shares of the hosts: at most so many processes are of use."""
ALL = -1
"""The share of what all take: time, jobs."""
_WHOLE = 1 << 62


class Saved(msgspec.Struct, frozen=True, array_like=True):
    """One share's state and place."""

    place: Place
    state: bytes


class Shares(Protocol):
    """Node stages, wherever they are. Results come in the order of what was submitted."""

    @property
    def processes(self) -> Sequence[int]:
        """The ids of the processes."""

    def submit(self, share: int, entry: Entry) -> None:
        """Have an entry taken by its share, or by all."""

    def result(self, faults: list[str]) -> list[Yielded]:
        """What the next of the submitted came to."""

    def save(self) -> list[Saved]:
        """Every share's state, in their order. Nothing may be under way."""

    def load(self, saved: Sequence[Saved]) -> None:
        """Take up the states. Raises `InputError` for what is none."""

    def close(self) -> None:
        """End the processes."""


class Here:
    """Some shares in this process."""

    processes: Sequence[int] = ()

    def __init__(self, made: Stages, shares: Sequence[int] = range(SHARES)) -> None:
        self._nodes: dict[int, Node] = {share: made.node() for share in shares}
        self._places = {share: Place() for share in shares}
        self._done: list[tuple[list[Yielded], list[str]]] = []

    def submit(self, share: int, entry: Entry) -> None:
        """Take it at once."""
        faults: list[str] = []
        found: list[Yielded] = []
        for one, node in self._nodes.items():
            if share in (one, ALL):
                heard = (Heard(JOBS, entry.body),) if entry.kind == JOBS else ()
                found += stages.take(node, self._places[one], entry, heard, faults)
        self._done.append((found, faults))

    def result(self, faults: list[str]) -> list[Yielded]:
        """What the first came to."""
        found, said = self._done.pop(0)
        faults += said
        return found

    def save(self) -> list[Saved]:
        """By share."""
        return [Saved(self._places[share], node.save()) for share, node in self._nodes.items()]

    def load(self, saved: Sequence[Saved]) -> None:
        """In the order of `save`."""
        for share, one in zip(self._nodes, saved, strict=True):
            self._nodes[share].load(one.state)
            self._places[share] = one.place

    def close(self) -> None:
        """Nothing to end."""


class Elsewhere:
    """The shares over some processes, forked now."""

    def __init__(self, made: Stages, processes: int) -> None:
        self._workers = [_Worker(made, range(at, SHARES, processes)) for at in range(min(processes, SHARES))]
        self._asked: list[list[_Worker]] = []

    @property
    def processes(self) -> Sequence[int]:
        """The ids of the processes."""
        return [one.process.pid or 0 for one in self._workers]

    def submit(self, share: int, entry: Entry) -> None:
        """Send it where its share is."""
        line = msgspec.msgpack.encode((share, entry.seq, entry.kind, entry.at, entry.body))
        to = self._workers if share == ALL else [self._workers[share % len(self._workers)]]
        for one in to:
            one.send(b"T" + line)
        self._asked.append(to)

    def result(self, faults: list[str]) -> list[Yielded]:
        """Wait for it."""
        found: list[Yielded] = []
        for one in self._asked.pop(0):
            bodies, said = msgspec.msgpack.decode(one.receive(), type=tuple[list[bytes], list[str]])
            faults += said
            found += map(stages.read, bodies)
        return found

    def save(self) -> list[Saved]:
        """Ask all, then put in order."""
        for one in self._workers:
            one.send(b"S")
        by_share: dict[int, Saved] = {}
        for one in self._workers:
            saved = msgspec.msgpack.decode(one.receive(), type=list[Saved])
            by_share |= dict(zip(one.shares, saved, strict=True))
        return [by_share[share] for share in range(SHARES)]

    def load(self, saved: Sequence[Saved]) -> None:
        """Send each what is its own."""
        for one in self._workers:
            one.send(b"L" + msgspec.msgpack.encode([saved[share] for share in one.shares]))
        said = [one.receive() for one in self._workers]
        if any(said):
            raise StateError(b"; ".join(filter(None, said)).decode())

    def close(self) -> None:
        """Hang up; a process that nobody speaks to ends."""
        for one in self._workers:
            one.close()


class _Worker:
    """A forked process, and a thread that takes its answers, so that neither waits for the other to read."""

    def __init__(self, made: Stages, shares: Sequence[int]) -> None:
        self.shares = shares
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, self._pipe, made, shares), daemon=True)
        self.process.start()
        theirs.close()
        self._answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._reader: threading.Thread | None = None

    def send(self, message: bytes) -> None:
        if self._reader is None:  # only now: a process with threads does not fork well
            self._reader = threading.Thread(target=self._read, daemon=True)
            self._reader.start()
        with _alive(self.process.pid):
            self._pipe.send_bytes(message)

    def receive(self) -> bytes:
        answer = self._answers.get()
        with _alive(self.process.pid):
            if answer is None:
                raise EOFError
        return answer or b""

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._pipe.send_bytes(b"")
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self._pipe.close()

    def _read(self) -> None:
        try:
            while True:
                self._answers.put(self._pipe.recv_bytes())
        except (EOFError, OSError):
            self._answers.put(None)


@contextlib.contextmanager
def _alive(pid: int | None) -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError):
        raise StateError(
            f"process {pid} of this watch has died", "start the watch again: nothing that was acknowledged is lost"
        ) from None


def _serve(pipe: Connection, parents: Connection, made: Stages, shares: Sequence[int]) -> None:
    """The forked process: answer until nobody asks."""
    parents.close()
    for number in (signal.SIGINT, signal.SIGTERM):  # the parent is told, and hangs up when it is done
        signal.signal(number, signal.SIG_IGN)
    here = Here(made, shares)
    answers: dict[int, Callable[[bytes], bytes]] = {
        ord("T"): lambda body: _taken(here, body),
        ord("S"): lambda _: msgspec.msgpack.encode(here.save()),
        ord("L"): lambda body: _loaded(here, body),
    }
    with contextlib.suppress(EOFError, OSError):
        while message := pipe.recv_bytes():
            pipe.send_bytes(answers[message[0]](message[1:]))


def _taken(here: Here, body: bytes) -> bytes:
    share, seq, kind, at, events = msgspec.msgpack.decode(body, type=tuple[int, int, str, int, bytes])
    here.submit(share, Entry(seq, kind, at, events))
    faults: list[str] = []
    found = here.result(faults)
    return msgspec.msgpack.encode(([part for one in found for part in stages.written(one, _WHOLE)], faults))


def _loaded(here: Here, body: bytes) -> bytes:
    try:
        here.load(msgspec.msgpack.decode(body, type=list[Saved]))
    except Exception as error:  # told by the parent; learning begins anew
        return f"{type(error).__name__}: {error}".encode()
    return b""
