"""The cheapest cuts after which nothing that is held leads to any jewel.

        derivation found ──▶ one of the options on it must be taken ──▶ cheapest set that hits all so far
              ▲                                                                   │
              └───────────────── what the graph still derives without them ◀──────┘   (none: it is the cheapest)

Implicit hitting sets (E. Moreno-Centeno, R. M. Karp, "The implicit hitting set approach to solve combinatorial
optimization problems", 2013): each set found is a lower bound of every set that separates, so that the first one that
separates is the cheapest, with AND edges as they are and jobs counted once.
"""

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from ringfence.analyse.positions import WIDTH
from ringfence.analyse.reach.adjacency import Ints
from ringfence.analyse.reach.jit import kernel
from ringfence.respond.ground import Bools, Ground, Numbers
from ringfence.respond.separate_options import CUT, HOST, JOB, Option, Options, Path, weigh

MOST_ROUNDS, MOST_PATHS = 12, 160
MANY_HOSTS = 12
"""Hosts held beyond which the lightest set is not looked for: one that separates is told, soon."""
_FEW = 96
_GONE = 100


class Separation(msgspec.Struct, frozen=True):
    """`chosen` separate all of the goals but `left`. `path` per option: a derivation that only it breaks,
    where so few were chosen that each was tried alone.

    `reached`: the goals that are reached before anything is cut. `exact`: no lighter options separate them.
    """

    chosen: tuple[Option, ...]
    path: dict[str, Path]
    left: tuple[int, ...]
    exact: bool
    reached: tuple[int, ...]


class Feet(msgspec.Struct, frozen=True):
    """What an attacker has: positions for good, and accounts that they have while they are on one of some hosts."""

    firm: tuple[int, ...]
    bound: tuple[tuple[int, tuple[str, ...]], ...] = ()


class Search:
    """Looks for derivations from some feet to some goals, with options taken."""

    def __init__(self, ground: Ground, feet: Feet, goals: Iterable[int]) -> None:
        self.ground, self.feet = ground, feet
        self.goals = np.zeros(len(ground.graph), np.bool_)
        self.goals[list(goals)] = True

    def path(self, taken: Iterable[Option] = ()) -> Path | None:
        """A derivation of a goal with these options taken; None where there is none."""
        graph, chosen = self.ground.graph, list(taken)
        lacking = self.ground.lacking.copy()
        for one in chosen:
            lacking[one.edges] = _GONE
        shut = {one.shuts for one in chosen}
        acting = {at: next((host for host in hosts if host not in shut), "") for at, hosts in self.feet.bound}
        feet = self._numbers(at for at, host in acting.items() if host)
        hit, parent = _find(*graph.forward, graph.to, lacking, feet, self.goals)
        if hit < 0:
            return None
        edges, begins = _derivation(graph.start, parent, hit)
        firm = set(self.feet.firm)
        return Path(tuple(edges), tuple(sorted({acting[at] for at in begins if at not in firm})))

    def reached(self, gone: Bools | None = None, shut: Iterable[str] = ()) -> Bools:
        """All that is derived without some edges, while nothing acts from the hosts that are shut."""
        graph, hosts_shut = self.ground.graph, set(shut)
        lacking = self.ground.lacking.copy()
        if gone is not None:
            lacking[gone] = _GONE
        feet = self._numbers(at for at, hosts in self.feet.bound if not hosts_shut.issuperset(hosts))
        _, parent = _find(*graph.forward, graph.to, lacking, feet, np.zeros(len(graph), np.bool_))
        found: Bools = parent != -1
        return found

    def _numbers(self, bound: Iterable[int]) -> Ints:
        return np.array(sorted({*self.feet.firm, *bound}), np.int32)


