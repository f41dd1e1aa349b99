"""RDMA queue pairs as they come and go: `rdma resource show qp`, compared with what it was a second ago.

The kernel tells a pair's number, type, owner and the number of the other end's pair. It tells no remote address: which
host or port that is, is not known. A pair that a device made past the kernel (DevX, GPUDirect Async) is not listed.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ringfence.collect.telemetry.samplers.base import SAMPLED, About
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.errors import InputError, MissingPart
from ringfence.wire.ibnet import rdma
from ringfence.wire.ibnet.rdma import Pair
from ringfence.wire.ocsf.classes import RDMA
from ringfence.wire.ocsf.event import Event, Value

OPEN, CLOSE = 1, 2
_PATIENCE = 5.0
AT_ONCE = 1024


class QueuePairs:
    """Connected queue pairs of this machine."""

    about = About(
        "rdma",
        "connected queue pairs with their program and job",
        SAMPLED,
        "the program rdma (iproute2), CAP_NET_ADMIN for the pairs of others",
        "no remote address is known; pairs that a device makes past the kernel are not listed; what lives for less"
        " than a second is not seen",
    )
    every = 1.0
    slow = True

    def __init__(self, machine: Machine, root: Path = Path("/sys/class/infiniband"), program: str = "rdma") -> None:
        self._machine, self._root, self._program = machine, root, program
        self._known: dict[tuple[str, int], Pair] | None = None
        self._lost = 0

    def open(self) -> None:
        """Raises `MissingPart` without a device or the program."""
        if not self._root.is_dir() or not any(self._root.iterdir()):
            raise MissingPart(f"no device in {self._root}", "nothing to do on a node without one")
        if shutil.which(self._program) is None:
            raise MissingPart(f"the program {self._program} is not installed", "install iproute2")

    def look(self) -> Iterator[Event]:
        """Pairs that are new or gone; all that are there at the first look."""
        argv = [self._program, "-j", "resource", "show", "qp"]
        try:
            done = subprocess.run(argv, capture_output=True, timeout=_PATIENCE, check=False, stdin=subprocess.DEVNULL)
            found = rdma.pairs(done.stdout or b"[]")
        except (subprocess.TimeoutExpired, InputError) as error:
            raise OSError(f"{self._program}: {error}") from None
        if done.returncode:
            raise OSError(f"{self._program}: {done.stderr[:200].decode('utf-8', 'replace').strip()}")
        now = {(one.device, one.local): one for one in found}
        before = self._known or {}
        new = [one for key, one in now.items() if key not in before]
        self._lost += max(0, len(new) - AT_ONCE)
        self._known = now
        for one in new[:AT_ONCE]:
            yield self._event(OPEN, one)
        for key, one in before.items():
            if key not in now:
                yield self._event(CLOSE, one)

    def lost(self) -> int:
        """Pairs that were too many at once."""
        lost, self._lost = self._lost, 0
        return lost

    def close(self) -> None:
        """Nothing is open."""

    def _event(self, activity: int, pair: Pair) -> Event:
        machine = self._machine
        fields: dict[str, Value] = {
            "rdma.qpn": pair.local,
            "rdma.peer_qpn": pair.remote,
            "rdma.type": pair.type,
            "rdma.state": pair.state,
            "ib.device": pair.device,
            "ib.port": pair.port,
            "actor.process.name": pair.command,
        }
        if pair.pid and activity == OPEN:
            fields |= {
                "actor.process.pid": pair.pid,
                "actor.user.name": machine.user(machine.who(pair.pid).uid),
                "job.uid": machine.job(machine.who(pair.pid).cgroup),
            }
        return machine.event(RDMA, activity, fields)
