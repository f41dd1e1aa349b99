"""What an attack of the lab may do, and what is measured of it: jobs, logins, the sink, how everything stood before.

Every process starts inside a machine of the lab (`inside`), or not at all.
"""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

import msgspec

from ringfence.app.lab import carry, parts, processes, sink, work
from ringfence.app.lab.inside import group, inside, said
from ringfence.app.lab.layout import ALICE, BOB, SINK_PORT, STORE_PORT, Account, Layout, Machine
from ringfence.errors import EnforceError

PYTHON = "/usr/bin/python3"
LONGEST = 120.0
"""Seconds after which anything that a trial started has ended by itself."""
OUTSIDE_NETWORK = "192.88.99.0/24"
_SAMPLE = tuple[float, int]


class Carried(msgspec.Struct, frozen=True):
    """What the attacker's own program wrote down: when it began, connected, read and ended, and how many bytes it sent.

    Times in seconds since the epoch, 0 for what did not happen.
    """

    began: float = 0.0
    connected: float = 0.0
    reads: float = 0.0
    ended: float = 0.0
    sent: int = 0
    why: str = ""


class Stage:
    """One lab, for the length of a trial. `number` makes names and addresses of trials differ."""

    def __init__(self, layout: Layout, number: int) -> None:
        self.layout, self.number = layout, number
        self.folder = _trials(layout) / str(number)
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        for one in (carry, sink):
            self.program(one)
        self.outside = f"192.88.99.{20 + number % 220}"
        self._jobs: list[str] = []
        self._after: list[Callable[[], None]] = []
        self._begun: list[subprocess.Popen[bytes]] = []

    def node(self, at: int = 0) -> Machine:
        """A node of the training job: each trial begins with the next one."""
        nodes = trained(self.layout)
        return nodes[(self.number + at) % len(nodes)]

    def compromise(self, command: str) -> None:
        """Have the training job on this trial's node run a command, as a poisoned package in it would."""
        work.tell(self.layout, ALICE, self.node(), command)

    def own_jobs(self) -> frozenset[str]:
        """The numbers of the attacker's jobs: this trial's, and the training job that was compromised."""
        mine = work.jobs_of(self.layout, ALICE, self.node())
        return frozenset((*self._jobs, *mine))

    def others(self) -> tuple[str, ...]:
        """The numbers of the jobs of others, which nobody may touch."""
        return tuple(work.jobs_of(self.layout, BOB))

    def submit(self, account: Account, node: Machine, script: str, name: str = "train") -> str:
        """The number of a new job of this account on this node."""
        place = self.folder / f"{name}-{len(self._jobs)}.sh"
        place.write_text(f"#!/bin/sh\n{script}\n")
        argv = ["sbatch", "--parsable", "--output=/dev/null", f"--job-name={name}", "-w", node.name, str(place)]
        number = said(self.layout, self.layout.machine("login"), argv, account=account).strip()
        self._jobs.append(number)
        return number

    def running(self, job: str, within: float = 20.0) -> bool:
        """Whether a job came to run."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            if self.state(job) == "RUNNING":
                return True
            time.sleep(0.1)
        return False

    def state(self, job: str) -> str:
        """A job's state as squeue has it; "" for one that is over."""
        with suppress(EnforceError):
            return said(self.layout, self.layout.machine("ctl"), ["squeue", "-h", "-j", job, "-o", "%T"]).strip()
        return ""

    def carrying(self, rate: float, wait: float = 0.0, first: int = 0) -> str:
        """The command line with which weights are carried outside at `rate` bytes a second (0: as fast as it goes)."""
        store = f"{self.layout.machine('store').address}:{STORE_PORT}/{self.layout.model.name}"
        place = f"{self.folder}/{Path(carry.__file__ or '').name}"
        return f"exec {PYTHON} {place} {store} {self.outside}:{SINK_PORT} {rate:.0f} {self.log()} {first} {wait}"

    def log(self) -> Path:
        """Where the attacker's programs write down what they do, under whatever account."""
        log = self.folder / "carry.log"
        log.touch()
        log.chmod(0o666)
        return log

    def say(self, what: str) -> None:
        """A line of that log, of what no program writes down."""
        with self.log().open("ab") as file:
            file.write(msgspec.json.encode({"at": time.time(), "what": what}) + b"\n")

    def program(self, module: ModuleType, name: str = "") -> Path:
        """A copy of a program that can be run in the lab's machines, by its own name or another."""
        source = Path(module.__file__ or "")
        place = self.folder / (name or source.name)
        text = source.read_text()
        place.write_text(f"#!{PYTHON}\n{text}" if name else text)
        place.chmod(0o755)
        return place

    def afterwards(self, undo: Callable[[], None]) -> None:
        """Have something put back when the trial ends, the last first."""
        self._after.append(undo)

    def took(self, job: str) -> None:
        """A job of this number is the attacker's."""
        self._jobs.append(job)

    @contextmanager
    def sink(self) -> Iterator[None]:
        """The outside counts what arrives at this trial's own address there."""
        out = self.layout.machine("out")
        with suppress(EnforceError):  # it is there already
            said(self.layout, out, ["ip", "addr", "add", f"{self.outside}/32", "dev", "eth0"])
        program = self.folder / Path(sink.__file__ or "").name
        argv = [PYTHON, str(program), self.outside, str(SINK_PORT), str(self.folder / "sink.log"), str(LONGEST)]
        process = inside(self.layout, out, argv)
        try:
            self.wait_for_port(SINK_PORT)
            yield
        finally:
            process.terminate()
            process.wait(10)

    def samples(self) -> list[_SAMPLE]:
        """(when, bytes so far) as the sink saw them."""
        return [(one["at"], one["bytes"]) for one in _lines(self.folder / "sink.log")]

    def carried(self) -> Carried:
        """What the carrier wrote down."""
        told = {one["what"]: one for one in reversed(_lines(self.folder / "carry.log"))}  # the first of each
        ended = told.get("ended", {})
        when = {name: told.get(name, {}).get("at", 0.0) for name in ("began", "connected", "reads", "ended")}
        return Carried(**when, sent=ended.get("sent", 0), why=ended.get("why", ""))

    def run(self, machine: Machine, argv: Sequence[str], account: Account | None = None) -> "subprocess.Popen[bytes]":
        """Start a program in a machine; it is bounded in time."""
        process = inside(self.layout, machine, ["timeout", str(LONGEST), *argv], account=account)
        self._begun.append(process)
        return process

    def end(self) -> None:
        """End what this trial started, cancel its jobs, put back what it changed, forget its address outside.

        Raises `EnforceError` where something could not be put back; the rest was.
        """
        processes.end([*self.left(), *(one.pid for one in self._begun if one.poll() is None)])
        wrong = []
        for undo in reversed(self._after):
            try:
                undo()
            except (EnforceError, OSError) as error:
                wrong.append(str(error))
        self._after.clear()
        self._forget()
        if wrong:
            raise EnforceError(f"not put back after the trial: {'; '.join(wrong)}", "`ringfence lab down`, then up")

    def left(self) -> list[int]:
        """Processes in the lab's control groups whose command line names this trial's folder."""
        name, found = os.fsencode(f"{self.folder}/"), list[int]()
        for place, _, _ in os.walk(group()):
            pids = map(int, _read(Path(place, "cgroup.procs")).split())
            found += [pid for pid in pids if name in _read(Path(f"/proc/{pid}/cmdline"))]
        return found

    def _forget(self) -> None:
        if self._jobs:
            with suppress(EnforceError):
                said(self.layout, self.layout.machine("ctl"), ["scancel", "-Q", *self._jobs])
        with suppress(EnforceError):
            said(self.layout, self.layout.machine("out"), ["ip", "addr", "del", f"{self.outside}/32", "dev", "eth0"])

    def wait_for_port(self, port: int) -> None:
        """Until something listens at this trial's address outside. Raises `EnforceError`."""
        out, end = self.layout.machine("out"), time.monotonic() + 10
        while time.monotonic() < end:
            if f"{self.outside}:{port} " in said(self.layout, out, ["ss", "-Hltn"]):
                return
            time.sleep(0.02)
        raise EnforceError(f"nothing listens at port {port} outside", f"see {self.folder}")


