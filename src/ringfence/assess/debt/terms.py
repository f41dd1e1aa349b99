"""The figures of the definition, all in one place, each with its reason. `docs/design/assess.md`, "Debt", argues them.

They are estimates of ours where no source is named: what matters is that they are the same at every
window, so that a trend does not come from them.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

YEAR = 365.25 * 86_400.0
"""Seconds."""

RATE = 1.0
"""Simple interest per year after the service level: what is a year overdue weighs twice."""

SERVICE_DAYS: Sequence[tuple[int, str, int]] = (
    (9, "critical", 15),
    (7, "high", 30),
    (4, "medium", 90),
    (0, "low", 180),
)
"""(least severity weight, class, days until interest begins)."""

PROBABILITY_BY_MINUTES: Sequence[tuple[float, float]] = (
    (5.0, 0.9),
    (30.0, 0.8),
    (120.0, 0.6),
    (480.0, 0.4),
    (1440.0, 0.25),
    (np.inf, 0.1),
)
"""(high minutes up to, probability): what takes a practised attacker longer fails or is seen more often."""

KEV_PROBABILITY = 0.95
"""Of a weakness that is known to be exploited."""

LEAST_EPSS = 0.01
"""EPSS is about the next thirty days and the whole internet; inside a cluster it is not taken for less than this."""

UNKNOWN_PRIOR = 0.5
"""Of a move that rests on something not collected: unknown is not zero."""

CLASSES: NDArray[np.float64] = np.array(
    [0.0, *(month / 12 for month in range(1, 13)), 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0]
)
"""Years overdue are rounded up to one of these, so that D has at most 25 layers; the last stands for all beyond."""

STRUCTURE = frozenset(
    (
        "in_cluster",
        "in_zone",
        "in_rack",
        "in_tenant",
        "has_gpu",
        "has_port",
        "cabled_to",
        "managed_by",
        "has_component",
        "same_as",
        "labelled",
        "attached_to",
        "runs_on",
        "service_kind",
        "controls",
        "in_partition",
        "part_of",
        "depends_on",
        "used_gpu_hours",
        "nvlink_member",
        "imex_of",
        "on_fabric",
        "exported_by",
        "stored_on",
        "size_bytes",
        "trained_from",
        "checkpoint_of",
        "in_namespace",
        "assumed_like",
        "logs_in_from",
        "asked",
        "jewel",
        "reads",
        "writes",
        "uses_gpu",
    )
)
"""Facts that only say what there is. A repair does not end them, so no move rests on a finding because of them."""


@cache
def service_class(severity: int) -> tuple[str, float]:
    """(class, seconds until interest begins) of a severity weight, 1 to 10."""
    name, days = next((name, days) for least, name, days in SERVICE_DAYS if severity >= least)
    return name, days * 86_400.0


def weights(ages: NDArray[np.float64], service: NDArray[np.float64]) -> NDArray[np.float64]:
    """Per finding 1 + r · years overdue, rounded up to a class; `ages` and `service` in seconds."""
    overdue = np.maximum(0.0, ages - service) / YEAR
    at = np.minimum(np.searchsorted(CLASSES, overdue - 1e-12), len(CLASSES) - 1)
    return 1.0 + RATE * CLASSES[at]


def default_probability(minutes: NDArray[np.float32]) -> NDArray[np.float64]:
    """Of moves by their high minutes."""
    limits = np.array([limit for limit, _ in PROBABILITY_BY_MINUTES])
    values = np.array([value for _, value in PROBABILITY_BY_MINUTES])
    return values[np.searchsorted(limits, minutes)]
