"""One window of the debt: an estate, judged, its ledger carried on, its debt computed.

estate ─judge─▶ findings ─ledger─▶ ages ─┐
estate + carried facts ─derive─▶ Game ───┴─▶ D, principal, interest, hygiene; coverage and compute beside it
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.derive import Edges, derive
from ringfence.analyse.moves import MOVES
from ringfence.analyse.reach import Graph
from ringfence.app.questions import Questions
from ringfence.app.survey import jewels
from ringfence.assess.check import Check
from ringfence.assess.checks import CHECKS
from ringfence.assess.debt.access import NOBODY, NONE, Access, Share, with_granted
from ringfence.assess.debt.choquet import Debt, stood
from ringfence.assess.debt.compute import Compute, compute_of
from ringfence.assess.debt.coverage import Coverage, coverage_of, lasting
from ringfence.assess.debt.findings import HOLE, Findings, findings, holes, together
from ringfence.assess.debt.hygiene import Hygiene, hygiene
from ringfence.assess.debt.ledger import Entry, Ledger, State, Window, folded
from ringfence.assess.debt.probability import probabilities
from ringfence.assess.debt.terms import service_class, weights
from ringfence.assess.debt.value import Game, game_of
from ringfence.assess.judge import Judged, judge
from ringfence.estate.estate import PREDICATE_CODE, Estate
from ringfence.estate.facts import Fact

_FUNCTION = np.array([move.function for move in MOVES], np.bool_)
_CARRIED = "carried: "


@dataclass(frozen=True, eq=False)
class Standing:
    """Where a window stands. `owed`: the open and carried entries, in the order of the game's findings."""

    at: float
    debt: Debt
    hygiene: Hygiene
    coverage: Coverage
    compute: Compute
    owed: tuple[Entry, ...]
    weights: NDArray[np.float64]
    game: Game
    on_way: NDArray[np.bool_]
    jewels: Mapping[str, float]
    access: Access = NOBODY
    share: Share = NONE
    footholds: frozenset[str] = frozenset()
    """Where people begin: workstations that some move starts from, or what the caller names. Told with `access`."""

    def weights_at(self, at: float) -> NDArray[np.float64]:
        """The weights of the same findings at another time: nothing fixed, nothing new."""
        ages, service = self.clocks
        return weights(ages + (at - self.at), service)

    @cached_property
    def clocks(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(age now, age from which on interest runs) per owed finding, seconds."""
        return _clocks(self.owed, self.at)


def weights_of(owed: Sequence[Entry], at: float) -> NDArray[np.float64]:
    """1 and its interest per entry."""
    return weights(*_clocks(owed, at))


def _clocks(owed: Sequence[Entry], at: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    ages = np.fromiter((entry.age(at) for entry in owed), np.float64, len(owed))
    service = np.fromiter((service_class(entry.severity)[1] for entry in owed), np.float64, len(owed))
    return ages, service


def stand(
    estate: Estate,
    at: float,
    before: Ledger,
    known: set[str],
    checks: Sequence[Check] = CHECKS,
    retired: frozenset[str] = frozenset(),
    footholds: Sequence[str] = (),
    access: Access = NOBODY,
) -> tuple[Standing, dict[tuple[str, str], Entry], set[str]]:
    """(standing, ledger after this window, things known by now)."""
    judged = judge(estate, checks)
    edges = derive(estate)
    found = together([findings(estate, judged), holes(estate, edges)])
    after = folded(before, Window(at, estate, tuple(judged), found, retired))
    names = (estate.terms.values[term] for term in estate.entities.tolist())
    watched = lasting(key[1] for key in found.keys) | set(jewels(estate))
    watched |= {name for name in names if name.startswith("workstation:")}
    coverage, known = coverage_of(estate, known, retired, watched)
    carried = [entry for entry in after.values() if entry.state is State.CARRIED and entry.facts]
    if carried:
        estate, lost = _with_carried(estate, carried)
        edges = derive(estate)
        found = together([found, lost])
    owed = tuple(after[key] for key in found.keys)
    return standing(estate, at, edges, found, owed, judged, coverage, footholds, access=access), after, known


def standing(
    estate: Estate,
    at: float,
    edges: Edges,
    found: Findings,
    owed: tuple[Entry, ...],
    judged: Sequence[Judged],
    coverage: Coverage,
    footholds: Sequence[str] = (),
    compute: Compute | None = None,
    access: Access | None = None,
    heavy: NDArray[np.float64] | None = None,
) -> Standing:
    """The debt of what is known. `compute`: that of the estate if the caller has it already.

    `access`: who was let in so far; None leaves it out, for one estate that is followed. `heavy`: the weights of `owed`
    if the caller knows them, and leaves `access` out.
    """
    asked = Questions(estate)
    asked.__dict__["edges"] = edges  # derived already
    graph: Graph = asked.graph
    values = jewel_values(estate)
    goals = asked.jewel_positions.tolist()
    feet = sorted(set(asked.footholds(footholds or asked.default_footholds())))
    named = [asked.text(goal).rpartition("#")[0] for goal in goals]
    worth = [values.get(jewel, 1.0) for jewel in named]
    game = game_of(graph, probabilities(estate, edges, MOVES), _FUNCTION, feet, goals, worth, found)
    share, begin = NONE, frozenset[str]()
    if access is not None:
        held = [asked.text(foot) for foot in feet]
        begin = frozenset(foot.rpartition("#")[0] for foot in held if footholds or foot.startswith("workstation:"))
        access = access.folded(at, game.inside, held, named)
        granted = access.owed(named)
        share = access.share(game.inside, named)
        game = with_granted(game, list(granted))
        found, owed = found.and_of(granted.values()), (*owed, *granted.values())
    if heavy is None or access is not None:
        heavy = weights_of(owed, at)
    stands = stood(game, heavy)
    loose = loose_ends(game, found, heavy, judged)
    shown = {jewel: values.get(jewel, 1.0) for jewel in jewels(estate)}
    return Standing(
        at,
        stands.debt,
        loose,
        coverage,
        compute or compute_of(estate),
        owed,
        heavy,
        game,
        stands.on_way,
        shown,
        access or NOBODY,
        share,
        begin,
    )


def loose_ends(game: Game, found: Findings, heavy: NDArray[np.float64], judged: Sequence[Judged]) -> Hygiene:
    """What lies on no way; `heavy`: the findings' weights."""
    unsure: dict[int, int] = {}
    for one in judged:
        unknown = int(np.count_nonzero(~one.failed & (one.missing >= 0)))
        unsure[one.check.weight] = unsure.get(one.check.weight, 0) + unknown
    return hygiene(game.relevant, found.severity, heavy, unsure)


MOST_VALUE = 1e15
"""What no jewel is worth in any unit; sums of what is less stay exact enough to be compared."""


def jewel_values(estate: Estate) -> dict[str, float]:
    """What the user says that jewels are worth; one where nothing is said, or what is no worth."""
    found: dict[str, float] = {}
    for fact in estate.facts("jewel"):
        value = _worth(fact)
        if value is not None:
            found[fact.subject] = max(value, found.get(fact.subject, 0.0))
    return found


def no_values(estate: Estate) -> list[str]:
    """What is said of jewels' worth and counts as nothing said."""
    told = (fact for fact in estate.facts("jewel") if "value" in fact.attributes and _worth(fact) is None)
    return [f"{fact.subject}: {str(fact.attributes['value'])[:24]!r} is no worth, counted as one" for fact in told]


def _worth(fact: Fact) -> float | None:
    """The value that a mark carries, in whatever unit; None where it is no number from 0 to `MOST_VALUE`."""
    value = fact.attributes.get("value")
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if number and 0 <= value <= MOST_VALUE else None  # type: ignore[arg-type, operator]


def _with_carried(estate: Estate, carried: Sequence[Entry]) -> tuple[Estate, Findings]:
    """(the estate with the facts last seen of what nobody can say now, those findings in columns)."""
    facts: list[Fact] = []
    of: list[int] = []
    for number, entry in enumerate(carried):
        for fact in entry.facts:
            facts.append(msgspec.structs.replace(fact, source=f"{_CARRIED}{number} {fact.source}"))
            of.append(number)
    more = estate.with_delta(added=facts)
    rows = [_row(more, fact) for fact in facts]
    keys = tuple(entry.key for entry in carried)
    severity = np.array([entry.severity for entry in carried], np.int16)
    return more, Findings(keys, severity, np.array(of, np.int32), np.array(rows, np.int64))


def _row(estate: Estate, fact: Fact) -> int:
    """The row of a fact that is there."""
    table = estate.table(fact.predicate)
    subject, source = estate.terms.find(fact.subject), estate.sources.find(fact.source)
    object_ = estate.terms.find(fact.object)
    at = table.find("subject", np.array([subject], np.int32))[1]
    at = at[(table.object[at] == object_) & (table.source[at] == source)]
    return int(PREDICATE_CODE[fact.predicate]) << 32 | int(at[0])


def is_hole(entry: Entry) -> bool:
    """Whether it stands for something that was not answered."""
    return entry.key[0].startswith(f"{HOLE}/")