def last(layout: Layout) -> int:
    """The number of the trial that was played last in this lab; 0 if none was."""
    return max((int(one.name) for one in _trials(layout).glob("[0-9]*")), default=0)


def _trials(layout: Layout) -> Path:
    return layout.shared / "trials"


def trained(layout: Layout) -> tuple[Machine, ...]:
    """The nodes of tenant a's training job."""
    return work.shares(layout)[0][1]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended
        return b""


def _lines(path: Path) -> list[dict]:  # type: ignore[type-arg]
    if not path.exists():
        return []
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines() if line.endswith(b"}")]


def snapshot(layout: Layout, machines: Sequence[Machine]) -> dict[str, str]:
    """How these machines, Slurm and the fabric stand, without what counts by itself: what an undo has to equal."""
    ctl = layout.machine("ctl")
    found = {one.name: said(layout, one, ["nft", "-s", "list", "ruleset"]) for one in machines}
    found["nodes"] = said(layout, ctl, ["sinfo", "-h", "-N", "-o", "%N %T %E"]).replace("allocated", "idle")
    found["limits"] = said(layout, ctl, ["sacctmgr", "-nP", "show", "assoc", "format=cluster,account,user,maxsubmit"])
    found["reservations"] = said(layout, ctl, ["scontrol", "-o", "show", "reservation"])
    found["partitions"] = parts.fabric_of(layout).partitions.read_text()
    return found
