"""Kills an apply of the quarantine at each of its steps, and tells what was left of files and tables.

A fork of this process runs the driver on a real fabric and kills itself with SIGKILL as one of `STEPS` begins or ends.
"""

from ringfence.enforce import files
from ringfence.enforce.ib_ports import Ports
from ringfence.enforce.ib_seat import LocalSeat
from ringfence.enforce.opensm import Opensm
from ringfence.enforce.quarantine import Quarantine
from ringfence.segment.model import Artefact
from tests.live.killing import BEGINS, ENDS, Killer, died

STEPS = {
    one.__code__
    for one in (
        LocalSeat.hold, LocalSeat.stage, LocalSeat.commit, LocalSeat.reload, files.replace, files._settle,
        Opensm._write, Opensm._sweep, Ports.wait,
    )
}  # fmt: skip


def killed(driver: Quarantine, text: str, at: int) -> bool:
    """Apply a document in a fork that is killed at one moment; False: it was over before."""
    return died(lambda: driver.apply(Artefact("quarantine", text, ())), Killer(STEPS, at, (BEGINS, ENDS)))
