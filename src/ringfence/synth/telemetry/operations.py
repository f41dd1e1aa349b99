"""What befalls machines and what operators do: the churn that looks like an attack and is none.

        runs, gaps between them ──drawn──▶ Work, Work, … ──▶ happenings (samples, silences)
                                                         └─▶ rows       (reservations, hardware, links, logins)

`RATES` are estimates of ours for a cluster that is run with ordinary care, not measurements.
"""

from collections.abc import Iterator, Mapping
from random import Random

import msgspec

from ringfence.synth.plan import Cluster
from ringfence.synth.telemetry.block import SENSOR
from ringfence.synth.telemetry.noise import dice
from ringfence.synth.telemetry.schedule import Run, drawn, schedule
from ringfence.synth.telemetry.world import Gap, Happenings, Overlay, Silence, Skew, Work, World

RATES: Mapping[str, float] = {
    "throttling": 0.004,
    "straggler": 0.003,
    "link flap": 0.01,
    "agent restart": 0.04,
    "events dropped": 0.2,
    "clock drift": 0.003,
    "hardware log": 0.03,
    "hardware alarm": 0.002,
    "module load": 0.01,
    "gpu setting": 0.003,
}
"""How often a day a host meets this."""

PLANNED: tuple[tuple[str, float], ...] = (
    ("reboot", 0.58),
    ("firmware", 0.22),
    ("part", 0.13),
    ("cable", 0.07),
)
"""What is done in an announced hour of maintenance, by share."""
MAINTAINED = 0.05
"""Hosts that have maintenance in a day."""
FAILED_BY_XID, FAILED_BY_CRASH = 0.15, 0.05
"""Of failed jobs: those whose accelerator reported an error, those whose host went down."""
_IDLE = 2700
DAY = 86400


def world(plan: Cluster, seed: int, seconds: int, runs: tuple[Run, ...] | None = None) -> World:
    """A cluster over some seconds, with all that benign days hold; with these runs, where they are named."""
    plain = World(plan, seed, seconds, schedule(plan, seed, seconds) if runs is None else runs)
    works = tuple(sorted(_works(plain), key=lambda one: (one.start, one.host, one.kind)))
    with_works = msgspec.structs.replace(plain, works=works)
    return msgspec.structs.replace(with_works, happenings=_happenings(with_works))


def _works(of: World) -> Iterator[Work]:
    days = of.seconds / DAY
    for host, machine in enumerate(of.plan.hosts):
        rng = dice(of.seed, "works", host)
        for kind, rate in RATES.items():
            if not machine.gpus and kind in ("throttling", "straggler", "gpu setting"):
                continue
            left = rng.expovariate(rate) if rate else days
            while left < days:
                start = left * DAY
                yield Work(kind, host, start, start + _length(kind, rng), rng.randrange(1 << 30))
                left += rng.expovariate(rate)
        if machine.gpus:
            yield from _planned(of, host, rng, days)
    yield from _failures(of)


def _length(kind: str, rng: Random) -> float:
    if kind in ("throttling", "straggler"):
        return 3600 * rng.uniform(0.5, 5)
    if kind == "clock drift":
        return 3600 * rng.uniform(2, 12)
    return rng.uniform(5, 20) if kind == "agent restart" else rng.uniform(2, 30)


def _planned(of: World, host: int, rng: Random, days: float) -> Iterator[Work]:
    """Maintenance is done where a host has nothing to run for three quarters of an hour."""
    if rng.random() > MAINTAINED * days:
        return
    runs = of.by_host.get(host, ())
    ends = [0.0, *(float(run.end) for run in runs)]
    starts = [*(float(run.start) for run in runs), float(of.seconds)]
    idle = [(end, start) for end, start in zip(ends, starts, strict=True) if start - end >= _IDLE and end > 3600]
    if idle:
        end, _ = rng.choice(idle)
        yield Work(drawn(rng, PLANNED), host, end + 300, end + 2400, rng.randrange(1 << 30))


