"""From captures to a report, on generated clusters of growing size: seconds, memory, and how they grow.

`python -m bench.estate --json [--nodes 100,1000,10000] [--seed 1]`

Each size runs in a process of its own, so that the peak of memory is that size's. The captures are
written first (not counted as collecting), then read back as a user's would be.
"""

import argparse
import math
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from bench.report import emit, machine, peak_mib, progress, timed
from ringfence.analyse.derive import derive
from ringfence.analyse.moves import MOVES
from ringfence.analyse.paths import cheapest_paths, paths_in
from ringfence.analyse.positions import parse
from ringfence.analyse.reach import Graph, reach_from
from ringfence.app.questions import Questions
from ringfence.app.report import write_report
from ringfence.app.survey import Survey, survey_tree
from ringfence.collect.base import Scope
from ringfence.errors import UsageError
from ringfence.estate.estate import Estate, estate_of
from ringfence.synth import draw, facts
from ringfence.synth.captures import write

SIZES = (100, 300, 1000, 3000, 10_000)
PER_CLASS = 2
TARGETS = {"collect_s": 60.0, "derive_first_s": 5.0, "paths_ms": 100.0, "report_s": 10.0, "peak_mib": 4096.0}
"""What the 10,000-node estate has to meet on 2 cores."""


def one(nodes: int, seed: int, report: bool, per_class: int | None) -> dict[str, Any]:
    """All steps on one size. Times in seconds unless the name says otherwise.

    `per_class` nodes of each class are captured whole (None: all), accelerators always everywhere.
    """
    plan = draw(nodes, seed)
    generated, made = timed(lambda: estate_of(facts(plan)))
    result: dict[str, Any] = {"nodes": nodes, "facts_generated": len(generated), "generate_s": made.best}
    del generated
    with tempfile.TemporaryDirectory() as folder:
        (files, size), written = timed(lambda: write(plan, Path(folder), per_class))
        result |= {"capture_files": files, "capture_mib": size / (1 << 20), "write_s": written.best}
        survey, collected = timed(lambda: survey_tree(Path(folder), Scope(plan.name)))
    result |= {"facts": len(survey.estate), "problems": len(survey.problems), "collect_s": collected.best}
    result |= analysed(survey.estate)
    if report:
        with tempfile.TemporaryDirectory() as folder:
            result |= reported(survey, Path(folder))
    return result | {"peak_mib": peak_mib()}


def analysed(estate: Estate) -> dict[str, Any]:
    """Derive, number, reach, the ten cheapest paths. `derive_first_s` also sorts the estate's tables, once."""
    _, first = timed(lambda: derive(estate))
    edges, derived = timed(lambda: derive(estate), 3)
    graph, numbered = timed(lambda: Graph.of(edges), 3)
    result: dict[str, Any] = {
        "moves": len(MOVES),
        "edges": len(edges),
        "positions": len(graph),
        "derive_first_s": first.best,
        "derive_s": derived.median,
        "graph_s": numbered.median,
    }
    start, target = ends(estate, graph)
    if start < 0:
        return result | {"paths": 0}
    reach_from(graph, [start])
    reached, spread = timed(lambda: reach_from(graph, [start]), 5)
    result |= {"reach_ms": spread.median * 1000, "reached": int(reached.mask.sum())}
    cheapest_paths(graph, [start], target)
    found, searched = timed(lambda: cheapest_paths(graph, [start], target), 5)
    _, within = timed(lambda: paths_in(reached, target), 5)
    times = {"paths_ms": searched.median * 1000, "paths_with_reach_known_ms": within.median * 1000}
    return result | {"paths": len(found), **times}


def ends(estate: Estate, graph: Graph) -> tuple[int, int]:
    """(foothold, jewel): the pair of a workstation and a jewel with the dearest cheapest path; -1 if none meet."""
    best = (-1, -1, -1.0)
    jewels = [
        at
        for kind in ("model", "checkpoint", "dataset")
        for entity in entities(estate, kind)
        if (at := number(estate, graph, f"{entity}#read")) >= 0
    ]
    for workstation in entities(estate, "workstation")[:20]:
        start = number(estate, graph, f"{workstation}#user")
        if start < 0:
            continue
        reached = reach_from(graph, [start])
        for jewel in jewels:
            if reached.mask[jewel] and float(reached.cost[jewel]) > best[2]:
                best = (start, jewel, float(reached.cost[jewel]))
    return best[0], best[1]


def entities(estate: Estate, kind: str) -> list[str]:
    """The ids of one kind, sorted."""
    found = (estate.terms.values[int(at)] for at in estate.entities)
    return sorted(name for name in found if name.startswith(f"{kind}:"))


def number(estate: Estate, graph: Graph, position: str) -> int:
    """The graph's number of a position, -1 if no move touches it."""
    try:
        return graph.index(parse(estate, position))
    except UsageError:
        return -1


def reported(survey: Survey, folder: Path) -> dict[str, Any]:
    """The time of the self-contained report, its own derivation included, and how large it is."""
    path = folder / "report.html"
    _, drawn = timed(lambda: write_report(Questions(survey.estate), path))
    return {"report_s": drawn.best, "report_mib": path.stat().st_size / (1 << 20)}


def alone(nodes: int, given: argparse.Namespace) -> dict[str, Any]:
    """`one`, in a fresh process."""
    begin = perf_counter()
    command = [sys.executable, "-m", "bench.estate", "--alone", str(nodes), "--seed", str(given.seed)]
    command += ["--no-report"] * given.no_report + ["--every-host"] * given.every_host
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    progress(f"{nodes} nodes: {perf_counter() - begin:.1f} s in all")
    found: dict[str, Any] = msgspec.json.decode(done.stdout)
    return found


_GROWS = ("generate_s", "write_s", "collect_s", "derive_first_s", "graph_s", "report_s", "facts", "edges", "peak_mib")


def growth(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Per measure the exponent p of measure ~ nodes^p, a least-squares line through the logarithms: 1 is linear."""
    found = {}
    for name in _GROWS:
        points = [(math.log(row["nodes"]), math.log(row[name])) for row in rows if row.get(name)]
        if len(points) > 1:
            mean_x, mean_y = (sum(column) / len(points) for column in zip(*points, strict=True))
            spread = sum((x - mean_x) ** 2 for x, _ in points)
            found[name] = round(sum((x - mean_x) * (y - mean_y) for x, y in points) / spread, 2)
    return found


def main() -> None:
    """Run all sizes and print one result."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", action="store_true")
    options.add_argument("--nodes", default=",".join(map(str, SIZES)))
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--no-report", action="store_true")
    options.add_argument("--every-host", action="store_true", help="capture all hosts whole, not two of each class")
    options.add_argument("--alone", type=int, default=0, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.alone:
        per_class = None if given.every_host else PER_CLASS
        print(msgspec.json.encode(one(given.alone, given.seed, not given.no_report, per_class)).decode())
        return
    rows = [alone(int(nodes), given) for nodes in given.nodes.split(",")]
    last = rows[-1]
    met = {name: last[name] <= most for name, most in TARGETS.items() if name in last}
    emit(
        {
            "bench": "estate",
            "captured": "every host" if given.every_host else f"{PER_CLASS} hosts of each class, the rest assumed",
            "machine": machine(),
            "sizes": [rounded(row) for row in rows]
            if given.json
            else {str(row["nodes"]): rounded(row) for row in rows},
            "growth_exponents": growth(rows),
            "targets_at_10000": TARGETS,
            "met_at_last_size": met,
        },
        given.json,
    )


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    """Figures short enough to read."""
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}


if __name__ == "__main__":
    main()
