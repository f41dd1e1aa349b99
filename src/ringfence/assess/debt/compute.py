"""C(t): how much compute there is, twice: installed FLOP/s, and accelerator hours that were allocated."""

from collections import Counter

import msgspec
import numpy as np

from ringfence.assess.debt.flops import flops_of
from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact
from ringfence.estate.stamps import LATEST, moment

_DAY = 86_400.0
_COARSE = ("cluster", "tenant", "identity", "job")
"""Whose charged hours are summed: those of the coarsest kind that the facts name, so that none counts twice."""


MOST_GPUS = 10_000_000
"""Accelerators of any one estate. Where none is told, accounting is held against what so many could work."""

TIMES = 10
"""Accounting counts slices of an accelerator as accelerators, up to seven of each, and those taken out since. What
claims more than so many times what is installed is no accounting."""

_WHO, _SAID, _MOST = 80, 24, 40


class Compute(msgspec.Struct, frozen=True):
    """Of one estate. `gpu_hours` are per day; `estimated` where no accounting was read: what is allocated now, × 24.

    `unknown` counts accelerators by model that the table of figures does not have; they add nothing to `flops`.
    `refused`: charged hours that are none, or that nobody could have used; they add nothing either.
    """

    flops: float
    gpus: int
    unknown: dict[str, int]
    gpu_hours: float
    estimated: bool
    refused: tuple[str, ...] = ()


def compute_of(estate: Estate) -> Compute:
    """Both measures."""
    flops, models = _installed(estate)
    unknown = {model or "no model told": count for model, count in models.items() if not flops_of(model)}
    charged, refused = charged_per_day(estate, models.total())
    hours = charged if charged is not None else 24.0 * _allocated(estate)
    return Compute(flops, models.total(), unknown, hours, charged is None, refused)


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


def charged_per_day(estate: Estate, gpus: int = 0) -> tuple[float | None, tuple[str, ...]]:
    """(accelerator hours charged per day, of the last span told; what was left out, and why).

    None where no accounting was read. `gpus`: how many there are, 0 if that is not known.
    """
    most = 24.0 * (TIMES * gpus or MOST_GPUS)
    spans: dict[str, dict[tuple[float, float], float]] = {}
    refused = []
    for fact in estate.facts("used_gpu_hours"):
        if not fact.attributes.keys() & {"since", "until"}:
            continue  # usage so far, of no span: it tells nothing of a day
        rate, span = _rate(fact)
        if rate is None or rate > most:
            why = "as no accounting says it" if rate is None else "more than the accelerators there are could work"
            refused.append(f"{fact.subject[:_WHO]}: {fact.object[:_SAID]!r} hours, {why}")
            continue
        of = spans.setdefault(fact.subject.partition(":")[0], {})
        of[span] = of.get(span, 0.0) + rate
    for kind in _COARSE:
        if kind in spans:
            last = max(until for _, until in spans[kind])
            total = sum(rate for (_, until), rate in spans[kind].items() if until == last)
            if total <= most:
                return total, tuple(refused)
            refused.append(f"the hours of every {kind}: together more than the accelerators there are could work")
    return None, tuple(refused)


def _rate(fact: Fact) -> tuple[float | None, tuple[float, float]]:
    """(hours per day, span in seconds); None for what is no number, and for a span that is none or not over yet."""
    hours = _number(fact.object)
    since, until = (moment(fact.attributes.get(name)) for name in ("since", "until"))
    if hours is None or since is None or until is None or not since < until <= LATEST:
        return None, (0.0, 0.0)
    if 0.0 < fact.observed_at < until - _DAY:
        return None, (0.0, 0.0)
    return hours / ((until - since) / _DAY), (since, until)


def _number(value: object) -> float | None:
    """A finite number ≥ 0, or None."""
    text = str(value)
    try:
        found = float(text) if len(text) <= _MOST else -1.0
    except ValueError:
        return None
    return found if np.isfinite(found) and found >= 0 else None
