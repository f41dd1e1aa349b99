"""What a job does at a moment, and what its accelerators and links show of it.

        run, time ──phase──▶ load · step · save · evaluate ──levels──▶ utilisation, power, bytes a second

The figures are estimates of ours for nodes of eight 700 W accelerators (or four of 1,200 W), not measurements. What
matters is their order, and that the ranks of a gang have the same but for noise, a rank's own habit and stragglers.
"""

from collections.abc import Mapping

import numpy as np

from ringfence.synth.telemetry.schedule import KINDS

LOAD, STEP, SAVE, EVALUATE = range(4)
PHASES = ("load", "step", "save", "evaluate")
EVALUATED_EVERY, EVALUATION = 4, 240
"""A training run evaluates after each fourth checkpoint, for so many seconds."""

_LEVELS: Mapping[str, Mapping[str, tuple[float, float, float, float]]] = {
    # load, step, save, evaluate
    "utilization": {
        "train": (4, 97, 22, 88),
        "infer": (6, 52, 52, 52),
        "evaluate": (5, 84, 60, 84),
        "data": (0, 6, 3, 6),
        "interactive": (1, 24, 12, 24),
    },
    "tensor": {
        "train": (0, 0.46, 0.02, 0.27),
        "infer": (0, 0.12, 0.12, 0.12),
        "evaluate": (0, 0.24, 0.1, 0.24),
        "data": (0, 0.01, 0, 0.01),
        "interactive": (0, 0.06, 0.02, 0.06),
    },
    "bandwidth": {
        "train": (3, 56, 14, 40),
        "infer": (4, 48, 48, 48),
        "evaluate": (3, 50, 20, 50),
        "data": (0, 3, 1, 3),
        "interactive": (0, 12, 4, 12),
    },
    "power": {  # of what the accelerator may draw
        "train": (0.2, 0.88, 0.3, 0.66),
        "infer": (0.18, 0.46, 0.46, 0.46),
        "evaluate": (0.18, 0.58, 0.35, 0.58),
        "data": (0.13, 0.16, 0.14, 0.16),
        "interactive": (0.14, 0.3, 0.22, 0.3),
    },
    "memory": {  # of what it has
        "train": (0.4, 0.88, 0.88, 0.9),
        "infer": (0.4, 0.8, 0.8, 0.8),
        "evaluate": (0.3, 0.62, 0.62, 0.62),
        "data": (0.02, 0.05, 0.05, 0.05),
        "interactive": (0.05, 0.3, 0.3, 0.3),
    },
    "pcie_rx": {
        "train": (2.2e9, 2.6e8, 1.2e8, 3e8),
        "infer": (2e9, 6e7, 6e7, 6e7),
        "evaluate": (2e9, 2e8, 1e8, 2e8),
        "data": (1e8, 3e8, 1e8, 3e8),
        "interactive": (3e8, 5e7, 2e7, 5e7),
    },
    "pcie_tx": {
        "train": (2e7, 4e7, 2.8e9, 5e7),
        "infer": (1e7, 5e7, 5e7, 5e7),
        "evaluate": (1e7, 4e7, 4e8, 4e7),
        "data": (5e7, 2e8, 3e8, 2e8),
        "interactive": (1e7, 3e7, 2e7, 3e7),
    },
    "nvlink": {
        "train": (1e6, 1.6e11, 2e8, 5e10),
        "infer": (1e6, 1.2e10, 1.2e10, 1.2e10),
        "evaluate": (1e6, 2e10, 1e9, 2e10),
        "data": (0, 0, 0, 0),
        "interactive": (0, 2e9, 2e8, 2e9),
    },
    "ib": {  # a port and second, between ranks
        "train": (2e5, 1.1e10, 5e6, 9e8),
        "infer": (0, 0, 0, 0),
        "evaluate": (1e5, 6e8, 5e6, 6e8),
        "data": (0, 0, 0, 0),
        "interactive": (0, 0, 0, 0),
    },
}
NOTHING: Mapping[str, float] = {"power": 0.1}


def _table(name: str) -> np.ndarray:
    """(kind, phase) → level; one more kind for no job, and CPU jobs as none."""
    levels = _LEVELS[name]
    nothing = (NOTHING.get(name, 0.0),) * len(PHASES)
    return np.array([levels.get(kind, nothing) for kind in (*KINDS, "")], np.float64)


TABLES: Mapping[str, np.ndarray] = {name: _table(name) for name in _LEVELS}
"""Quantity → (kind, phase) → level."""


def phase(table: Mapping[str, np.ndarray], run: np.ndarray, when: np.ndarray | float) -> np.ndarray:
    """The phase of some runs at a time (seconds), by row of the world's table."""
    age = when - table["start"][run]
    load, period, saving = table["load"][run], table["period"][run], table["saving"][run]
    turns, within = np.divmod(np.maximum(age - load, 0), period)
    found = np.full(age.shape, STEP, np.int64)
    found[within > period - saving] = SAVE
    found[(turns > 0) & (turns % EVALUATED_EVERY == 0) & (within < EVALUATION)] = EVALUATE
    found[age < load] = LOAD
    return found