def separate(options: Options, feet: Feet, goals: Numbers) -> Separation:
    """Separate `goals` (position numbers) from `feet`.

    Goals that no option can save are told in `left`; all others are separated.
    """
    ground = options.ground
    everything = Search(ground, feet, ())
    reached = everything.reached()
    lost = goals[reached[goals]]
    if not len(lost):
        return Separation((), {}, (), True, ())
    shut = [host for host in {host for _, hosts in feet.bound for host in hosts} if options.shutting(host)]
    stuck = everything.reached(options.cuttable(), shut)
    left, search = lost[stuck[lost]], Search(ground, feet, lost[~stuck[lost]])
    chosen, exact = _cheapest(options, search)
    kept, paths = _needed(search, chosen)
    kept = tuple(_trimmed(options, everything, one, kept) for one in kept)
    return Separation(kept, paths, tuple(left.tolist()), exact and len(kept) == len(chosen), tuple(lost.tolist()))


def _cheapest(options: Options, search: Search) -> tuple[list[Option], bool]:
    """(options that separate, whether they surely are the lightest)."""
    if len(options.own_hosts) > MANY_HOSTS:
        return _greedy(options, search, options.narrow()), False
    mine = _greedy(options, search, options.whole(_beside(search)))
    most = weigh(mine)
    known: dict[str, Option] = {}
    paths: list[frozenset[str]] = []
    chosen: list[Option] = []
    for _ in range(MOST_ROUNDS):
        more = _further(options, search, chosen, most, known, paths)
        if not more:
            return chosen, True
        if len(paths) > MOST_PATHS:
            break
        chosen = _hitting(known, paths, frozenset(one.name for one in mine))
    return mine, False


