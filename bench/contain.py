"""Containment in the lab: what is gone when the cut stands, and how soon it stands, under background load.

python -m bench.contain [--quick] [--results FILE] [--dir DIR] --json

Needs root and the lab's Debian packages; brings a lab up if none is. It goes on where a file of results ends, and says
first how long it will take. Attackers, storage, jobs, rules and readings are real; the wire is veth on one machine.
Seeded by the number of the trial: which node, which address outside. Raw trials are in the result.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.report import emit, machine, progress
from ringfence.app.lab import campaign, run
from ringfence.app.lab.campaign import RATES, Cell, Done
from ringfence.app.lab.layout import Layout
from ringfence.app.lab.modes import Mode
from ringfence.errors import UsageError

KIND = "exfiltrate"
COUNTS = {"100mbit": 25, "1gbit": 60, "max": 25}
"""Trials with everything on and no budget, by rate."""
GOALS = {"p99_event_to_block_s": 0.25, "share_budget_on": 0.01, "share_1gbit_budget_off": 0.03}


def cells(quick: bool) -> list[Cell]:
    """All of them, or with `quick` three trials of the cells that the goals are about."""
    if quick:
        return [Cell(KIND, Mode("all", budget), "1gbit", 3) for budget in ("off", "on")]
    found = [Cell(KIND, Mode("all", "off"), rate, count) for rate, count in COUNTS.items()]
    found += [Cell(KIND, Mode("all", "on"), rate, 20) for rate in RATES]
    found += [Cell(KIND, Mode("all", "raised"), "1gbit", 20), Cell(KIND, Mode("all", "off", "RF.D43"), "1gbit", 20)]
    found += [Cell(KIND, Mode(name, "off"), rate, 3) for name in ("off", "detect") for rate in RATES]
    found += [Cell(KIND, Mode("fence", budget), rate, 3) for budget in ("on", "off") for rate in RATES]
    return found


def summary(done: Sequence[Done]) -> dict[str, Any]:
    """One cell's figures. Seconds begin with the first malicious packet or read, or with the agent's event."""
    rows = [one.trial for one in done]
    blocked = [one.to_block for one in rows if one.to_block is not None]
    from_event = [one.to_block - one.to_event for one in rows if one.to_block is not None and one.to_event is not None]
    noticed = [one.to_incident for one in rows if one.to_incident is not None]
    return {
        "trials": len(rows),
        "share_gone": spread([one.share for one in rows]),
        "blocked": len(blocked),
        "to_block_s": spread(blocked),
        "event_to_block_s": spread(from_event),
        "noticed": len(noticed),
        "to_incident_s": spread(noticed),
        "bystanders_cut": sum(len(one.bystanders) for one in rows),
        "jobs_of_others_lost": sum(len(one.jobs_lost) for one in rows),
        "undo_equal": sum(one.undo_equal is True for one in rows),
        "undo_not_equal": sum(one.undo_equal is False for one in rows),
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, p99 (the highest where there are fewer than 100) and the highest; empty where there are none."""
    if not values:
        return {}
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]
    return {name: round(value, 5) for name, value in
            (("p50", ordered[len(ordered) // 2]), ("p99", p99), ("max", ordered[-1]))}  # fmt: skip


def result(done: Sequence[Done]) -> dict[str, Any]:
    """The whole result."""
    by_cell: dict[str, list[Done]] = {}
    for one in done:
        mode = one.cell.mode
        name = f"{mode.name}, budget {mode.budget}, {one.cell.rate}" + (f", only {mode.only}" if mode.only else "")
        by_cell.setdefault(name, []).append(one)
    every = [one for one in done if one.cell.mode.name == "all"]
    blocked = [one.trial.to_block for one in every if one.trial.to_block is not None]
    from_event = [
        one.trial.to_block - one.trial.to_event
        for one in every
        if one.trial.to_block is not None and one.trial.to_event is not None
    ]
    on = [one.trial.share for one in every if one.cell.mode.budget == "on"]
    off = [one.trial.share for one in every if one.cell.mode.budget == "off" and one.cell.rate == "1gbit"]
    return {
        "goals": GOALS,
        "everything_on": len(every),
        "event_to_block_s": spread(from_event),
        "to_block_s": spread(blocked),
        "share_budget_on": spread(on),
        "share_1gbit_budget_off": spread(off),
        "cells": {name: summary(rows) for name, rows in sorted(by_cell.items())},
        "raw": [msgspec.to_builtins(one.trial) | {"rate": one.cell.rate} for one in done],
        "machine": machine(),
    }


def main() -> None:
    """Do what is left, print everything."""
    parser = argparse.ArgumentParser(prog="python -m bench.contain", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--results", type=Path, default=Path("contain-trials.jsonl"))
    parser.add_argument("--dir", type=Path, default=Path("/var/tmp/ringfence-bench-lab"))
    asked = parser.parse_args()
    mine = False
    try:
        layout = run.laid_out(asked.dir)
    except UsageError:
        layout, mine = Layout(asked.dir), True
        run.up(layout, progress)
    try:
        wanted = cells(asked.quick)
        for _ in campaign.run(layout, wanted, asked.results, progress):
            pass
    finally:
        if mine:
            run.down(layout)
    emit(result(campaign.results(asked.results)), asked.json)


if __name__ == "__main__":
    main()
