"""How bad a failure is: judged by where it puts an attacker, not by the check's own opinion of itself.

    opened positions ─▶ nearest jewel, jewels and hosts in reach, held from a foothold? ─▶ TABLE ─▶ severity

All positions of the estate are measured at once, so that a finding costs one look-up. Where positions say nothing (no
move touches one that the failure opens, nothing is in reach from there, or no move touches any jewel) the check's own
`weight` stands (`WEIGHTS`), and never gives critical.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.analyse import positions
from ringfence.analyse.reach import Graph, condense, nearest, reach_from, reach_sets, settle
from ringfence.analyse.reach.near import Near
from ringfence.analyse.reach.sweep import sweep_rows
from ringfence.estate.estate import Estate
from ringfence.estate.kinds import KINDS

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]
_HOST = list(KINDS).index("host")
_SHELLS = [positions.CAPABILITY_CODE[name] for name in ("root", "user")]
_BLOCK = 512


class Severity(StrEnum):
    """The worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


ORDER: tuple[Severity, ...] = tuple(Severity)
HOUR = 60.0
"""Minutes."""


class Rung(msgspec.Struct, frozen=True):
    """One line of the table: it holds where all that it asks for holds.

    `held`: a default foothold reaches the position. `minutes`: at most so many to a jewel, from the foothold where it
    is held and from the position where not. `jewels`, `hosts`: at least this share of all is in reach from there.
    `unknown`: a jewel is in reach only if something holds that was not collected.
    """

    severity: Severity
    says: str
    held: bool = False
    minutes: float = np.inf
    jewels: float = 0.0
    hosts: float = 0.0
    unknown: bool = False


TABLE: tuple[Rung, ...] = (
    Rung(
        Severity.CRITICAL,
        "a foothold gets there, and within an hour to a tenth of the jewels",
        held=True,
        minutes=HOUR,
        jewels=0.1,
    ),
    Rung(Severity.HIGH, "a foothold gets there, and on to a jewel", held=True, jewels=1e-9),
    Rung(Severity.HIGH, "half of the jewels are within an hour of it", minutes=HOUR, jewels=0.5),
    Rung(Severity.MEDIUM, "a jewel is in reach from there", jewels=1e-9),
    Rung(Severity.MEDIUM, "a jewel is in reach from there if what was not collected holds", unknown=True),
    Rung(Severity.MEDIUM, "a foothold gets there, and on to a tenth of the hosts", held=True, hosts=0.1),
    Rung(
        Severity.LOW, "no jewel is in reach from there, other hosts are; or what the check weighs, if more", hosts=1e-9
    ),
)
"""The first line that holds gives the severity; where none does, `WEIGHTS`."""

WEIGHTS: tuple[tuple[int, Severity], ...] = (
    (9, Severity.HIGH),
    (6, Severity.MEDIUM),
    (3, Severity.LOW),
    (1, Severity.INFO),
)
"""The check's weight from which a severity stands, where positions say nothing."""

NO_POSITION = -1
"""Instead of a line of the table: the weight decided."""


def by_weight(weight: int) -> Severity:
    """The severity of a check's own weight."""
    return next((severity for least, severity in WEIGHTS if weight >= least), Severity.INFO)


@dataclass(frozen=True, eq=False)
class Ground:
    """What every position of an estate is worth: columns over position numbers, one entry more for the number -1.

    `near`: to the nearest jewel. `entry`: high minutes until a foothold holds it, infinite where none does. `jewels`
    and `hosts`: how many are in reach from there alone, at most; `exact` where that many jewels are. `rung`: the line
    of `TABLE` that holds.
    """

    graph: Graph
    near: Near
    entry: _Floats
    jewels: _Ints
    hosts: _Ints
    exact: NDArray[np.bool_]
    unknown: NDArray[np.bool_]
    rung: NDArray[np.int8]
    jewels_total: int
    hosts_total: int


def ground(estate: Estate, graph: Graph, jewels: _Ints, footholds: Sequence[int], seconds: float = 2.0) -> Ground:
    """Measure every position. `jewels` and `footholds` are position numbers; `seconds` limits what is made exact."""
    n = len(graph)
    hosts_total = int((estate.kinds[estate.entities] == _HOST).sum())
    near, beyond = nearest(graph, jewels), nearest(graph, jewels, with_unknown=True)
    entry = np.append(reach_from(graph, footholds).minutes_high, np.inf)
    count, exact, hosts = np.zeros(n + 1, np.int64), np.ones(n + 1, np.bool_), np.zeros(n + 1, np.int64)
    if n:
        bounds = settle(reach_sets(graph, jewels), seconds)
        count[:n] = np.bitwise_count(bounds.upper.expand()).sum(axis=1)
        exact[bounds.undecided()] = False
        hosts[:n] = hosts_in_reach(estate, graph)
    there = count > 0  # the two searches agree, but for AND moves whose other start is out of reach
    unknown = np.isfinite(beyond.minutes) & ~there
    near.minutes[~there] = np.inf
    found = Ground(graph, near, entry, count, hosts, exact, unknown, np.zeros(n + 1, np.int8), len(jewels), hosts_total)
    found.rung[:] = _rungs(found)
    return found


def hosts_in_reach(estate: Estate, graph: Graph) -> _Ints:
    """Per position number, on how many hosts a shell is in reach from there: an upper bound, its own not counted.

    AND moves count as if each of their starts sufficed. One more node per host gathers its shells, so that a host
    is one target; 512 are swept at a time.
    """
    n = len(graph)
    term, capability = graph.positions // positions.WIDTH, graph.positions % positions.WIDTH
    inside = term < len(estate.kinds)  # rules name entities that an estate may lack
    is_host = inside & (estate.kinds[np.where(inside, term, 0)] == _HOST)
    shells = np.flatnonzero(is_host & np.isin(capability, _SHELLS))
    owners, which = np.unique(term[shells], return_inverse=True)
    used = (graph.start >= 0) & ~graph.edges.unknown[:, None]
    edge, slot = np.nonzero(used)
    whole = condense(
        n + len(owners),
        np.concatenate([graph.start[edge, slot], shells]).astype(np.int32),
        np.concatenate([graph.to[edge], n + which]).astype(np.int32),
    )
    count = np.zeros(whole.count, np.int64)
    for begin in range(0, len(owners), _BLOCK):
        chosen = whole.component[n + begin : n + min(begin + _BLOCK, len(owners))]
        count += np.bitwise_count(sweep_rows(whole, chosen, 8)).sum(axis=1, dtype=np.int64)
    own = np.isin(term, owners) & np.isin(capability, _SHELLS)
    return count[whole.component[:n]] - own


def _rungs(of: Ground) -> NDArray[np.int8]:
    held = np.isfinite(of.entry)
    minutes = np.where(held, of.entry, 0.0) + of.near.minutes
    rung = np.full(len(held), NO_POSITION, np.int8)
    for at in range(len(TABLE) - 1, -1, -1):
        line = TABLE[at]
        holds = minutes <= line.minutes
        if line.held:
            holds &= held
        if line.unknown:
            holds &= of.unknown
        if line.jewels:
            holds &= of.jewels >= max(1.0, line.jewels * of.jewels_total)
        if line.hosts:
            holds &= of.hosts >= max(1.0, line.hosts * of.hosts_total)
        rung[holds] = at
    return rung if of.jewels_total else np.full_like(rung, NO_POSITION)
