"""`python -m bench.quality --set scored-1 --json`: recall, time to detect and false incidents over benign days.

At least three days at about one event a second and node on 2,000 nodes, with every kind of attack once stealthy and
once loud. Everything is generated; `docs/design/quality.md` says what is in it and what is not.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec

from bench.quality.churn import described
from bench.quality.run import BENIGN, SETS, Options, Result, run
from bench.quality.write import write
from bench.report import machine, peak_mib, progress
from ringfence.app.watch.quality import rows, summary
from ringfence.cli import output

TARGETS = {"recall": 0.95, "false_a_day": 1.0}


def main(arguments: list[str] | None = None) -> int:
    """Run the bench; exit status 1 where recall or false incidents miss their goal."""
    options = _options(arguments)
    if options.describe:
        for line in described():
            print(line)
        return 0
    wanted = Options(
        options.set,
        options.nodes,
        options.hours or options.days * 24,
        options.seed,
        options.workers,
        tuple(options.kinds.split(",")) if options.kinds else (),
    )
    if options.write:
        count = write(wanted, options.write)
        print(f"{count:,} events and their truth → {options.write}")
        return 0
    result = run(wanted, progress)
    if options.json:
        output.json(_whole(result, options))
    else:
        _show(result)
    quality = result.quality
    found = quality.recall is None or quality.recall >= TARGETS["recall"]
    return 0 if found and quality.false_a_day <= TARGETS["false_a_day"] else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--set", choices=(*SETS, BENIGN), default=SETS[0])
    parser.add_argument("--days", type=float, default=3.0)
    parser.add_argument("--hours", type=float, default=0.0, help="instead of days; attacks come earlier by as much")
    parser.add_argument("--nodes", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of the cluster and its benign days; by default the set's")
    parser.add_argument("--kinds", default="", help="only these kinds of attack, comma separated")
    parser.add_argument("--describe", action="store_true", help="print what is in the benign days, with rates")
    parser.add_argument("--write", type=Path, help="write the logs and their truth into a folder instead")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args(arguments)


def _whole(result: Result, options: argparse.Namespace) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(result.quality)
    return {
        "targets": TARGETS,
        **told,
        "events": result.events,
        "events_a_second": round(result.events / max(result.seconds, 0.001)),
        "skipped": result.skipped,
        "faults": result.faults,
        "machine": machine("pyarrow", "pysigma") | {"peak_mib": peak_mib()},
        "arguments": {name: str(value) for name, value in vars(options).items() if name != "json"},
    }


def _show(result: Result) -> None:
    missing = (one.rsplit("-", 2)[:2] for one in result.skipped)
    never = [(kind, loudness, "not run", "no victim", "–", "–") for kind, loudness in missing]
    names = ("kind", "loudness", "found", "recall", "median", "p90")
    output.table(names, sorted([*rows(result.quality), *never]))
    for line in summary(result.quality):
        print(line)
    print(f"{result.events:,} events in {result.seconds:,.0f} s")
    for name, count in sorted(result.faults.items()):
        print(f"{name} failed {count} times")


if __name__ == "__main__":
    sys.exit(main())
