"""C(t): how much compute there is, twice: installed FLOP/s, and accelerator hours that were allocated."""

from collections import Counter

import msgspec
import numpy as np

from ringfence.assess.debt.flops import flops_of
from ringfence.estate.estate import Estate

_DAY = 86_400.0
_COARSE = ("cluster", "tenant", "identity", "job")
"""Whose charged hours are summed: those of the coarsest kind that the facts name, so that none counts twice."""


class Compute(msgspec.Struct, frozen=True):
    """Of one estate. `gpu_hours` are per day; `estimated` where no accounting was read: what is allocated now, × 24.

    `unknown` counts accelerators by model that the table of figures does not have; they add nothing to `flops`.
    """

    flops: float
    gpus: int
    unknown: dict[str, int]
    gpu_hours: float
    estimated: bool


def compute_of(estate: Estate) -> Compute:
    """Both measures."""
    flops, models = _installed(estate)
    known = {model: count for model, count in models.items() if flops_of(model)}
    unknown = {model or "no model told": count for model, count in models.items() if not flops_of(model)}
    charged = charged_per_day(estate)
    hours = charged if charged is not None else 24.0 * _allocated(estate)
    return Compute(flops, sum(known.values()) + sum(unknown.values()), unknown, hours, charged is None)


def _installed(estate: Estate) -> tuple[float, Counter[str]]:
    """(FLOP/s, accelerators by model). One that has two ids is counted once; a slice of one is not one."""
    slices = {fact.subject for fact in estate.facts("part_of") if fact.subject.startswith("gpu:")}
    twins = {fact.subject for fact in estate.facts("same_as") if fact.subject.startswith("gpu:")}
    models: dict[str, str] = {}
    for fact in estate.facts("has_gpu"):
        gpu = fact.object
        if gpu in slices or gpu in twins or gpu.startswith("gpu:MIG-"):
            continue
        models[gpu] = max(models.get(gpu, ""), str(fact.attributes.get("model", "")))
    counted = Counter(models.values())
    return sum(flops_of(model) * count for model, count in counted.items()), counted


def _allocated(estate: Estate) -> int:
    """Accelerators that some job, pod or container holds."""
    table = estate.table("uses_gpu")
    return len(np.unique(table.object[table.live]))


def charged_per_day(estate: Estate) -> float | None:
    """Accelerator hours charged per day, of the last span told; None where no accounting was read."""
    spans: dict[str, dict[tuple[float, float], float]] = {}
    for fact in estate.facts("used_gpu_hours"):
        kind = fact.subject.partition(":")[0]
        hours = _number(fact.object)
        since, until = (_number(fact.attributes.get(name)) for name in ("since", "until"))
        if hours is not None and since is not None and until is not None and until > since:
            of = spans.setdefault(kind, {})
            of[since, until] = of.get((since, until), 0.0) + hours
    for kind in _COARSE:
        if kind in spans:
            last = max(until for _, until in spans[kind])
            return sum(hours / ((u - s) / _DAY) for (s, u), hours in spans[kind].items() if u == last)
    return None


def _number(value: object) -> float | None:
    """A finite number ≥ 0, or None."""
    try:
        found = float(str(value))
    except ValueError:
        return None
    return found if np.isfinite(found) and found >= 0 else None
