"""Many estates beside one another: which controls are in force, and which of these know that there is compute.

A *control* is a check of an estate that has something it is about. It is in force as far as the check passes: a control
that holds on nine of ten hosts counts nine tenths, and what failed and what is unknown count apart. Only counts leave
this module: no name out of an estate.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from statistics import quantiles

import msgspec

from ringfence.assess.check import CLASSIC, Check, Layer, Mismatch, Verdict
from ringfence.assess.judge import Judged

COMPUTE = (Layer.FABRIC, Layer.ACCELERATOR, Layer.WORKFLOW)
"""The layers that only a cluster for AI has."""

AWARE = tuple(layer for layer in Layer if layer not in CLASSIC)
"""The layers whose controls are compute-aware."""

BINS = 10


PREDICATE = (
    "compute-aware: fabric, accelerator and workflow each have more than half of their controls in force; in part: one "
    "or two of them have; data-centre only: none has, while perimeter, host and identity together have; neither: nor "
    "those. ?: so much is unknown that it decides; –: none of its controls applies"
)
"""What the words of `told` mean, for the foot of a table or picture."""


class Reliance(StrEnum):
    """What holds an estate, in one word; `reliance` says how it is decided."""

    DATA_CENTRE = "data-centre"
    PART = "in-part"
    COMPUTE = "compute-aware"
    NEITHER = "neither"


class Lack(StrEnum):
    """Why most controls of a family are not in force: they are not, nobody knows, or there are none that apply."""

    FAILED = "failed"
    UNKNOWN = "unknown"
    ABSENT = "absent"


WORDS = {
    Reliance.DATA_CENTRE: "data-centre only",
    Reliance.PART: "in part",
    Reliance.COMPUTE: "compute-aware",
    Reliance.NEITHER: "neither",
}
_SIGN = {Lack.FAILED: "", Lack.UNKNOWN: "?", Lack.ABSENT: " –"}


class Tally(msgspec.Struct, frozen=True):
    """Controls that apply, and how far: `passed`, `failed` and `unknown` add up to `controls`.

    `whole` of them pass for everything that they are about.
    """

    controls: int = 0
    passed: float = 0.0
    failed: float = 0.0
    unknown: float = 0.0
    whole: int = 0

    @property
    def share(self) -> float | None:
        """In force among those that apply, 0 to 1; None where none applies."""
        return self.passed / self.controls if self.controls else None

    def plus(self, other: "Tally") -> "Tally":
        return Tally(
            self.controls + other.controls,
            self.passed + other.passed,
            self.failed + other.failed,
            self.unknown + other.unknown,
            self.whole + other.whole,
        )


class Row(msgspec.Struct, frozen=True):
    """One estate: its file's label, and its controls per layer and per mismatch."""

    label: str
    layers: dict[Layer, Tally]
    mismatches: dict[Mismatch, Tally]

    def of(self, layers: Iterable[Layer] = tuple(Layer)) -> Tally:
        """The controls of some layers together."""
        total = Tally()
        for layer in layers:
            total = total.plus(self.layers[layer])
        return total

    @property
    def meant(self) -> float | None:
        """Of the controls that apply, in force or not, the share that is compute-aware; None where none applies."""
        every = self.of().controls
        return self.of(AWARE).controls / every if every else None

    @property
    def unseen(self) -> float:
        """Of the controls that apply, the share that nobody could judge. 0 if none does."""
        every = self.of()
        return every.unknown / every.controls if every.controls else 0.0

    @property
    def aware(self) -> float | None:
        """Of the controls in force, the share that is compute-aware; None where nothing is in force."""
        every = self.of().passed
        return self.of(AWARE).passed / every if every else None

    @property
    def covered(self) -> float:
        """Of the compute-aware controls that apply, the share in force: what estates are ranked by. 0 if none does."""
        return self.of(AWARE).share or 0.0

    @property
    def lacks(self) -> dict[Layer, Lack]:
        """The families of `COMPUTE` of which not more than half of the controls that apply are in force, and why.

        `unknown` where it would be more than half if all that is unknown held, `absent` where no control applies.
        """
        found = {layer: _lack(self.layers[layer]) for layer in COMPUTE}
        return {layer: lack for layer, lack in found.items() if lack is not None}

    @property
    def told(self) -> str:
        """The reliance in words, with the families that an estate in part lacks: `in part, lacks accelerator?`."""
        if self.reliance is Reliance.PART:
            return "in part, lacks " + ", ".join(f"{layer}{_SIGN[lack]}" for layer, lack in self.lacks.items())
        return WORDS[self.reliance] + (_SIGN[Lack.UNKNOWN] if self._open else "")

    @property
    def _open(self) -> bool:
        """Whether it might be of another reliance if what is unknown held."""
        families = [*self.lacks.values(), *([_lack(self.of(CLASSIC))] if self.reliance is Reliance.NEITHER else [])]
        return Lack.UNKNOWN in families

    @property
    def reliance(self) -> Reliance:
        """Whether it relies on data-centre controls only. A family is in force with more than half of its controls.

        `compute-aware`: fabric, accelerator and workflow are in force, each by itself; what passes in one makes up for
        nothing in another. `in-part`: one or two of them are. `data-centre`: none is (its controls failed, are unknown
        or do not apply), and more than half of the perimeter, host and identity controls are. `neither`: nor those.
        """
        if len(self.lacks) < len(COMPUTE):
            return Reliance.PART if self.lacks else Reliance.COMPUTE
        return Reliance.DATA_CENTRE if _most(self.of(CLASSIC)) else Reliance.NEITHER


