"""This machine's NVIDIA accelerators: load, power, processes, errors and the bytes of every NVLink, through NVML.

        every second: each device ─▶ GPU sample     its processes, compared ─▶ GPU process start, stop
                      its modes, compared ─▶ GPU configure     its links' counters ─▶ NVLINK sample, error, state change
        the driver's event set: Xid ─▶ GPU error

Needs nvidia-ml-py and the driver. What a model or driver does not support is left out of the event; a driver that
stops answering makes the source a hole until it answers again.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from ringfence.collect.telemetry.samplers import nvlink
from ringfence.collect.telemetry.samplers.base import SAMPLED, About
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.errors import MissingPart
from ringfence.wire.ocsf.classes import GPU
from ringfence.wire.ocsf.event import Event, Value

SAMPLE, START, STOP, ERROR, CONFIGURE = 1, 2, 3, 4, 5
_SETTINGS = {
    "compute_mode": "nvmlDeviceGetComputeMode",
    "persistence_mode": "nvmlDeviceGetPersistenceMode",
    "ecc_mode": "nvmlDeviceGetEccMode",
    "mig_mode": "nvmlDeviceGetMigMode",
    "power_limit": "nvmlDeviceGetPowerManagementLimit",
    "accounting_mode": "nvmlDeviceGetAccountingMode",
}
SETTINGS_EVERY = 10
"""Samples between two looks at the modes."""
AT_ONCE = 64
_WAIT = 0


class Device:
    """One accelerator, and what was told of it."""

    def __init__(self, nvml: Any, index: int) -> None:
        self.nvml = nvml
        self.handle = nvml.nvmlDeviceGetHandleByIndex(index)
        self.who: dict[str, Value] = {
            "gpu.uuid": text(nvml.nvmlDeviceGetUUID(self.handle)),
            "gpu.index": index,
            "gpu.model": text(self.ask("nvmlDeviceGetName") or ""),
        }
        self.processes: dict[int, dict[str, Value]] | None = None
        self.settings: dict[str, str] | None = None
        self.links = nvlink.Links(self)

    def ask(self, name: str, *arguments: Any) -> Any:
        """The answer to a question, None where the device has none."""
        question: Callable[..., Any] | None = getattr(self.nvml, name, None)
        try:
            return question(self.handle, *arguments) if question else None
        except self.nvml.NVMLError as error:
            if error.value in (self.nvml.NVML_ERROR_GPU_IS_LOST, self.nvml.NVML_ERROR_UNINITIALIZED):
                raise OSError(f"the driver stopped answering: {error}") from None
            return None


class Nvml:
    """All accelerators of this machine."""

    about = About(
        "nvml",
        "accelerators: load, power, memory, processes, modes, Xid errors, bytes of each NVLink",
        SAMPLED,
        "nvidia-ml-py and NVIDIA's driver",
        "what a process does on an accelerator is not told, nor which one used a link; profiling counters that"
        " others read are not told; NVLink bytes where the driver counts them",
    )
    every = 1.0
    slow = True

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._looks = 0
        self._when = 0.0

    def open(self) -> None:
        """Find the devices. Raises `MissingPart`."""
        try:
            import pynvml
        except ImportError:
            raise MissingPart("nvidia-ml-py is not installed", "pip install 'ringfence[live]'") from None
        self._nvml: Any = pynvml
        try:
            pynvml.nvmlInit()
            self._devices = [Device(pynvml, index) for index in range(pynvml.nvmlDeviceGetCount())]
        except (pynvml.NVMLError, OSError) as error:
            raise MissingPart(f"no NVIDIA driver answers: {error}", "nothing to do on a node without one") from None
        self._errors = self._event_set()

    def look(self) -> Iterator[Event]:
        """One sample of each device, and what changed."""
        now = time.monotonic()
        interval, self._when = (now - self._when if self._when else self.every), now
        for device in self._devices:
            yield from self._sample(device, interval)
            yield from self._running(device)
            yield from device.links.look(self._machine, interval)
            if self._looks % SETTINGS_EVERY == 0:
                yield from self._set(device)
        self._looks += 1
        yield from self._failed()

    def lost(self) -> int:
        """None: counters go on counting."""
        return 0

    def close(self) -> None:
        """Let the driver go."""
        with contextlib.suppress(self._nvml.NVMLError):
            self._nvml.nvmlShutdown()

    def _sample(self, device: Device, interval: float) -> Iterator[Event]:
        ask = device.ask
        load, memory = ask("nvmlDeviceGetUtilizationRates"), ask("nvmlDeviceGetMemoryInfo")
        power, nvml = ask("nvmlDeviceGetPowerUsage"), self._nvml
        told: dict[str, Value | None] = {
            "gpu.utilization": float(load.gpu) if load else None,
            "gpu.memory_utilization": float(load.memory) if load else None,
            "gpu.memory_used": memory.used if memory else None,
            "gpu.power": power / 1000 if power is not None else None,
            "gpu.temperature": _real(ask("nvmlDeviceGetTemperature", nvml.NVML_TEMPERATURE_GPU)),
            "gpu.clock": ask("nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_SM),
            "gpu.ecc_uncorrected": ask(
                "nvmlDeviceGetTotalEccErrors", nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_VOLATILE_ECC
            ),
            "gpu.processes": len(self._contexts(device)),
            "interval": round(interval, 3),
        }
        fields = {name: value for name, value in told.items() if value is not None}
        yield self._machine.event(GPU, SAMPLE, device.who | fields | self._job(device))

    def _contexts(self, device: Device) -> dict[int, int]:
        """Process → bytes of device memory, of those with a context."""
        found: dict[int, int] = {}
        for name in ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses"):
            for one in device.ask(name) or ():
                found[one.pid] = getattr(one, "usedGpuMemory", None) or 0
        return found

    def _job(self, device: Device) -> dict[str, Value]:
        """The job whose processes are on the device, where it is one."""
        jobs = {str(one.get("job.uid", "")) for one in (device.processes or {}).values()}
        return {"job.uid": jobs.pop()} if len(jobs) == 1 and "" not in jobs else {}

    def _running(self, device: Device) -> Iterator[Event]:
        now, before = self._contexts(device), device.processes or {}
        found = {pid: before.get(pid) or self._process(pid) for pid in now}
        device.processes = found
        for pid in found.keys() - before.keys():
            yield self._machine.event(GPU, START, device.who | found[pid])
        for pid in before.keys() - found.keys():
            yield self._machine.event(GPU, STOP, device.who | before[pid])

    def _process(self, pid: int) -> dict[str, Value]:
        who = self._machine.who(pid)
        return {
            "process.pid": pid,
            "process.name": who.name,
            "process.user.name": self._machine.user(who.uid),
            "job.uid": self._machine.job(who.cgroup),
        }

    def _set(self, device: Device) -> Iterator[Event]:
        answers = {name: device.ask(question) for name, question in _SETTINGS.items()}
        now = {name: str(_first(value)) for name, value in answers.items() if value is not None}
        before, device.settings = device.settings, now
        for name, value in now.items():
            if before is not None and before.get(name) != value:
                yield self._machine.event(GPU, CONFIGURE, device.who | {"gpu.setting": name, "gpu.value": value})

    def _event_set(self) -> Any:
        """The driver's queue of errors; None where it has none."""
        nvml = self._nvml
        try:
            made = nvml.nvmlEventSetCreate()
            for device in self._devices:
                nvml.nvmlDeviceRegisterEvents(device.handle, nvml.nvmlEventTypeXidCriticalError, made)
        except nvml.NVMLError:
            return None
        return made

    def _failed(self) -> Iterator[Event]:
        for _ in range(AT_ONCE if self._errors is not None else 0):
            try:
                found = self._nvml.nvmlEventSetWait_v2(self._errors, _WAIT)
            except self._nvml.NVMLError:  # none within the time
                return
            uuid = text(self._nvml.nvmlDeviceGetUUID(found.device))
            who = next((one.who for one in self._devices if one.who["gpu.uuid"] == uuid), {"gpu.uuid": uuid})
            yield self._machine.event(GPU, ERROR, who | {"gpu.xid": int(found.eventData)})


def text(value: str | bytes) -> str:
    """What NVML calls a string."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _real(value: Any) -> float | None:
    return None if value is None else float(value)


def _first(value: Any) -> Any:
    """The current one of (current, pending)."""
    return value[0] if isinstance(value, (list, tuple)) else value
