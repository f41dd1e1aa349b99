"""`python -m bench.incremental --json`: a job starts, a job ends, on a generated estate of 10,000 nodes.

Jobs of 16 hosts with all their GPUs start and end in random order; each event is one delta of a
few hundred facts, and afterwards both bounds of every position's reach of every jewel are those
of the new estate. After every 500th event everything is derived and swept anew and compared.
"""

import argparse
import gc
import random
import sys
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.report import Timed, emit, machine, peak_mib, progress, timed
from ringfence.analyse.derive import Edges, derive
from ringfence.analyse.incremental import Live
from ringfence.analyse.moves import MOVES
from ringfence.analyse.positions import CAPABILITY_CODE, WIDTH
from ringfence.analyse.reach import Graph, reach_sets
from ringfence.estate.delta import Delta
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import JEWELS
from ringfence.synth import generate

TARGETS = {"start_ms": 5, "end_ms": 50}
HOSTS = 16


def main(arguments: list[str] | None = None) -> int:
    """Run the bench; exit status 1 if a rebuild ever differs."""
    options = _options(arguments)
    progress("generating and deriving")
    estate = estate_of(generate(options.nodes, options.seed))
    edges, deriving = timed(lambda: derive(estate))
    jewels = _jewels(estate, options.jewels)
    live, building = timed(lambda: Live(estate, jewels, edges=edges))
    jobs = _jobs(estate, options.jobs, options.seed)
    _rehearse(live, jobs)
    starts, ends, checks, equal = _play(live, jobs, options)
    result: dict[str, Any] = {
        "targets": TARGETS,
        "start": _spread(starts),
        "end": _spread(ends),
        "equal_to_rebuild": equal,
        "rebuilds_compared": checks,
        "facts_per_job": round(sum(map(len, jobs)) / len(jobs), 1),
        "estate": {
            "nodes": options.nodes,
            "facts": len(estate),
            "moves": len(MOVES),
            "edges": len(edges),
            "positions": len(live.table()[0]),
            "jewels": len(jewels),
        },
        "derive_ms": deriving.as_json()["best_ms"],
        "live_build_ms": building.as_json()["best_ms"],
        "rebuild_ms": timed(lambda: _rebuild(live))[1].as_json()["best_ms"],
        "machine": machine() | {"peak_mib": peak_mib()},
        "arguments": {name: value for name, value in vars(options).items() if name != "json"},
    }
    emit(result, options.json)
    return 0 if equal else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.incremental", description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=2_000)
    parser.add_argument("--jobs", type=int, default=60, help="different jobs that come and go")
    parser.add_argument("--jewels", type=int, default=100)
    parser.add_argument("--check-every", type=int, default=500)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args(arguments)


def _jewels(estate: Estate, most: int) -> list[int]:
    found = [term for term, name in enumerate(estate.terms.values) if name.partition(":")[0] in JEWELS]
    step = max(1, len(found) // most)
    return [term * WIDTH + CAPABILITY_CODE["read"] for term in found[::step][:most]]


def _jobs(estate: Estate, count: int, seed: int) -> list[tuple[Fact, ...]]:
    """Jobs as collectors would tell of them, modelled on jobs that run there: owner, tenant, data, mounts."""
    rng = random.Random(seed)
    models = _about_jobs(estate)
    hosts: dict[str, list[str]] = {}
    for fact in estate.facts("has_gpu"):
        hosts.setdefault(fact.subject, []).append(fact.object)
    names = sorted(hosts)
    return [_job(rng, number, rng.choice(models), hosts, names) for number in range(count)]


def _about_jobs(estate: Estate) -> list[list[Fact]]:
    """Per job of a scheduler what is said about it, but for where it runs."""
    said: dict[str, list[Fact]] = {}
    for fact in estate.facts():
        if fact.subject.startswith("job:slurm/") and fact.predicate not in ("runs_on", "uses_gpu"):
            said.setdefault(fact.subject, []).append(fact)
    return [facts for facts in said.values() if not any(fact.object.startswith("job:") for fact in facts)]


def _job(
    rng: random.Random, number: int, model: list[Fact], hosts: dict[str, list[str]], names: list[str]
) -> tuple[Fact, ...]:
    job = f"job:slurm/bench/{number}"
    first = rng.randrange(max(1, len(names) - HOSTS))
    facts = [Fact(job, fact.predicate, fact.object, fact.attributes, fact.source) for fact in model]
    for host in names[first : first + HOSTS]:
        facts.append(Fact(job, "runs_on", host, source="bench"))
        facts += [Fact(job, "uses_gpu", gpu, source="bench") for gpu in hosts[host]]
    return tuple(facts)


def _rehearse(live: Live, jobs: list[tuple[Fact, ...]]) -> None:
    """Compile what is not yet compiled, and let the columns find their room."""
    for job in jobs[:2]:
        live.apply(Delta(added=job))
        live.apply(Delta(removed=job))


def _play(
    live: Live, jobs: list[tuple[Fact, ...]], options: argparse.Namespace
) -> tuple[list[float], list[float], int, bool]:
    """Events in random order: (seconds of starts, of ends, rebuilds compared, all equal)."""
    rng = random.Random(options.seed)
    running: set[int] = set()
    starts: list[float] = []
    ends: list[float] = []
    checks, equal = 0, True
    gc.collect()
    for event in range(1, options.events + 1):
        job = rng.randrange(len(jobs))
        ending = job in running
        running ^= {job}
        delta = Delta(removed=jobs[job]) if ending else Delta(added=jobs[job])
        begin = perf_counter()
        live.apply(delta)
        (ends if ending else starts).append(perf_counter() - begin)
        if event % options.check_every == 0:
            progress(f"event {event}: comparing with a rebuild")
            checks += 1
            equal &= _same(live)
    return starts, ends, checks, equal


def _spread(seconds: list[float]) -> dict[str, float | int]:
    """Milliseconds: median, 95th percentile, worst."""
    if not seconds:
        return {"events": 0}
    p95 = float(np.percentile(seconds, 95)) * 1000
    shown = Timed(tuple(seconds)).as_json()
    return {
        "median_ms": shown["median_ms"],
        "p95_ms": round(p95, 3),
        "worst_ms": shown["worst_ms"],
        "events": len(seconds),
    }


def _rebuild(live: Live) -> tuple[Edges, Graph, NDArray[np.uint64], NDArray[np.uint64]]:
    edges = derive(live.estate)
    graph = Graph.of(edges)
    bounds = reach_sets(graph, graph.indices(live.jewels))
    return edges, graph, bounds.lower.expand(), bounds.upper.expand()


def _same(live: Live) -> bool:
    """Whether edges and both bounds are those of a rebuild."""
    edges, graph, *both = _rebuild(live)
    if not np.array_equal(_ordered(edges), _ordered(live.edges())):
        return False
    positions, *kept = live.table()
    at = graph.indices(positions)
    if (at >= 0).sum() != len(graph):
        return False
    return all(np.array_equal(one[at >= 0], other[at[at >= 0]]) for one, other in zip(kept, both, strict=True))


def _ordered(edges: Edges) -> NDArray[np.int64]:
    rows = np.column_stack([edges.move, edges.start, edges.to, edges.because, edges.unknown])
    return rows[np.lexsort(rows.T)]


if __name__ == "__main__":
    sys.exit(main())
