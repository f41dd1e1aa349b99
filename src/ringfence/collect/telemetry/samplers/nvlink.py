"""The links of one accelerator: their state, bytes and errors, as differences (NVML's field values and link counters).

Bytes are counted by link in KiB (`NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX`, `…_RX`), errors by link and kind.
"""

from collections.abc import Iterator
from typing import Any, Protocol

from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.wire.ocsf.classes import NVLINK
from ringfence.wire.ocsf.event import Event, Value

SAMPLE, ERROR, STATE = 1, 2, 3
_FEWEST = 18
_KIB = 1024
_SENT, _RECEIVED = "NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX", "NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX"
_KINDS = ("REPLAY", "RECOVERY", "CRC_FLIT", "CRC_DATA")


class Asked(Protocol):
    """A device that answers questions."""

    nvml: Any
    handle: Any
    who: dict[str, Value]

    def ask(self, name: str, *arguments: Any) -> Any:
        """The answer, None for none."""


class Links:
    """The NVLinks of a device."""

    def __init__(self, device: Asked) -> None:
        self._device = device
        self._states: dict[int, str] = {}
        self._before: dict[int, tuple[int | None, int | None, int]] = {}
        self._links: list[int] | None = None

    def look(self, machine: Machine, interval: float) -> Iterator[Event]:
        """A sample of each link that is up, its errors, and changes of state; nothing at the first look."""
        if self._links is None:
            self._links = [
                link
                for link in range(getattr(self._device.nvml, "NVML_NVLINK_MAX_LINKS", _FEWEST))
                if self._state(link) is not None
            ]
        bytes_ = self._bytes()
        for link in self._links:
            state = self._state(link) or "unknown"
            was, self._states[link] = self._states.get(link, state), state
            who = self._device.who | {"nvlink.link": link, "nvlink.state": state}
            if was != state:
                yield machine.event(NVLINK, STATE, who)
            now = (*bytes_.get(link, (None, None)), self._errors(link))
            before, self._before[link] = self._before.get(link), now
            if before is None or state != "up":
                continue
            told: dict[str, Value] = {"nvlink.errors": _more(now[2], before[2]), "interval": round(interval, 3)}
            for name, at in (("nvlink.tx", 0), ("nvlink.rx", 1)):
                after, earlier = now[at], before[at]
                if after is not None and earlier is not None:
                    told[name] = _KIB * _more(after, earlier)
            yield machine.event(NVLINK, SAMPLE, who | told)
            if told["nvlink.errors"]:
                yield machine.event(NVLINK, ERROR, who | {"nvlink.errors": told["nvlink.errors"]})

    def _state(self, link: int) -> str | None:
        found = self._device.ask("nvmlDeviceGetNvLinkState", link)
        return None if found is None else "up" if found else "down"

    def _errors(self, link: int) -> int:
        nvml, total = self._device.nvml, 0
        for kind in _KINDS:
            counter = getattr(nvml, f"NVML_NVLINK_ERROR_DL_{kind}", None)
            found = None if counter is None else self._device.ask("nvmlDeviceGetNvLinkErrorCounter", link, counter)
            total += found or 0
        return total

    def _bytes(self) -> dict[int, tuple[int | None, int | None]]:
        """(sent, received) in KiB by link, in one question."""
        nvml = self._device.nvml
        fields = [(getattr(nvml, name), link) for link in self._links or () for name in (_SENT, _RECEIVED)]
        answers = self._device.ask("nvmlDeviceGetFieldValues", fields) if fields else None
        if answers is None:
            return {}
        values = [int(one.value.ullVal) if one.nvmlReturn == nvml.NVML_SUCCESS else None for one in answers]
        return {link: (values[2 * at], values[2 * at + 1]) for at, link in enumerate(self._links or ())}


def _more(after: int, before: int) -> int:
    """What a counter grew by; one that was reset begins anew."""
    return after - before if after >= before else after
