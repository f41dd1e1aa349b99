"""Planning containment on a generated estate: how long, how many cuts, how many surely the cheapest.

`python -m bench.contain_plan --json [--nodes 10000] [--incidents 60] [--seed 1]`

Incidents hold 1 to 5 hosts: an account in a job, root on any host, root on hosts with jobs. Incidents that hold whole
jobs (up to hundreds of hosts at once) are told apart. Enforcers are taken to be everywhere. The estate, its moves and
the ground are made before.
"""

import argparse
import random
from collections import Counter
from time import perf_counter, process_time
from typing import Any

from bench.report import emit, machine, progress
from ringfence.app.guard.ground import ground_of
from ringfence.app.guard.room import everywhere
from ringfence.app.questions import Questions
from ringfence.estate.estate import estate_of
from ringfence.respond.ground import Ground
from ringfence.respond.plan import plan
from ringfence.synth import draw, facts
from ringfence.watch.values import Incident, Signal

TARGET_MS = 200.0


def incidents(ground: Ground, count: int, seed: int) -> list[tuple[str, Incident]]:
    """(kind, incident): seeded, 1 to 5 hosts, on hosts with jobs and without."""
    pick = random.Random(seed)
    busy = sorted(host for host in ground.jobs_on)
    made = []
    for number in range(count):
        kind = ("account", "root", "root with jobs", "gang")[number % 4]
        pool = busy if kind in ("account", "root with jobs", "gang") else list(ground.hosts)
        hosts = pick.sample(pool, 1 + number % 5)
        made.append((kind, incident(ground, f"RF-{number:012x}", kind, hosts)))
    return made


def incident(ground: Ground, id_: str, kind: str, hosts: list[str]) -> Incident:
    """One incident with a signal per host."""
    signals = []
    for host in hosts:
        job = min(ground.jobs_on.get(host, frozenset({""})))
        user = ground.user_of_job.get(job, "")
        held = f"{host}#user" if kind == "account" and user else f"{host}#root"
        holds: tuple[str, ...] = (f"{job}#code",) if kind == "gang" and job.startswith("job:") else (held,)
        if kind == "account" and user:
            holds = (*holds, f"{user}#use")
        signals.append(
            Signal(
                name="RF.D04" if kind == "account" else "RF.D71",
                kind="detector",
                title=kind,
                key=f"{host}|{user}",
                time=0,
                entities=tuple(one for one in (host, job, user) if one),
                sources=(f"{host}/sockets",),
                why="a process sent 900 MB out within an hour, lately to 198.51.100.7",
                severity=80,
                confidence=0.85,
                holds=holds,
                peers=("198.51.100.7",),
            )
        )
    return Incident(
        id=id_,
        title=kind,
        state="open",
        version=1,
        opened=0,
        updated=0,
        severity=90,
        confidence=0.85,
        entities=(),
        signals=tuple(signals),
        chain=tuple(position for one in signals for position in one.holds),
        sources=(*hosts, "host:elsewhere"),
    )


def measure(nodes: int, count: int, seed: int) -> dict[str, Any]:
    """All incidents on one estate."""
    estate = estate_of(facts(draw(nodes, seed)))
    progress(f"{nodes} nodes, {len(estate)} facts")
    questions = Questions(estate)
    _ = questions.graph
    begin = perf_counter()
    ground = ground_of(estate, everywhere(estate), questions=questions)
    prepared = perf_counter() - begin
    rows: list[dict[str, Any]] = []
    made = incidents(ground, count, seed)
    plan(made[0][1], ground, 0.0)  # compiles the kernel
    for kind, one in made:
        begin, used = perf_counter(), process_time()
        found = plan(one, ground, 0.0)
        taken = {"ms": (perf_counter() - begin) * 1000, "cpu_ms": (process_time() - used) * 1000}
        rows.append({"kind": kind, "hosts": len(one.signals), **taken} | shape(found))
    times = {jobs: sorted(row["ms"] for row in rows if (row["kind"] == "gang") == jobs) for jobs in (False, True)}
    hosts = [row for row in rows if row["kind"] != "gang"]
    return {
        "nodes": nodes,
        "positions": len(ground.graph),
        "edges": len(ground.graph.to),
        "prepare_s": round(prepared, 2),
        "incidents": len(rows),
        "p50_ms": at(times[False], 0.5),
        "p99_ms": at(times[False], 0.99),
        "cpu_p99_ms": at(sorted(row["cpu_ms"] for row in hosts), 0.99),
        "whole_jobs_p50_ms": at(times[True], 0.5),
        "whole_jobs_p99_ms": at(times[True], 0.99),
        "exact_share": round(sum(row["exact"] for row in hosts) / len(hosts), 3),
        "nothing_left_share": round(sum(not row["left"] for row in rows) / len(rows), 3),
        "rows": [row | {name: round(row[name], 1) for name in ("ms", "cpu_ms")} for row in rows],
    }


def at(times: list[float], part: float) -> float:
    """The value below which this part of sorted values lies."""
    return round(times[min(len(times) - 1, int(len(times) * part))], 1) if times else 0.0


def shape(found: Any) -> dict[str, Any]:
    """What a plan is like."""
    needed = [one for one in found.cuts if one.needed]
    return {
        "cuts": len(found.cuts),
        "needed": dict(sorted(Counter(one.cut.verb for one in needed).items())),
        "jobs": len(found.jobs),
        "jewels": len(found.jewels),
        "lost": len(found.lost),
        "left": len(found.left),
        "exact": found.exact,
    }


def main() -> None:
    """Run and print one result."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", action="store_true")
    options.add_argument("--nodes", type=int, default=10_000)
    options.add_argument("--incidents", type=int, default=80)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    found = measure(given.nodes, given.incidents, given.seed)
    result = {"bench": "contain_plan", "machine": machine("scipy"), **found}
    result |= {"target_p99_ms": TARGET_MS, "met": found["p99_ms"] <= TARGET_MS}
    if not given.json:
        result.pop("rows")
    emit(result, given.json)


if __name__ == "__main__":
    main()
