"""`python -m bench.fence --json`: what the fence costs, part by part, against the figures that it has to meet.

Each part is a bench of its own and runs in a process of its own, so that one's memory and rubbish are not another's.
A part that this machine cannot run (no root, no opensm, no Slurm) is told as missing. Seconds differ between
machines and with what else runs; ratios to the peer in the same run (a full reload, a cluster without the gate, a
host without rules) and the exponent of growth do not.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from bench.report import emit, machine, progress

Given = argparse.Namespace


class Part(msgspec.Struct, frozen=True):
    """One bench: a module, and its arguments for what was asked."""

    module: str
    arguments: Callable[[Given], Sequence[object]]


PARTS: dict[str, Part] = {
    "scratch": Part("fence_scratch", lambda given: ["--seed", given.seed, *_sizes(given.nodes)]),
    "event": Part("fence_churn", lambda given: ["--json", "--nodes", given.nodes, "--events", given.events]),
    "nft": Part("fence_nft", lambda given: [given.nodes]),
    "forward": Part("fence_forward", lambda given: [given.nodes]),
    "pods": Part("fence_pods", lambda given: [given.nodes, max(1, given.nodes // 20)]),
    "ib": Part("fence_ib", lambda given: sorted({max(64, given.nodes // 5), given.nodes})),
    "slurm": Part("fence_slurm", lambda given: ["--json", "--nodes", given.slurmd, "--jobs", given.jobs, "--ib"]),
}


class Figure(msgspec.Struct, frozen=True):
    """A number of one part's result and its limit: at most, or at least. `nodes`: the size that it is stated for."""

    part: str
    path: tuple[str | int, ...]
    most: float = float("inf")
    least: float = 0.0
    nodes: int = 0

    def found(self, results: dict[str, Any]) -> float | None:
        """The number; None where the part did not run."""
        value: Any = results.get(self.part)
        for step in self.path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value if isinstance(value, int | float) else None


FIGURES: dict[str, Figure] = {
    "scratch_s": Figure("scratch", ("sizes", -1, "total_wall_s"), most=5.0, nodes=10_000),
    "scratch_growth_exponent": Figure("scratch", ("growth_exponent",), most=1.2),
    "one_job_event_ms": Figure("event", ("start", "median_ms"), most=100.0, nodes=10_000),
    "nft_add_one_ms": Figure("nft", ("loaded", "add_one_ms"), most=1.0),
    "nft_reload_over_add": Figure("nft", ("loaded", "reload_over_add"), least=300.0, nodes=10_000),
    "ib_2000_change_s": Figure("ib", (0, "job_starts_s"), most=1.0, nodes=2_000),
    "ib_10000_change_s": Figure("ib", (1, "job_starts_s"), most=5.0, nodes=10_000),
    "ib_hard_cut_s": Figure("ib", (-1, "hard_cut_s"), most=0.1),
    "job_start_delay_median_ms": Figure("slurm", ("delay", "srun", "median_ms"), most=300.0),
    "job_start_delay_p99_ms": Figure("slurm", ("delay", "srun", "p99_ms"), most=500.0),
}
"""What is aimed at in the parts. The two of InfiniBand are of one sweep; a hand-over takes two and stands beside."""


def main(arguments: list[str] | None = None) -> int:
    """Run the parts; exit status 1 if a proof does not hold or a part failed, never for being slow."""
    given = _options(arguments)
    results: dict[str, Any] = {}
    for name in given.part.split(","):
        progress(f"part {name}")
        results[name] = _run(PARTS[name], given)
    wrong = [name for name, one in results.items() if "failed" in one or not _holds(one)]
    result = {
        "bench": "fence",
        "figures": _figures(results, given.nodes),
        "parts": results,
        "wrong": wrong,
        "machine": machine(),
        "arguments": {name: value for name, value in vars(given).items() if name != "json"},
    }
    emit(result, given.json)
    return 1 if wrong else 0


def _options(arguments: list[str] | None) -> Given:
    parser = argparse.ArgumentParser(prog="python -m bench.fence", description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", default=",".join(PARTS), help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--events", type=int, default=40, help="job starts of the part event")
    parser.add_argument("--slurmd", type=int, default=10, help="nodes of the part slurm; 100 need some 12 GB")
    parser.add_argument("--jobs", type=int, default=40, help="jobs of the part slurm")
    given = parser.parse_args(arguments)
    unknown = sorted({*given.part.split(",")} - PARTS.keys())
    if unknown:
        parser.error(f"no part is called {unknown[0]}; there are {', '.join(PARTS)}")
    return given


def _sizes(nodes: int) -> list[int]:
    """A tenth, a quarter, a half, and all."""
    return sorted({max(16, nodes // 10), max(16, nodes // 4), max(16, nodes // 2), nodes})


def _run(part: Part, given: Given) -> Any:
    """The part's JSON. A bench may end with 1 for being too slow: what counts is what it printed."""
    command = [sys.executable, "-m", f"bench.{part.module}", *map(str, part.arguments(given))]
    done = subprocess.run(command, capture_output=True, check=False)
    try:
        return msgspec.json.decode(done.stdout)
    except msgspec.DecodeError:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        return {"failed": last[0] if last else f"exit status {done.returncode}"}


def _holds(found: Any) -> bool:
    """Whether no proof, wherever it stands in a result, says that it does not hold."""
    if isinstance(found, dict):
        return all(
            _all(one) if "holds" in name or name == "as_derived_anew" else _holds(one) for name, one in found.items()
        )
    return all(map(_holds, found)) if isinstance(found, list) else True


def _all(value: Any) -> bool:
    return all(value.values()) if isinstance(value, dict) else bool(value)


def _figures(results: dict[str, Any], nodes: int) -> dict[str, Any]:
    """Per figure what was found, the limit, and whether it is met; None where it was not measured at that size."""
    told: dict[str, Any] = {}
    for name, one in FIGURES.items():
        found = one.found(results)
        if found is not None:
            limit = {"most": one.most} if one.most != float("inf") else {"least": one.least}
            there = nodes >= one.nodes
            told[name] = {"found": found, **limit, "met": (one.least <= found <= one.most) if there else None}
    return told


if __name__ == "__main__":
    sys.exit(main())
