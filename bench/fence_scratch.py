"""The whole fence on paper: derive, compile and prove every target that a generated estate can enforce, from scratch.

python -m bench.fence_scratch 1000 2500 5000 10000        nodes; JSON on standard output
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import numpy as np

from bench.report import peak_mib
from ringfence.app.fence.design import Design
from ringfence.app.fence.side_by_side import work_out
from ringfence.estate.estate import Estate, estate_of
from ringfence.synth import generate

SIZES = (1000, 2500, 5000, 10_000)
T = TypeVar("T")


class Clock:
    """Seconds of named steps: on the clock, and of the processor."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}

    def of(self, name: str, work: Callable[[], T]) -> T:
        begin, busy = time.perf_counter(), time.process_time()
        done = work()
        self.wall[name] = round(time.perf_counter() - begin, 3)
        self.cpu[name] = round(time.process_time() - busy, 3)
        return done


def _side_by_side(estate: Estate) -> float:
    """Seconds on the clock for all of it, as `fence prove` does it: a process a processor where the estate is large."""
    begin = time.perf_counter()
    _ = work_out(Design(estate, now=0.0)).proofs
    return time.perf_counter() - begin


def one(nodes: int, seed: int) -> dict[str, Any]:
    """Every step on one size, in the order in which `fence prove` takes them."""
    estate = estate_of(generate(nodes, seed))
    clock, design = Clock(), Design(estate, now=0.0)
    clock.of("derive", lambda: (design.policy, design.inventory))
    clock.of("compile", lambda: design.compiled)
    proofs = clock.of("prove", lambda: design.proofs)
    return {
        "nodes": nodes,
        "drawn": drawn(estate),
        "groups": len(design.policy.groups),
        "allows": len(design.policy.allows),
        "artefacts": {name: len(made.artefacts) for name, made in design.compiled.items()},
        "residuals": sum(len(made.residuals) for made in design.compiled.values()),
        "holds": {name: proof.holds for name, proof in proofs.items()},
        "wall_s": clock.wall,
        "cpu_s": clock.cpu,
        "total_wall_s": round(sum(clock.wall.values()), 3),
        "total_cpu_s": round(sum(clock.cpu.values()), 3),
        "side_by_side_wall_s": round(_side_by_side(estate), 3),
        "peak_mib": peak_mib(),
    }


def drawn(estate: Estate) -> dict[str, int]:
    """How many hosts, accelerators, fabric ports and jobs the generator drew."""
    kinds = [name.partition(":")[0] for name in (estate.terms.values[int(at)] for at in estate.entities)]
    return {f"{kind}s": kinds.count(kind) for kind in ("host", "gpu", "ibport", "job")}


def growth(rows: list[dict[str, Any]]) -> float | None:
    """The exponent p of seconds ~ nodes^p by least squares over the processor's seconds; 1 is linear."""
    if len(rows) < 2:
        return None
    nodes, seconds = (np.log([row[name] for row in rows]) for name in ("nodes", "total_cpu_s"))
    return round(float(np.polyfit(nodes, seconds, 1)[0]), 2)


def alone(nodes: int, seed: int) -> dict[str, Any]:
    """`one`, in a process of its own, so that the peak of memory is that size's."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.fence_scratch", "--one", str(nodes), "--seed", str(seed)],
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, Any] = msgspec.json.decode(done.stdout)
    return found


def main() -> None:
    """All sizes, each alone, and how they grow."""
    parser = argparse.ArgumentParser(prog="python -m bench.fence_scratch", description=__doc__.partition("\n")[0])
    parser.add_argument("nodes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(given.nodes[0], given.seed)))
        return
    rows = [alone(nodes, given.seed) for nodes in given.nodes]
    print(json.dumps({"sizes": rows, "growth_exponent": growth(rows)}, indent=1))


if __name__ == "__main__":
    main()