def _beside(search: Search) -> set[str]:
    """The hosts that own something of what is held: those whose memory NVLink shares, too."""
    ground = search.ground
    owners = ground.owner[ground.graph.positions[list(search.feet.firm)] // WIDTH]
    return {ground.hosts[at] for at in np.unique(owners[owners >= 0]).tolist()}


def _further(
    options: Options,
    search: Search,
    chosen: Sequence[Option],
    most: int,
    known: dict[str, Option],
    paths: list[frozenset[str]],
) -> int:
    """Paths that `chosen` leaves, each broken by its lightest option before the next is sought, up to `most`."""
    taken, found = list(chosen), 0
    while len(paths) <= MOST_PATHS:
        path = search.path(taken)
        if path is None:
            return found
        here = options.of(path)
        known |= here
        paths.append(frozenset(here))
        found += 1
        before = weigh(taken)
        taken.append(min(here.values(), key=lambda one: (weigh((*taken, one)) - before, one.name)))
        if weigh(taken) > most:
            return found
    return found


def _greedy(options: Options, search: Search, chosen: Sequence[Option]) -> list[Option]:
    """`chosen`, and beside them the lightest that breaks each path they leave."""
    taken = list(chosen)
    while (path := search.path(taken)) is not None:
        before = weigh(taken)
        here = options.of(path).values()
        taken.append(min(here, key=lambda one: (weigh((*taken, one)) - before, -len(one.edges), one.name)))
    return taken


def _hitting(known: dict[str, Option], paths: Sequence[frozenset[str]], near: frozenset[str]) -> list[Option]:
    """The lightest options that hit every path: a small integer program over options, jobs and hosts.

    Among those that weigh the same: softer ones, then the attacker's own hosts, then by name.
    """
    names = sorted(set().union(*paths))
    shared = _shared(known, names)
    column = {one: at for at, one in enumerate((*names, *shared))}
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    least: list[float] = []
    for path in paths:  # one of these is taken
        rows += [len(least)] * len(path)
        columns += [column[name] for name in sorted(path)]
        values += [1.0] * len(path)
        least.append(1.0)
    for those in shared:  # what one of them disturbs is disturbed
        for name in those:
            rows += [len(least)] * 2
            columns += [column[those], column[name]]
            values += [1.0, -1.0]
            least.append(0.0)
    ties = 0.5 / (len(names) + 1)
    cost = [
        CUT * len(known[name].cuts)
        + HOST * known[name].others
        + ties * (0.1 * int(known[name].grade) + 0.05 * (name not in near) + 1e-4 * at / 100)
        for at, name in enumerate(names)
    ]
    cost += map(float, shared.values())
    table = csr_array((values, (rows, columns)), shape=(len(least), len(cost)))
    whole = np.zeros(len(cost))
    whole[: len(names)] = 1
    solved = milp(cost, constraints=LinearConstraint(table, least, np.inf), integrality=whole, bounds=Bounds(0, 1))
    return [known[name] for name in names if solved.x[column[name]] > 0.5]


def _shared(known: dict[str, Option], names: Sequence[str]) -> dict[tuple[str, ...], int]:
    """What weighs once however many of these options are taken: the options that disturb it → its weight.

    Jobs and hosts that the same options disturb are one: a server's four hundred jobs are one column.
    """
    disturb: dict[tuple[int, str], list[str]] = {}
    for name in names:
        for weight, those in ((JOB, known[name].jobs), (HOST, known[name].hosts)):
            for one in those:
                disturb.setdefault((weight, one), []).append(name)
    found: dict[tuple[str, ...], int] = {}
    for weight, one in sorted(disturb):
        by = tuple(disturb[weight, one])
        found[by] = found.get(by, 0) + weight
    return found


def _needed(search: Search, chosen: Sequence[Option]) -> tuple[tuple[Option, ...], dict[str, Path]]:
    """Those without which a goal is reached again, and the path by which; the heaviest are tried first."""
    kept = sorted(chosen, key=lambda one: (-one.weight, one.name))
    if len(kept) > _FEW:  # so many are tried together, by verb
        for verb in sorted({one.name.partition(" ")[0] for one in kept}):
            others = [one for one in kept if not one.name.startswith(f"{verb} ")]
            kept = others if search.path(others) is None else kept
    paths: dict[str, Path] = {}
    for one in kept[:_FEW]:
        others = [other for other in kept if other is not one]
        path = search.path(others)
        if path is not None:
            paths[one.name] = path
        else:
            kept = others
    return tuple(sorted(kept, key=lambda one: one.name)), paths


def _trimmed(options: Options, everything: Search, one: Option, kept: Sequence[Option]) -> Option:
    """An option about ports, without those that the attacker never comes to send from."""
    if len(one.cuts) < 2 or one.cuts[0].verb not in ("quarantine", "hard-cut"):
        return one
    gone = np.zeros(len(options.ground.graph.to), np.bool_)
    for other in kept:
        if other is not one:
            gone[other.edges] = True
    reached = everything.reached(gone, (other.shuts for other in kept))
    numbers = [options.ground.number(f"ibport:{cut.subject}#send") for cut in one.cuts]
    cuts = tuple(cut for cut, at in zip(one.cuts, numbers, strict=True) if at >= 0 and reached[at])
    return msgspec.structs.replace(one, cuts=cuts) if cuts else one


def _derivation(start: Ints, parent: Ints, hit: int) -> tuple[list[int], list[int]]:
    """(the edges that derive a position, each after those it rests on; the feet they begin at)."""
    steps: list[int] = []
    feet: list[int] = []
    seen: set[int] = set()
    stack = [(hit, False)]
    while stack:
        node, done = stack.pop()
        edge = int(parent[node])
        if done:
            steps.append(edge)
        elif node not in seen and edge >= 0:
            seen.add(node)
            stack.append((node, True))
            stack += [(int(one), False) for one in start[edge] if one >= 0]
        elif edge < 0:
            feet.append(node)
    return steps, feet


@kernel
def _find(
    first: Ints, incident: Ints, to: Ints, lacking: NDArray[np.int8], feet: Ints, goals: Bools
) -> tuple[int, Ints]:
    """(the goal that is reached in the fewest rounds or -1, last edge of each position).

    The last edge is -2 of a foot and -1 of what was not reached. Uses `lacking` up.
    """
    parent = np.full(len(goals), -1, np.int32)
    queue = np.empty(len(goals), np.int32)
    filled = 0
    for v in feet:
        parent[v] = -2
        queue[filled] = v
        filled += 1
    at = 0
    while at < filled:
        v = queue[at]
        at += 1
        for k in range(first[v], first[v + 1]):
            edge = incident[k]
            lacking[edge] -= 1
            if lacking[edge] == 0:
                w = to[edge]
                if parent[w] == -1:
                    parent[w] = edge
                    if goals[w]:
                        return w, parent
                    queue[filled] = w
                    filled += 1
    return -1, parent
