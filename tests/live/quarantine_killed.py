"""Kills an apply of the quarantine at each of its steps, and tells what was left of files and tables.

A fork of this process runs the driver on a real fabric and kills itself with SIGKILL as one of `STEPS` begins or ends.
"""

import os
import signal
import sys
from types import FrameType

from ringfence.enforce import files
from ringfence.enforce.ib_ports import Ports
from ringfence.enforce.ib_seat import LocalSeat
from ringfence.enforce.opensm import Opensm
from ringfence.enforce.quarantine import Quarantine
from ringfence.segment.model import Artefact

STEPS = {
    one.__code__
    for one in (
        LocalSeat.hold, LocalSeat.stage, LocalSeat.commit, LocalSeat.reload, files.replace, files._settle,
        Opensm._write, Opensm._sweep, Ports.wait,
    )
}  # fmt: skip


class Killer:
    """A profiler that counts the moments at which a step begins or ends, and ends the process at one of them."""

    def __init__(self, at: int) -> None:
        self.at, self.seen = at, 0

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if frame.f_code in STEPS and event in ("call", "return"):
            if self.seen == self.at:
                os.kill(os.getpid(), signal.SIGKILL)
            self.seen += 1


def killed(driver: Quarantine, text: str, at: int) -> bool:
    """Apply a document in a fork that is killed at one moment; False: it was over before."""
    child = os.fork()
    if child == 0:
        try:
            sys.setprofile(Killer(at))
            driver.apply(Artefact("quarantine", text, ()))
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
