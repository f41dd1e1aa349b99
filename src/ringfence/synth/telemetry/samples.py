"""Counters at their intervals: every accelerator each 10 seconds, every port and host's links each 30.

occupancy (who holds which accelerator) ──▶ phase ──▶ levels ──▶ noise ──▶ overlays ──▶ columns

Samples of a host lie at the same offset in each interval, up to 7.5 s into it.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np

from ringfence.synth.telemetry.block import SENSOR, Block
from ringfence.synth.telemetry.noise import bell, hashed, key, unit
from ringfence.synth.telemetry.phases import TABLES, phase
from ringfence.synth.telemetry.schedule import KINDS
from ringfence.synth.telemetry.world import EPOCH, MOST_GPUS, SECOND, Overlay, World
from ringfence.wire.ocsf import classes

TICK, PORT_TICK = 10, 30
_WATTS = {"hgx": 700.0, "nvl": 1200.0}
_MEMORY = {"hgx": 80.0e9, "nvl": 186.0e9}
_MODEL = {"hgx": "NVIDIA H100 80GB HBM3", "nvl": "NVIDIA GB200"}
_TRAIN, _INFER, _INTERACTIVE = (KINDS.index(kind) for kind in ("train", "infer", "interactive"))
_IDLE_CLOCK, _CLOCK = 345, 1980
_IS = key("overlay")

Cells = dict[str, np.ndarray]
"""Quantity → (accelerator or port, tick)."""


class Occupancy:
    """Which run holds each accelerator, followed through time. `-1` is none (the last row of the world's table)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.holds = np.full((len(world.names), MOST_GPUS), -1, np.int64)
        changes = [(run.start, 1, at) for at, run in enumerate(world.runs) if run.kind != "cpu"]
        changes += [(run.end, 0, at) for at, run in enumerate(world.runs) if run.kind != "cpu"]
        self._changes = sorted(changes)
        self._next = 0

    def move(self, when: float) -> None:
        """To a later time."""
        while self._next < len(self._changes) and self._changes[self._next][0] <= when:
            _, begins, at = self._changes[self._next]
            run = self._world.runs[at]
            held = self.holds[list(run.hosts), run.first : run.first + run.gpus]
            held = np.full_like(held, at) if begins else np.where(held == at, -1, held)
            self.holds[list(run.hosts), run.first : run.first + run.gpus] = held
            self._next += 1


class Sampler:
    """The samples of some hosts. Keeps what never changes of them."""

    def __init__(self, world: World, hosts: Sequence[int]) -> None:
        self._world = world
        roles = [host.role for host in world.plan.hosts]
        pairs = [(host, at) for host in hosts for at in range(int(world.gpus[host]))]
        self._host = np.array([host for host, _ in pairs], np.int64)
        self._index = np.array([at for _, at in pairs], np.int64)
        self._watts = np.array([_WATTS[roles[host]] for host, _ in pairs], np.float64)[:, None]
        self._memory = np.array([_MEMORY[roles[host]] for host, _ in pairs], np.float64)[:, None]
        self._models = tuple(dict.fromkeys(_MODEL.values()))
        self._model = np.array([self._models.index(_MODEL[roles[host]]) for host, _ in pairs], np.int32)
        self._uuids = tuple(world.uuids[host][at] for host, at in pairs)
        ports = [(host, at) for host in hosts for at in range(1, int(world.ports[host]) + 1)]
        self._port_host = np.array([host for host, _ in ports], np.int64)
        self._port = np.array([at for _, at in ports], np.int64)
        self._guids = tuple(world.guid(host, at) for host, at in ports)
        own = unit(hashed(key(world.seed, "offset"), np.arange(len(world.names)), 0))
        self._offset = (own * 7.5e6).astype(np.int64)
        self._habit = 1 + 0.012 * bell(hashed(key(world.seed, "habit"), self._host * 8 + self._index, 0))[:, None]
        self._warmth = 4 * bell(hashed(key(world.seed, "warmth"), self._host * 8 + self._index, 0))[:, None]
        self._rows = {int(host): np.flatnonzero(self._host == host) for host in dict.fromkeys(self._host.tolist())}
        self._port_rows = {
            int(host): np.flatnonzero(self._port_host == host) for host in dict.fromkeys(self._port_host.tolist())
        }
        self._gpu_hosts = np.array([host for host in hosts if world.gpus[host]], np.int64)

    def blocks(self, begin: int, end: int, held: Sequence[np.ndarray], overlays: Sequence[Overlay]) -> Iterator[Block]:
        """The samples from second `begin` to before `end`; `held` is who holds what at each tick of ten seconds."""
        if len(self._host):
            yield self._accelerators(begin, held, overlays)
        if len(self._port):
            yield from self._ports(begin, end, held, overlays)

    def _accelerators(self, begin: int, held: Sequence[np.ndarray], overlays: Sequence[Overlay]) -> Block:
        world = self._world
        run = np.stack([one[self._host, self._index] for one in held], axis=1)
        ticks = begin // TICK + np.arange(len(held))
        when = (ticks * TICK)[None, :].astype(np.float64)
        cells = self._levels(run, when, ticks)
        for overlay in overlays:
            _overlay(cells, overlay, self._rows, self._index, ticks * TICK)
        count = run.size
        time = (EPOCH + ticks * TICK * SECOND)[None, :] + self._offset[self._host][:, None]
        width = len(held)

        def whole(name: str) -> np.ndarray:
            return cells[name].ravel().astype(np.int64)

        jobs, codes = _jobs(world, run.ravel())
        index = np.repeat(self._index, width)
        return Block(
            time=time.ravel(),
            host=np.repeat(self._host, width),
            sensor=SENSOR["gpu"],
            class_uid=classes.GPU,
            activity=1,
            numbers={
                "gpu.index": index,
                "gpu.utilization": np.round(np.clip(cells["utilization"], 0, 100)).ravel(),
                "gpu.memory_utilization": np.round(np.clip(cells["bandwidth"], 0, 100)).ravel(),
                "gpu.tensor_active": np.clip(cells["tensor"], 0, 1).ravel(),
                "gpu.memory_used": whole("memory"),
                "gpu.power": cells["power"].ravel(),
                "gpu.temperature": np.round(cells["temperature"]).ravel(),
                "gpu.clock": whole("clock"),
                "gpu.pcie_tx": whole("pcie_tx"),
                "gpu.pcie_rx": whole("pcie_rx"),
                "gpu.nvlink_tx": whole("nvlink"),
                "gpu.nvlink_rx": whole("nvlink"),
                "gpu.processes": whole("processes"),
                "interval": np.full(count, float(TICK)),
            },
            texts={
                "gpu.uuid": (np.repeat(np.arange(len(self._uuids), dtype=np.int32), width), self._uuids),
                "gpu.model": (np.repeat(self._model, width), self._models),
                "job.uid": (codes, jobs),
            },
        )

    def _levels(self, run: np.ndarray, when: np.ndarray, ticks: np.ndarray) -> Cells:
        table = self._world.table
        kind = table["kind"][run].astype(np.int64)
        now = phase(table, run, when)
        place = kind * 4 + now
        level = table["level"][run] * self._load(kind, run, ticks)
        bits = hashed(key(self._world.seed, "gpu"), (self._host * 8 + self._index)[:, None], ticks[None, :])
        noise = bell(bits)
        noisy = 1 + 0.02 * noise
        found = {name: np.take(values.ravel(), place) for name, values in TABLES.items() if name != "ib"}
        busy = found["utilization"] > 0
        for name in ("tensor", "bandwidth", "pcie_rx", "pcie_tx", "nvlink"):
            found[name] *= level * noisy * self._habit
        found["utilization"] = found["utilization"] * np.minimum(level, 1.0) + noise * np.where(busy, 1.2, 0)
        idle = TABLES["power"][-1, 0]
        found["power"] = (idle + (found["power"] - idle) * np.minimum(level, 1.1)) * self._habit * noisy * self._watts
        found["memory"] = found["memory"] * self._memory * np.minimum(0.8 + 0.2 * table["level"][run], 1.0) + 5.0e8
        found["temperature"] = 29 + 42 * found["power"] / self._watts + self._warmth + noise
        found["clock"] = np.where(busy, _CLOCK - 15 * np.abs(noise).astype(np.int64), _IDLE_CLOCK).astype(np.float64)
        found["processes"] = (found["utilization"] > 0).astype(np.float64)
        return found

    def _load(self, kind: np.ndarray, run: np.ndarray, ticks: np.ndarray) -> np.ndarray:
        """Serving follows the time of day; people at a prompt come and go; training is steady."""
        day = 0.7 + 0.35 * np.sin((ticks * TICK / 3600.0 - 8.0) / 24.0 * 2 * np.pi)[None, :]
        mood = unit(hashed(key(self._world.seed, "mood"), run, (ticks // 18)[None, :]))
        burst = np.where(mood > 0.55, 2.0 * mood, 0.02)
        found = np.where(kind == _INFER, day * (0.85 + 0.3 * mood), 1.0)
        return np.where(kind == _INTERACTIVE, burst, found)

    def _ports(self, begin: int, end: int, held: Sequence[np.ndarray], overlays: Sequence[Overlay]) -> Iterator[Block]:
        first = -(-begin // PORT_TICK)
        ticks = np.arange(first, -(-end // PORT_TICK))
        if not len(ticks):
            return
        at = [min((int(tick) * PORT_TICK - begin) // TICK, len(held) - 1) for tick in ticks]
        run = np.stack([held[one][self._port_host, 0] for one in at], axis=1)
        yield self._traffic(ticks, run, overlays)
        if len(self._gpu_hosts):
            yield self._links(ticks, np.stack([held[one][self._gpu_hosts, 0] for one in at], axis=1), overlays)

    def _traffic(self, ticks: np.ndarray, run: np.ndarray, overlays: Sequence[Overlay]) -> Block:
        table, when = self._world.table, (ticks * PORT_TICK)[None, :].astype(np.float64)
        place = table["kind"][run].astype(np.int64) * 4 + phase(table, run, when)
        between = np.take(TABLES["ib"].ravel(), place) * (table["size"][run] > 1) * table["level"][run]
        bits = hashed(key(self._world.seed, "ib"), (self._port_host * 8 + self._port)[:, None], ticks[None, :])
        noise = 1 + 0.01 * bell(bits)
        stored = (self._port == 1)[:, None]
        sent = np.take(TABLES["pcie_tx"].ravel(), place) * 3 * stored + np.where(place >= 24, 2.0e3, 0)
        got = np.take(TABLES["pcie_rx"].ravel(), place) * 3 * stored + np.where(place >= 24, 2.0e3, 0)
        cells = {"ib_xmit": (between * noise + sent) * PORT_TICK, "ib_rcv": (between * noise + got) * PORT_TICK}
        cells["ib_errors"] = (unit(bits) > 0.9995).astype(np.float64)
        for overlay in overlays:
            _overlay(cells, overlay, self._port_rows, self._port - 1, ticks * PORT_TICK)
        width = len(ticks)
        devices = tuple(f"mlx5_{at}" for at in range(MOST_GPUS))
        numbers = {
            "ib.port": np.ones(run.size, np.int64),
            "ib.xmit": cells["ib_xmit"].ravel().astype(np.int64),
            "ib.rcv": cells["ib_rcv"].ravel().astype(np.int64),
            "ib.xmit_wait": (cells["ib_xmit"] * 2e-5 * unit(bits)).ravel().astype(np.int64),
            "ib.errors": cells["ib_errors"].ravel().astype(np.int64),
            "interval": np.full(run.size, float(PORT_TICK)),
        }
        texts = {
            "ib.guid": (np.repeat(np.arange(len(self._guids), dtype=np.int32), width), self._guids),
            "ib.device": (np.repeat((self._port - 1).astype(np.int32), width), devices),
        }
        return self._sampled(classes.IB_PORT, "ports", self._port_host, ticks, 1000, numbers, texts)

    def _links(self, ticks: np.ndarray, run: np.ndarray, overlays: Sequence[Overlay]) -> Block:
        """All links of a host together."""
        table, when = self._world.table, (ticks * PORT_TICK)[None, :].astype(np.float64)
        place = table["kind"][run].astype(np.int64) * 4 + phase(table, run, when)
        bits = hashed(key(self._world.seed, "links"), self._gpu_hosts[:, None], ticks[None, :])
        level = table["level"][run] * self._load(place // 4, run, ticks * PORT_TICK // TICK)
        cells = {
            "nvlink": np.take(TABLES["nvlink"].ravel(), place) * level * (1 + 0.01 * bell(bits)),
        }
        rows = {int(host): np.array([at]) for at, host in enumerate(self._gpu_hosts)}
        for overlay in overlays:
            if overlay.quantity == "nvlink":
                _overlay(cells, _whole(overlay), rows, np.zeros(len(rows), np.int64), ticks * PORT_TICK)
        total = (cells["nvlink"] * self._world.gpus[self._gpu_hosts][:, None] * PORT_TICK).ravel().astype(np.int64)
        numbers = {
            "nvlink.tx": total,
            "nvlink.rx": total,
            "nvlink.errors": (unit(bits) > 0.9998).ravel().astype(np.int64),
            "interval": np.full(run.size, float(PORT_TICK)),
        }
        return self._sampled(classes.NVLINK, "ports", self._gpu_hosts, ticks, 2000, numbers, {})

    def _sampled(
        self,
        class_uid: int,
        sensor: str,
        hosts: np.ndarray,
        ticks: np.ndarray,
        late: int,
        numbers: Mapping[str, np.ndarray],
        texts: Mapping[str, tuple[np.ndarray, Sequence[str]]],
    ) -> Block:
        time = (EPOCH + late + ticks * PORT_TICK * SECOND)[None, :] + self._offset[hosts][:, None]
        host = np.repeat(hosts, len(ticks))
        return Block(time.ravel(), host, SENSOR[sensor], class_uid, 1, numbers, texts)


def _jobs(world: World, run: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """The jobs' names and a code for each row."""
    present, codes = np.unique(run, return_inverse=True)
    codes = codes.astype(np.int32)
    if len(present) and present[0] < 0:
        present, codes = present[1:], codes - 1
    return tuple(world.runs[int(at)].uid for at in present), codes


def _whole(overlay: Overlay) -> Overlay:
    """What an overlay of some accelerators does to the mean of a host's eight."""
    part = min(1.0, (overlay.gpus[1] - overlay.gpus[0]) / MOST_GPUS)
    value = {"plus": overlay.value * part, "times": 1 + (overlay.value - 1) * part}.get(overlay.how, overlay.value)
    return msgspec.structs.replace(overlay, value=value, gpus=(0, MOST_GPUS))


def _overlay(
    cells: Cells, overlay: Overlay, rows: Mapping[int, np.ndarray], index: np.ndarray, when: np.ndarray
) -> None:
    """Change the cells that an overlay is about."""
    values = cells.get(overlay.quantity)
    if values is None:
        return
    on = (when >= overlay.start) & (when < overlay.end)
    if overlay.duty < 1:
        on &= np.mod(when - overlay.start, overlay.period) < overlay.duty * overlay.period
    columns = np.flatnonzero(on)
    if not len(columns):
        return
    low, high = overlay.gpus
    for host in overlay.hosts:
        mine = rows.get(host)
        if mine is None:
            continue
        mine = mine[(index[mine] >= low) & (index[mine] < high)]
        place = np.ix_(mine, columns)
        if overlay.how == "times":
            values[place] *= overlay.value
        elif overlay.how == "plus":
            values[place] += overlay.value
        else:
            bits = hashed(_IS, (index[mine] + host * MOST_GPUS)[:, None], when[columns][None, :].astype(np.int64))
            values[place] = overlay.value * (1 + 0.02 * bell(bits))
