"""Trials of the lab as they were recorded: the demo shows them, for the lab itself needs root.

demo_lab.json: {"recorded": date, "machine", "command", "note", "runs": [line of `ringfence lab attack --results`…]}
"""

from pathlib import Path
from typing import Any

import msgspec

_FILE = Path(__file__).with_suffix(".json")
_MODES = {
    "off": "nothing of Ringfence",
    "detect": "it only watches",
    "fence": "the fence alone",
    "all": "fence and guard",
}


class _Mode(msgspec.Struct, frozen=True):
    name: str
    budget: str


class _Cell(msgspec.Struct, frozen=True):
    kind: str
    mode: _Mode
    rate: str


class _Trial(msgspec.Struct, frozen=True):
    bytes: int
    of: int
    to_incident: float | None
    to_block: float | None


class Run(msgspec.Struct, frozen=True):
    """One trial: what was played in which mode, and what came of it (`app/lab/trial.py`; seconds, bytes)."""

    cell: _Cell
    trial: _Trial

    @property
    def mode(self) -> str:
        """What was on, in words."""
        budget = {"on": ", with a byte budget", "raised": ", with a raised budget", "off": ""}[self.cell.mode.budget]
        return _MODES[self.cell.mode.name] + (budget if self.cell.mode.name in ("fence", "all") else "")

    @property
    def share(self) -> float:
        """The part of the weights that was gone."""
        return self.trial.bytes / self.trial.of

    def as_json(self) -> dict[str, Any]:
        """As `ringfence demo --json` has it."""
        said = {"kind": self.cell.kind, "mode": self.cell.mode.name, "budget": self.cell.mode.budget}
        told: dict[str, Any] = msgspec.to_builtins(self.trial)
        return said | {"rate": self.cell.rate, "share": self.share} | told


class Recorded(msgspec.Struct, frozen=True):
    """When and where (`machine`: processor, cores), by which command, and how these trials were chosen."""

    recorded: str
    machine: dict[str, str | int]
    command: str
    note: str
    runs: tuple[Run, ...]


def recorded() -> Recorded:
    """What was recorded, the least protected run first."""
    found = msgspec.json.decode(_FILE.read_bytes(), type=Recorded)
    order = list(_MODES)
    runs = sorted(found.runs, key=lambda one: (order.index(one.cell.mode.name), one.cell.mode.budget))
    return msgspec.structs.replace(found, runs=tuple(runs))