def _lack(tally: Tally) -> Lack | None:
    if _most(tally):
        return None
    if not tally.controls:
        return Lack.ABSENT
    return Lack.UNKNOWN if 2 * (tally.passed + tally.unknown) > tally.controls else Lack.FAILED


def _most(tally: Tally) -> bool:
    return 2 * tally.passed > tally.controls


class Distribution(msgspec.Struct, frozen=True):
    """How `covered` is spread over the estates: five numbers, and how many lie in each tenth (the last holds 1)."""

    low: float
    quarter: float
    median: float
    three_quarters: float
    high: float
    tenths: tuple[int, ...]


class Portfolio(msgspec.Struct, frozen=True):
    """All estates, the worst first: by `covered`, then by label."""

    rows: tuple[Row, ...]

    def counts(self) -> dict[Reliance, int]:
        """How many estates of each reliance."""
        return {kind: sum(row.reliance is kind for row in self.rows) for kind in Reliance}

    def lacking(self) -> list[tuple[tuple[Layer, ...], int]]:
        """(families that are lacked together, how many estates lack them), the most frequent first."""
        found = Counter(tuple(row.lacks) for row in self.rows)
        return sorted(found.items(), key=lambda one: (-one[1], one[0]))

    def ranges(self) -> dict[Layer, tuple[float, float] | None]:
        """The lowest and the highest share in force of each family; None where it applies nowhere."""
        shares = {layer: [row.layers[layer].share for row in self.rows] for layer in Layer}
        known = {layer: [share for share in found if share is not None] for layer, found in shares.items()}
        return {layer: (min(found), max(found)) if found else None for layer, found in known.items()}

    def layers(self) -> dict[Layer, Tally]:
        """The controls of all estates together, per layer."""
        found = dict.fromkeys(Layer, Tally())
        for row in self.rows:
            found = {layer: tally.plus(row.layers[layer]) for layer, tally in found.items()}
        return found

    def distribution(self) -> Distribution | None:
        """None without an estate."""
        values = [row.covered for row in self.rows]
        if not values:
            return None
        cuts = quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
        tenths = [0] * BINS
        for value in values:
            tenths[min(int(value * BINS), BINS - 1)] += 1
        quarter, median, three_quarters = cuts
        return Distribution(min(values), quarter, median, three_quarters, max(values), tuple(tenths))


def row(label: str, judged: Sequence[Judged]) -> Row:
    """One estate out of its verdicts."""
    layers, mismatches = dict.fromkeys(Layer, Tally()), dict.fromkeys(Mismatch, Tally())
    for one in judged:
        found = _tally(one)
        layers[one.check.layer] = layers[one.check.layer].plus(found)
        mismatches[one.check.mismatch] = mismatches[one.check.mismatch].plus(found)
    return Row(label, layers, mismatches)


def portfolio(rows: Iterable[Row]) -> Portfolio:
    """Estates put in order."""
    return Portfolio(tuple(sorted(rows, key=lambda one: (one.covered, one.label))))


def compute_aware(checks: Sequence[Check]) -> float:
    """The share of these checks that is compute-aware, 0 to 1."""
    return sum(check.layer not in CLASSIC for check in checks) / len(checks) if checks else 0.0


def _tally(judged: Judged) -> Tally:
    """One check over everything that it is about, as one control; nothing where it is about nothing."""
    every = len(judged.subjects)
    if not every:
        return Tally()
    counts = judged.counts()
    passed, failed, unknown = (counts[one] / every for one in (Verdict.PASSED, Verdict.FAILED, Verdict.UNKNOWN))
    return Tally(1, passed, failed, unknown, int(counts[Verdict.PASSED] == every))
