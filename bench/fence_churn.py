"""`python -m bench.fence_churn --json`: a job event on a generated estate of 10,000 nodes, without the network.

Jobs of 16 hosts start and end in random order. Each event derives the job's part, compiles and proves the texts of
its hosts, and hands them over; what is not in it is the way to the hosts. At the end the policy kept job by job is
compared with one derived anew.
"""

import argparse
import random
import sys
from time import perf_counter
from typing import Any

import numpy as np

from bench.report import emit, machine, peak_mib, progress, timed
from ringfence.app.follow.making import followed, made
from ringfence.app.follow.standing import Standing
from ringfence.collect.base import Scope
from ringfence.collect.slurm_state import Place, jobs
from ringfence.estate import ids
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.synth import generate
from ringfence.wire.slurm.values import Job

TARGET_MS = 100
CLUSTER = "alpha"


def main(arguments: list[str] | None = None) -> int:
    """Run the bench; exit status 1 where the policy differs from one derived anew, or the median is too slow."""
    options = _options(arguments)
    progress("generating and deriving")
    estate = estate_of(generate(options.nodes, options.seed))
    standing, deriving = timed(lambda: Standing(estate))
    targets = followed(standing.inventory, tuple(options.targets.split(",")))
    told = {job: facts for job, facts in standing.scene.known.items() if any(f.predicate == "runs_on" for f in facts)}
    for job, facts in told.items():
        standing.tell(job, facts)
    before = standing.whole()
    kinds = _play(standing, targets, _jobs(standing, options), options)
    result: dict[str, Any] = {
        "target_ms": TARGET_MS,
        "start": _spread(kinds["start"]),
        "end": _spread(kinds["end"]),
        "parts_of_a_start_ms": {name: _spread(kinds[name])["median_ms"] for name in ("told", "whole", "made")},
        "as_derived_anew": standing.whole() == before,
        "standing_ms": deriving.as_json()["best_ms"],
        "estate": {"nodes": options.nodes, "facts": len(estate), "jobs": len(told)},
        "machine": machine() | {"peak_mib": peak_mib()},
        "arguments": {name: value for name, value in vars(options).items() if name != "json"},
    }
    emit(result, options.json)
    return 0 if result["as_derived_anew"] and result["start"]["median_ms"] <= TARGET_MS else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.fence_churn", description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=40, help="starts, each with its end")
    parser.add_argument("--hosts", type=int, default=16, help="hosts of a job")
    parser.add_argument("--targets", default="nftables")
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args(arguments)


def _jobs(standing: Standing, options: argparse.Namespace) -> list[tuple[str, list[Fact]]]:
    """Jobs on hosts that are fenced and free, as a hook tells of them."""
    rng = random.Random(options.seed)
    fenced = set(standing.inventory.enforcers["nftables"])
    names = [host for host in standing.scene.nodes[f"cluster:{CLUSTER}"] if host in fenced]
    free = [host.partition(":")[2] for host in names if host not in standing.scene.at] or [
        host.partition(":")[2] for host in names
    ]
    place = Place(Scope(CLUSTER), CLUSTER)
    found = []
    for at in range(options.events):
        nodes = ",".join(rng.sample(free, min(options.hosts, len(free))))
        row = Job(str(10**9 + at), "res-001", "t01", states=("RUNNING",), nodes=nodes)
        found.append((ids.job(CLUSTER, row.number), list(jobs([row], place))))
    return found


def _play(
    standing: Standing, targets: tuple[str, ...], jobs_: list[tuple[str, list[Fact]]], options: argparse.Namespace
) -> dict[str, list[float]]:
    """Each job starts and ends; seconds by kind of event, and of the parts of a start."""
    kinds: dict[str, list[float]] = {name: [] for name in ("start", "end", "told", "whole", "made")}
    for job, facts in jobs_:
        marks = [perf_counter()]
        hosts = standing.tell(job, facts)
        marks.append(perf_counter())
        policy = standing.whole()
        marks.append(perf_counter())
        made(standing, targets, policy, hosts)
        marks.append(perf_counter())
        for name, begin, end in zip(("told", "whole", "made"), marks, marks[1:], strict=False):
            kinds[name].append(end - begin)
        kinds["start"].append(marks[-1] - marks[0])
        begin = perf_counter()
        hosts = standing.forget(job)
        made(standing, targets, standing.whole(), hosts)
        kinds["end"].append(perf_counter() - begin)
    return {name: found[2:] or found for name, found in kinds.items()}


def _spread(seconds: list[float]) -> dict[str, float]:
    median, p95, worst = (1000 * float(one) for one in np.percentile(seconds, [50, 95, 100]))
    return {"median_ms": round(median, 1), "p95_ms": round(p95, 1), "worst_ms": round(worst, 1)}


if __name__ == "__main__":
    sys.exit(main())
