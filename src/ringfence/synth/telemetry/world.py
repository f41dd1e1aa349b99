"""A cluster over days: its plan, what runs there, and what happens to the machines.

Cluster ──▶ runs (schedule) ──▶ World ──▶ chunks
        └─▶ happenings ──▶ overlays, silences, gaps, skews

Seconds of the replay are counted from `EPOCH`.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property

import msgspec
import numpy as np

from ringfence.synth import data, say
from ringfence.synth.plan import Cluster, address, port_guid
from ringfence.synth.telemetry.schedule import KINDS, Run

SECOND = 1_000_000
EPOCH = int(say.OBSERVED) * SECOND
"""When a replay begins, in microseconds."""

MOST_GPUS = 8


class Overlay(msgspec.Struct, frozen=True):
    """Something that changes what samples of some hosts show: `quantity` times, plus, or is `value`.

    `gpus` is a range of indices (of ports, where the quantity is of ports); `duty` is the part of every
    `period` seconds in which it acts.
    """

    hosts: tuple[int, ...]
    start: float
    end: float
    quantity: str
    how: str
    value: float
    gpus: tuple[int, int] = (0, MOST_GPUS)
    duty: float = 1.0
    period: float = 60.0


class Silence(msgspec.Struct, frozen=True):
    """A host sends nothing; with `share` below 1 only that part of its numbered events is lost on the way."""

    host: int
    start: float
    end: float
    share: float = 1.0


class Gap(msgspec.Struct, frozen=True):
    """A sensor of a host loses some numbered events at a moment."""

    host: int
    sensor: int
    at: float
    count: int


class Skew(msgspec.Struct, frozen=True):
    """A host's clock is off by `seconds`, plus `drift` seconds an hour from `start` on."""

    host: int
    start: float
    end: float
    seconds: float
    drift: float = 0.0


class Happenings(msgspec.Struct, frozen=True):
    """What happens to machines and shows in all their events."""

    overlays: tuple[Overlay, ...] = ()
    silences: tuple[Silence, ...] = ()
    gaps: tuple[Gap, ...] = ()
    skews: tuple[Skew, ...] = ()

    def plus(self, other: "Happenings") -> "Happenings":
        """Both."""
        return Happenings(
            self.overlays + other.overlays,
            self.silences + other.silences,
            self.gaps + other.gaps,
            self.skews + other.skews,
        )


class Work(msgspec.Struct, frozen=True):
    """Something that is done to a machine, or befalls it: `kind` as in `operations`, a second and an end."""

    kind: str
    host: int
    start: float
    end: float
    number: int = 0


class World(msgspec.Struct, frozen=True, dict=True):
    """The plan, the seed, how many seconds, all runs, and what happens to machines."""

    plan: Cluster
    seed: int
    seconds: int
    runs: tuple[Run, ...]
    happenings: Happenings = Happenings()
    works: tuple[Work, ...] = ()

    @cached_property
    def at(self) -> Mapping[str, int]:
        """Host's name → index."""
        return {host.name: number for number, host in enumerate(self.plan.hosts)}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The hosts' names by index."""
        return tuple(host.name for host in self.plan.hosts)

    @cached_property
    def gpus(self) -> np.ndarray:
        """How many accelerators each host has."""
        return np.array([host.gpus for host in self.plan.hosts], np.int64)

    @cached_property
    def ports(self) -> np.ndarray:
        """How many fabric ports each host has, 0 for those off the fabric."""
        on = ("hgx", "nvl", "storage", "tracking", "sm", "login")
        return np.array([host.ports if host.role in on else 0 for host in self.plan.hosts], np.int64)

    @cached_property
    def uuids(self) -> tuple[tuple[str, ...], ...]:
        """The UUIDs of each host's accelerators."""
        return tuple(tuple(self.plan.gpu_uuid(h, at) for at in range(h.gpus)) for h in self.plan.hosts)

    @cached_property
    def addresses(self) -> tuple[str, ...]:
        """The address under which each host is met over Ethernet."""
        return tuple(address(host, data.ethernet_of(host)[0]) for host in self.plan.hosts)

    @cached_property
    def by_host(self) -> Mapping[int, Sequence[Run]]:
        """The runs of each host, by their start."""
        found: dict[int, list[Run]] = {}
        for run in self.runs:
            for host in run.hosts:
                found.setdefault(host, []).append(run)
        return found

    @cached_property
    def table(self) -> Mapping[str, np.ndarray]:
        """What samples need of every run, as arrays with one more row for `no run` at the end."""
        rows = [
            (r.start, r.end, r.load, *r.checkpoint, r.level, KINDS.index(r.kind), len(r.hosts), r.pipeline)
            for r in self.runs
        ]
        rows.append((0, 1 << 40, 0, 1 << 30, 0, 0.0, len(KINDS), 0, 0))
        names = ("start", "end", "load", "period", "saving", "level", "kind", "size", "pipeline")
        whole = np.array(rows, np.float64)
        return {name: whole[:, at] for at, name in enumerate(names)}

    def of_role(self, role: str) -> list[int]:
        """The indices of the hosts of a role."""
        return [at for at, host in enumerate(self.plan.hosts) if host.role == role]

    def guid(self, host: int, port: int) -> str:
        """The GUID of a port, from 1, as in `ibport:` entities."""
        return f"0x{port_guid(self.plan.hosts[host], port):016x}"

    def running(self, host: int, when: float) -> list[Run]:
        """What runs on a host at a time."""
        return [run for run in self.by_host.get(host, ()) if run.start <= when < run.end]


def micro(seconds: float) -> int:
    """Seconds of the replay as an event's time."""
    return EPOCH + int(seconds * SECOND)
