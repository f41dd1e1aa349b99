"""The sources of an agent, opened: each works, or is a hole with a reason and a remedy."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from ringfence.app.agent.settings import Settings
from ringfence.collect.telemetry.samplers.attestation import Attestation
from ringfence.collect.telemetry.samplers.base import About, Sampler
from ringfence.collect.telemetry.samplers.conntrack import Conntrack
from ringfence.collect.telemetry.samplers.fence import Fence
from ringfence.collect.telemetry.samplers.files import Files
from ringfence.collect.telemetry.samplers.ib import IbPorts
from ringfence.collect.telemetry.samplers.logins import LoginJournal, LoginLog
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.collect.telemetry.samplers.modules import Modules
from ringfence.collect.telemetry.samplers.nvml import Nvml
from ringfence.collect.telemetry.samplers.processes import Processes
from ringfence.collect.telemetry.samplers.processes_sampled import SampledProcesses
from ringfence.collect.telemetry.samplers.rdma import QueuePairs
from ringfence.collect.telemetry.samplers.sockets import Sockets
from ringfence.errors import MissingPart, UsageError

Made = Callable[[Machine, Settings], Sampler]
SOURCES: dict[str, Sequence[Made]] = {
    "processes": (lambda machine, _: Processes(machine), lambda machine, _: SampledProcesses(machine)),
    "sockets": (lambda machine, _: Sockets(machine),),
    "conntrack": (lambda machine, _: Conntrack(machine),),
    "fence": (lambda machine, _: Fence(machine),),
    "files": (lambda machine, settings: Files(machine, settings.watched()),),
    "logins": (lambda machine, _: LoginLog(machine), lambda machine, _: LoginJournal(machine)),
    "modules": (lambda machine, _: Modules(machine),),
    "nvml": (lambda machine, _: Nvml(machine),),
    "ib": (lambda machine, _: IbPorts(machine),),
    "rdma": (lambda machine, _: QueuePairs(machine),),
    "attestation": (lambda machine, _: Attestation(machine),),
}
"""By name: the ways to get it, the best first. The first that opens is used."""


class Opened(msgspec.Struct, frozen=True):
    """A source. `sampler` is None where it is a hole; `why` and `remedy` say of what it lacks, or what its best way
    lacks while a lesser one is used. `descriptor` is None for a source that is asked.
    """

    about: About
    sampler: Sampler | None
    descriptor: int | None = None
    why: str = ""
    remedy: str = ""


def opened(name: str, machine: Machine, settings: Settings) -> Opened:
    """One source, opened the best way that works."""
    why, remedy, first = "", "", None
    for make in SOURCES[name]:
        sampler = make(machine, settings)
        first = first or sampler.about
        try:
            return Opened(sampler.about, sampler, sampler.open(), why, remedy)
        except MissingPart as error:
            why, remedy = why or error.what, remedy or error.remedy
        except OSError as error:
            why = why or str(error)
    assert first is not None
    return Opened(first, None, None, why, remedy)


def wanted(settings: Settings) -> Iterator[str]:
    """The names of the sources that are not turned off. Raises `UsageError` for a name that is none."""
    wrong = set(settings.off) - SOURCES.keys()
    if wrong:
        raise UsageError(f"no source is called {sorted(wrong)[0]!r}", "one of: " + ", ".join(SOURCES))
    return (name for name in SOURCES if name not in settings.off)