def _failures(of: World) -> Iterator[Work]:
    for run in of.runs:
        if run.state not in ("FAILED", "REQUEUED") or run.kind == "cpu" or not run.uid.startswith("job:"):
            continue
        rng = dice(of.seed, "failure", run.uid, run.start)
        host = rng.choice(run.hosts)
        chance = 0.0 if run.state == "REQUEUED" else rng.random()
        if chance < FAILED_BY_XID:
            yield Work("xid", host, run.end - rng.uniform(4, 30), run.end, rng.randrange(1 << 30))
        elif chance < FAILED_BY_XID + FAILED_BY_CRASH and _free(of, host, run):
            yield Work("crash", host, run.end - 4, run.end + rng.uniform(240, 380), rng.randrange(1 << 30))


def _free(of: World, host: int, run: Run) -> bool:
    after = [one.start for one in of.by_host[host] if one.start >= run.end]
    return not after or after[0] > run.end + 400


def _happenings(of: World) -> Happenings:
    found = Happenings()
    for work in of.works:
        make = _SHOWN.get(work.kind)
        if make:
            found = found.plus(make(of, work))
    return found


def _throttled(of: World, work: Work) -> Happenings:
    """One accelerator gets too hot and slows down; its gang waits for it."""
    rng = Random(work.number)  # noqa: S311 - must be reproducible
    gpu = rng.randrange(int(of.gpus[work.host]))
    slow = rng.uniform(0.6, 0.9)
    mine = (gpu, gpu + 1)

    def own(quantity: str, how: str, value: float) -> Overlay:
        return Overlay((work.host,), work.start, work.end, quantity, how, value, mine)

    overlays = (own("clock", "times", slow), own("temperature", "plus", 12.0), own("power", "times", slow))
    return Happenings(overlays + _waiting(of, work, 1 - 0.5 * (1 - slow)))


def _straggling(of: World, work: Work) -> Happenings:
    """A host is slow for reasons of its own (memory, a daemon): a little less of everything on all its accelerators."""
    slow = Random(work.number).uniform(0.8, 0.95)  # noqa: S311 - must be reproducible
    names = ("tensor", "power", "nvlink")
    overlays = tuple(Overlay((work.host,), work.start, work.end, name, "times", slow) for name in names)
    return Happenings(overlays + _waiting(of, work, slow))


def _waiting(of: World, work: Work, slow: float) -> tuple[Overlay, ...]:
    return waiting(of, work.host, work.start, work.end, slow)


def waiting(of: World, host: int, start: float, end: float, slow: float) -> tuple[Overlay, ...]:
    """What the gang of a slow host shows: all its ranks go at the pace of the slowest."""
    found: list[Overlay] = []
    for run in of.by_host.get(host, ()):
        if run.kind == "train" and run.start < end and run.end > start and len(run.hosts) > 1:
            span = max(start, run.start), min(end, run.end)
            others = tuple(one for one in run.hosts if one != host)
            found += [Overlay(others, *span, name, "times", slow) for name in ("tensor", "nvlink")]
            found.append(Overlay(others, *span, "power", "times", 1 - 0.5 * (1 - slow)))
            found += [Overlay(run.hosts, *span, name, "times", slow) for name in ("ib_xmit", "ib_rcv")]
    return tuple(found)


def _silent(of: World, work: Work) -> Happenings:
    start, end = (work.start + 240, work.start + 240 + 300 + work.number % 240) if _is_planned(work) else (
        work.start, work.end
    )  # fmt: skip
    return Happenings(silences=(Silence(work.host, start, end),))


def _is_planned(work: Work) -> bool:
    return work.kind in dict(PLANNED)


def _dropped(of: World, work: Work) -> Happenings:
    sensor = SENSOR["gpu" if of.gpus[work.host] else "sockets"]
    return Happenings(gaps=(Gap(work.host, sensor, work.start, 1 + work.number % 6),))


def _drifting(of: World, work: Work) -> Happenings:
    drift = (0.05 + work.number % 100 / 200) * (1 if work.number % 2 else -1)
    return Happenings(skews=(Skew(work.host, work.start, work.end, 0.0, drift),))


_SHOWN = {
    "throttling": _throttled,
    "straggler": _straggling,
    "agent restart": _silent,
    "reboot": _silent,
    "firmware": _silent,
    "part": _silent,
    "crash": _silent,
    "events dropped": _dropped,
    "clock drift": _drifting,
}
