"""How many events a second of 9,500 endpoints pass all rules and detectors, and how soon an incident is out.

        files ─▶ worker: read, stamp, node stage ─┐ entries
        files ─▶ worker: …                       ─┴──▶ joint stage ─▶ incidents ─▶ this process
                     ▲ urgent: one event, not in company ─────▲ taken before what else waits     │
                     └────────────────────── hand-over, clock running ───────────────────────────┘

First as fast as it goes: workers take the next file when they are done with the last, and wait when the joint stage is
behind, so all that is read is processed; the rate is that of the events read. Then at half that rate, while attacks are
handed over, every second one in a batch among others. The lane, the log on disk and the network are not in it.
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import msgspec

from bench import report
from bench.endpoints_attack import attack
from bench.endpoints_batches import Prepared, prepare
from bench.endpoints_processes import Done, joined, share_mib, worked
from bench.quality import site
from ringfence.app.watch.made import Made
from ringfence.errors import Problem

GOALS = {"events_per_second": 500_000, "p99_unbatched_ms": 100, "p99_batched_ms": 500, "memory_mib": 4096}
WANTED = 100
"""Events a second and endpoint for which cores are worked out."""
EVERY = 0.25
"""Seconds between two attacks."""
PATIENCE = 10.0
WARM = 0.15
"""Share of the time at first that is not counted: all sources are met, loops are compiled."""


class Options(msgspec.Struct, frozen=True):
    """What is run."""

    nodes: int = 9500
    minutes: int = 4
    seconds: float = 600
    workers: int = 2
    seed: int = 1
    rules: tuple[Path, ...] = ()
    dense: float = 53


class _Process(msgspec.Struct, frozen=True):
    name: str
    process: Any
    line: Connection


def run(options: Options, told: Any = report.progress) -> dict[str, Any]:
    """All of it; the result as it is printed."""
    with tempfile.TemporaryDirectory() as held:
        folder = Path(held)
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:  # its memory is not the watch's
            given = folder, options.nodes, options.minutes, options.seed, options.workers, options.dense
            prepared = apart.submit(prepare, *given).result()
        told(f"{prepared.events:,} events of {prepared.sources:,} sensors in {prepared.batches:,} batches on disk")
        problems: list[Problem] = []
        made = Made(site.estate(prepared.plan), list(options.rules), problems)
        parts, incidents = _started(options, folder, made)
        try:
            fast, slow, delays = _measured(options, parts, incidents, prepared, told)
        finally:
            for part in parts:
                part.process.join(PATIENCE)
                if part.process.is_alive():
                    part.process.kill()
    return _result(options, prepared, made.count, fast, slow, delays) | {"rule_problems": len(problems)}


def _started(options: Options, folder: Path, made: Made) -> tuple[list[_Process], Connection]:
    """The joint process first in the list, then the workers; and where incidents come out."""
    context = multiprocessing.get_context("fork")
    out, told = context.Pipe(duplex=False)
    pipes = [(context.Pipe(duplex=False), context.Pipe(duplex=False)) for _ in range(options.workers)]
    jobs: list[tuple[str, Any, tuple[Any, ...]]] = [
        ("joint", joined, (made, [usual[0] for usual, _ in pipes], [soon[0] for _, soon in pipes], told))
    ]
    for number, (usual, soon) in enumerate(pipes):
        jobs.append((f"node {number + 1}", worked, (made, folder, number, usual[1], soon[1], options.dense)))
    found = []
    for name, target, given in jobs:
        near, far = context.Pipe()
        process = context.Process(target=target, args=(far, *given), daemon=True)
        process.start()
        far.close()
        found.append(_Process(name, process, near))
    return found, out


def _measured(
    options: Options, parts: Sequence[_Process], incidents: Connection, prepared: Prepared, told: Any
) -> tuple[dict[str, Any], dict[str, Any], dict[str, list[float]]]:
    """As fast as it goes, then at half that with attacks."""
    half = options.seconds / 2
    _drain(incidents, half * WARM)
    begin = _counted(parts)
    _drain(incidents, half * (1 - WARM))
    fast = _between(parts, begin, _counted(parts))
    told(f"{fast['events_per_second']:,} events/s as fast as it goes")
    for part in parts[1:]:
        part.line.send(("rate", fast["events_per_second"] / 2 / options.workers))
    _drain(incidents, min(5.0, half * WARM))
    begin = _counted(parts)
    delays = _attacked(options, parts, incidents, prepared, half)
    slow = _between(parts, begin, _counted(parts))
    for part in parts[1:]:
        part.line.send(("end", None))
    _drain(incidents, 1.0)
    parts[0].line.send(("end", None))
    return fast, slow, delays


def _attacked(
    options: Options, parts: Sequence[_Process], incidents: Connection, prepared: Prepared, seconds: float
) -> dict[str, list[float]]:
    """Milliseconds from hand-over to incident, by lane; infinite where none came."""
    names = [host.name for host in prepared.plan.hosts if host.gpus]
    begun: dict[str, tuple[str, float]] = {}
    delays: dict[str, list[float]] = {"unbatched": [], "batched": []}
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end or (begun and time.monotonic() < end + PATIENCE):
        if time.monotonic() < end and number < len(names):
            lane = "unbatched" if number % 2 else "batched"
            victim, record = attack(names[number], number)
            begun[victim] = lane, time.monotonic()
            parts[1 + number % options.workers].line.send((lane, record))
            number += 1
        until = time.monotonic() + EVERY
        while (left := until - time.monotonic()) > 0:
            if not incidents.poll(left):
                break
            when = time.monotonic()
            for entity in incidents.recv():
                if entity in begun:
                    lane, start = begun.pop(entity)
                    delays[lane].append((when - start) * 1000)
    for lane, _ in begun.values():
        delays[lane].append(float("inf"))
    return delays


def _drain(incidents: Connection, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if wait([incidents], left):
            incidents.recv()


def _counted(parts: Sequence[_Process]) -> tuple[float, list[Done]]:
    """The moment, and what every process has done."""
    for part in parts:
        part.line.send(("count", None))
    return time.monotonic(), [part.line.recv() for part in parts]


def _between(
    parts: Sequence[_Process], begin: tuple[float, list[Done]], end: tuple[float, list[Done]]
) -> dict[str, Any]:
    seconds = end[0] - begin[0]
    events = sum(one.events for one in end[1][1:]) - sum(one.events for one in begin[1][1:])
    spent = {part.name: after.cpu - before.cpu for part, before, after in zip(parts, begin[1], end[1], strict=True)}
    lost = sum(one.lost for one in end[1])
    passed = sum(after.passed - before.passed for before, after in zip(begin[1][1:], end[1][1:], strict=True))
    return {
        "seconds": round(seconds, 1),
        "events": events,
        "events_processed": passed,
        "events_per_second": round(events / seconds),
        "lost": lost,
        "cores_used": {name: round(one / seconds, 3) for name, one in spent.items()},
        "cpu_us_per_event": {name: round(one / max(events, 1) * 1e6, 3) for name, one in spent.items()},
        "peak_mib": {part.name: one.peak for part, one in zip(parts, end[1], strict=True)},
        "share_mib": {part.name: one.share for part, one in zip(parts, end[1], strict=True)},
        "signals": sum(one.signals for one in end[1][1:]) - sum(one.signals for one in begin[1][1:]),
        "incidents": end[1][0].signals - begin[1][0].signals,
        "faults": {name: many for one in end[1] for name, many in one.faults.items()},
    }


def _result(
    options: Options,
    prepared: Prepared,
    rules: int,
    fast: dict[str, Any],
    slow: dict[str, Any],
    delays: dict[str, list[float]],
) -> dict[str, Any]:
    each = sum(fast["cpu_us_per_event"].values())
    memory = max(sum(part["share_mib"].values()) for part in (fast, slow)) + share_mib()
    late = {lane: _percentiles(found) for lane, found in delays.items()}
    got = {
        "events_per_second": fast["events_per_second"],
        "p99_unbatched_ms": late["unbatched"]["p99_ms"],
        "p99_batched_ms": late["batched"]["p99_ms"],
        "memory_mib": memory,
    }
    met = {
        name: got[name] is not None and (got[name] >= goal if name == "events_per_second" else got[name] <= goal)
        for name, goal in GOALS.items()
    }
    return {
        "bench": "endpoints",
        "seed": options.seed,
        "machine": report.machine("pyarrow", "msgspec"),
        "nodes": options.nodes,
        "sources": prepared.sources,
        "rules_and_correlations": rules,
        "on_disk": {"events": prepared.events, "batches": prepared.batches, "mix": prepared.mix},
        "highest": fast | _undisturbed(fast),
        "half": slow,
        "event_to_incident": late,
        "wanted": {
            "events_per_second": options.nodes * WANTED,
            "cores": round(options.nodes * WANTED * each / 1e6, 2),
            "by": "CPU time of all processes an event at the highest rate",
        },
        "memory_mib": memory,
        "figures": {name: {"goal": goal, "got": got[name], "met": met[name]} for name, goal in GOALS.items()},
    }


def _undisturbed(fast: dict[str, Any]) -> dict[str, Any]:
    """How much of the machine it got, and the rate that its CPU time an event would allow with all of it."""
    cores, each = os.cpu_count() or 1, sum(fast["cpu_us_per_event"].values())
    busiest = max(fast["cpu_us_per_event"].values())  # no process uses more than one core
    return {
        "cores_got": round(sum(fast["cores_used"].values()), 2),
        "cores_there": cores,
        "events_per_second_with_all_cores": round(min(cores / max(each, 1e-3), 1 / max(busiest, 1e-3)) * 1e6),
    }


def _percentiles(found: Sequence[float]) -> dict[str, Any]:
    """Of milliseconds; what never came counts as the longest."""
    ranked = sorted(found)
    missed = sum(one == float("inf") for one in ranked)

    def at(share: float) -> float | None:
        one = ranked[min(int(len(ranked) * share), len(ranked) - 1)] if ranked else float("inf")
        return None if one == float("inf") else round(one, 1)

    return {"attacks": len(ranked), "missed": missed, "p50_ms": at(0.5), "p99_ms": at(0.99), "most_ms": at(1.0)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the result; 1 where events were lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--seconds", type=float, default=Options().seconds, help="how long events are replayed")
    parser.add_argument("--workers", type=int, default=Options().workers, help="processes for the node stages")
    parser.add_argument("--nodes", type=int, default=Options().nodes)
    parser.add_argument("--minutes", type=int, default=Options().minutes, help="minutes on disk, as generated")
    parser.add_argument("--seed", type=int, default=Options().seed)
    parser.add_argument("--rules", type=Path, action="append", default=[], help="Sigma rules besides our own")
    given = parser.parse_args(arguments)
    options = Options(given.nodes, given.minutes, given.seconds, given.workers, given.seed, tuple(given.rules))
    result = run(options)
    report.emit(result, given.json)
    return 0 if not result["highest"]["lost"] and not result["half"]["lost"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
