"""Many trials, one after the other, each in its mode; what was done already is not done again.

cells (kind, mode, rate, how many) ─▶ those that a file of results lacks ─▶ trial ─▶ a line of the file
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from ringfence.app.lab import modes, work
from ringfence.app.lab.layout import MODEL_BYTES, Layout
from ringfence.app.lab.modes import Mode
from ringfence.app.lab.stage import last
from ringfence.app.lab.trial import Trial, trial
from ringfence.errors import EnforceError, UsageError

RATES = {"100mbit": 12.5e6, "1gbit": 125e6, "max": 0.0}
"""Bytes a second; `max`: as fast as the machine goes."""
_FASTEST = 1e9
"""Bytes a second, as guessed for estimates."""
_BUSY = 120.0
"""Seconds for which ordinary work is begun beside the trials, again and again."""
_TRIES = 5
"""Trials in a row that may not count."""
_ENTER, _AROUND = 35.0, 4.0
"""Seconds to change the mode, and what a trial takes beside its bytes, as guessed for estimates."""


class Cell(msgspec.Struct, frozen=True):
    """`count` trials of one kind in one mode at one rate (a key of `RATES`)."""

    kind: str
    mode: Mode
    rate: str
    count: int

    @property
    def seconds(self) -> float:
        """About how long one of them takes."""
        whole = MODEL_BYTES / (RATES[self.rate] or _FASTEST)
        stopped = self.mode.name == "all" or (self.mode.name == "fence" and self.mode.budget == "on")
        return _AROUND + (0.0 if stopped else whole)


class Done(msgspec.Struct, frozen=True):
    """A line of the file of results."""

    cell: Cell
    trial: Trial

    @property
    def key(self) -> tuple[str, Mode, str]:
        """The cell, without how many."""
        return self.cell.kind, self.cell.mode, self.cell.rate


def results(file: Path) -> list[Done]:
    """What a file holds; a line that was cut off is left out."""
    if not file.exists():
        return []
    lines = (line for line in file.read_bytes().split(b"\n") if line.endswith(b"}"))
    return [msgspec.json.decode(line, type=Done) for line in lines]


def left(cells: Sequence[Cell], done: Sequence[Done]) -> list[tuple[Cell, int]]:
    """(cell, how many are still to do), those of one mode together."""
    have: dict[tuple[str, Mode, str], int] = {}
    for one in done:
        have[one.key] = have.get(one.key, 0) + 1
    rest = [(one, one.count - have.get((one.kind, one.mode, one.rate), 0)) for one in cells]
    return sorted(((one, count) for one, count in rest if count > 0), key=lambda row: msgspec.json.encode(row[0].mode))


def estimate(rest: Sequence[tuple[Cell, int]]) -> float:
    """About how many seconds they take."""
    return len({one.mode for one, _ in rest}) * _ENTER + sum(one.seconds * count for one, count in rest)


def run(layout: Layout, cells: Sequence[Cell], file: Path, told: Callable[[str], None]) -> Iterator[Done]:
    """Do what is left, and yield each as it ends. Raises `UsageError`, `EnforceError`."""
    for one in cells:
        if one.rate not in RATES:
            raise UsageError(f"{one.rate!r} is not a rate", f"one of {', '.join(RATES)}")
    done = results(file)
    turns = _Turns(layout, max([last(layout), *(one.trial.number for one in done)]), told)
    rest = left(cells, done)
    told(f"{sum(count for _, count in rest)} trials, about {estimate(rest) / 60:.0f} minutes")
    for cell, count in rest:
        for _ in range(count):
            ended = Done(cell, turns.play(cell))
            with file.open("ab") as lines:
                lines.write(msgspec.json.encode(ended) + b"\n")
            yield ended


class _Turns:
    """Trials one after the other, with ordinary work beside them."""

    def __init__(self, layout: Layout, number: int, told: Callable[[str], None]) -> None:
        self._layout, self._number, self._told, self._busy = layout, number, told, 0.0

    def play(self, cell: Cell) -> Trial:
        """The next one that counts. Raises `EnforceError`."""
        for _ in range(_TRIES):
            one = self._next(cell)
            if not one.void:
                return one
            self._told(f"trial {one.number} was cut before it began, by what was noticed late of another: not counted")
        raise EnforceError(f"{_TRIES} trials were cut before they began", "`ringfence incidents` says why")

    def _next(self, cell: Cell) -> Trial:
        modes.enter(self._layout, cell.mode, self._told)
        self._number += 1
        if cell.mode.fenced and cell.mode.budget != "off":
            nodes = work.shares(self._layout)[0][1]
            modes.unspent(self._layout, nodes[self._number % len(nodes)])
        if time.monotonic() > self._busy - cell.seconds:
            work.background(self._layout, _BUSY)
            self._busy = time.monotonic() + _BUSY
        return trial(self._layout, cell.kind, cell.mode, RATES[cell.rate], self._number)
