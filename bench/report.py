"""What all benches share: timing, what machine this is, and one JSON object as the result.

Milliseconds differ between machines; ratios to a peer or to the memory bandwidth of the same run do
not, so results put them first.
"""

import gc
import json
import os
import platform
import resource
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class Timed(msgspec.Struct, frozen=True):
    """Seconds of several runs of one thing."""

    runs: tuple[float, ...]

    @property
    def best(self) -> float:
        return min(self.runs)

    @property
    def median(self) -> float:
        return sorted(self.runs)[len(self.runs) // 2]

    def as_json(self) -> dict[str, float | int]:
        """Milliseconds: best, median, worst, and how many runs."""
        shown = {"best_ms": self.best, "median_ms": self.median, "worst_ms": max(self.runs)}
        return {name: round(seconds * 1000, 3) for name, seconds in shown.items()} | {"runs": len(self.runs)}


def timed(work: Callable[[], T], repeat: int = 1) -> tuple[T, Timed]:
    """The last result of `work` and how long each run took. Rubbish is collected before, not during."""
    runs = []
    for _ in range(repeat):
        gc.collect()
        begin = perf_counter()
        result = work()
        runs.append(perf_counter() - begin)
    return result, Timed(tuple(runs))


def machine(*packages: str) -> dict[str, Any]:
    """What ran this: processor, cores, Python and the versions of `packages`."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in ("numpy", "numba", *packages)},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def peak_mib() -> int:
    """The most memory this process has held, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1024 * 1024 if sys.platform == "darwin" else 1024)


def emit(result: dict[str, Any], as_json: bool) -> None:
    """Print the result: one JSON object, or an indented list for people."""
    if as_json:
        print(json.dumps(result, indent=1))
    else:
        _show(result, "")


def _show(value: Any, indent: str) -> None:
    for name, part in value.items():
        if isinstance(part, dict):
            print(f"{indent}{name}:")
            _show(part, indent + "  ")
        else:
            print(f"{indent}{name}: {part}")


def progress(text: str) -> None:
    """A line on standard error, so that standard output stays one JSON object."""
    print(text, file=sys.stderr, flush=True)
