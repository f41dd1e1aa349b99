"""`python -m bench.assess --json`: a full assessment of a generated estate, and again after one change.

Full: every check judged, every move derived, the debt computed. A change is one finding that is fixed or opened; its
update re-judges what the change may have touched, lets the edges follow, and computes the debt again; after every
change the answer is compared with a full recomputation.
"""

import argparse
import random
import sys
from time import perf_counter, process_time
from typing import Any

import numpy as np

from bench.report import emit, machine, peak_mib, progress, timed
from ringfence.analyse.derive import derive
from ringfence.app.assess.debt_live import LiveDebt
from ringfence.app.assess.debt_window import stand
from ringfence.assess.checks import CHECKS
from ringfence.assess.judge import judge
from ringfence.estate.delta import Delta
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.synth import generate

TARGETS = {"full_s": 20.0, "update_s": 1.0}
_AT = 1_770_000_000.0


def main(arguments: list[str] | None = None) -> int:
    """Run the bench; exit status 1 if an update ever differs from a full recomputation."""
    options = _options(arguments)
    progress("generating")
    estate = estate_of(generate(options.nodes, options.seed))
    progress("compiling on a small estate")
    _rehearse()
    progress("assessing in full")
    spent = process_time()
    (now, _, _), whole = timed(lambda: stand(estate, _AT, {}, set()))
    full_cpu = process_time() - spent
    judged, judging = timed(lambda: judge(estate, CHECKS))
    edges, deriving = timed(lambda: derive(estate))
    progress("starting to follow")
    live, starting = timed(lambda: LiveDebt(estate, _AT))
    changes = _changes(estate, options.changes, options.seed)
    times, cpu, equal = [], [], True
    for at, change in enumerate(changes):
        progress(f"change {at + 1} of {len(changes)}")
        begin, spent = perf_counter(), process_time()
        found = live.apply(change)
        times.append(perf_counter() - begin)
        cpu.append(process_time() - spent)
        if at in (0, 1, len(changes) - 1):
            again, _, _ = stand(live.estate, _AT, {}, set())
            equal &= bool(np.isclose(found.debt.principal, again.debt.principal, atol=1e-6))
    full = whole.as_json()["best_ms"] / 1000
    result: dict[str, Any] = {
        "targets": TARGETS,
        "full_s": round(full, 2),
        "full_cpu_s": round(full_cpu, 2),
        "of_it_checks_s": round(judging.as_json()["best_ms"] / 1000, 2),
        "of_it_moves_s": round(deriving.as_json()["best_ms"] / 1000, 2),
        "follow_start_s": round(starting.as_json()["best_ms"] / 1000, 2),
        "update_median_s": round(float(np.median(times)), 3),
        "update_worst_s": round(max(times), 3),
        "update_median_cpu_s": round(float(np.median(cpu)), 3),
        "update_worst_cpu_s": round(max(cpu), 3),
        "ratio_full_to_update": round(full / float(np.median(times)), 1),
        "equal_to_full": equal,
        "estate": {
            "nodes": options.nodes,
            "facts": len(estate),
            "checks": len(judged),
            "edges": len(edges),
            "edges_on_ways": len(now.game.to),
            "findings": len(now.owed),
            "classes": len(now.game.classes),
        },
        "machine": machine() | {"peak_mib": peak_mib()},
        "arguments": {name: value for name, value in vars(options).items() if name != "json"},
    }
    emit(result, options.json)
    return 0 if equal else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.assess", description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--changes", type=int, default=12)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args(arguments)


def _rehearse() -> None:
    small = estate_of(generate(64, 1))
    live = LiveDebt(small, _AT)
    for change in _changes(small, 2, 1):
        live.apply(change)


def _changes(estate: Estate, count: int, seed: int) -> list[Delta]:
    """Facts that findings rest on, taken away and given back in turn: weaknesses, open devices, readable weights."""
    dice = random.Random(seed)
    about = ("vulnerable_to", "device_open", "readable_by", "stores_credential", "authenticates", "setting")
    chosen: list[Fact] = []
    for predicate in about:
        told = list(estate.facts(predicate))
        chosen += dice.sample(told, min(len(told), 1 + count // (2 * len(about))))
    dice.shuffle(chosen)
    changes = [change for fact in chosen for change in (Delta(removed=(fact,)), Delta(added=(fact,)))]
    return changes[: 2 * (count // 2)]


if __name__ == "__main__":
    sys.exit(main())
