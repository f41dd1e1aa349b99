"""The questions a user asks of one estate, answered in the documented shapes.

        Estate ─▶ derive ─▶ Graph ─▶ moves | reach | paths | choke ─▶ plain values for JSON or a table

A *position* is the string `entity#capability`; a *fact* is `{"subject", "predicate", "object",
"source", "observed_at"}` and, where it has any, `"attributes"`.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse import positions
from ringfence.analyse.choke import Cut, best_together, choke_points
from ringfence.analyse.derive import Edges, derive
from ringfence.analyse.moves import MOVES
from ringfence.analyse.paths import Path, paths_in
from ringfence.analyse.reach import Graph, Reached, closure, reach_from, unknown_reached
from ringfence.app.survey import jewels
from ringfence.errors import UsageError
from ringfence.estate.estate import Estate
from ringfence.estate.kinds import KINDS, OUTSIDE, kind_of

MOVE = {move.id: move for move in MOVES}
"""Every move by its id."""

_HOST, _GPU = (list(KINDS).index(name) for name in ("host", "gpu"))
_SHELLS = [positions.CAPABILITY_CODE[name] for name in ("root", "user")]
_MOVE_INDEX = {move.id: at for at, move in enumerate(MOVES)} | {move.name: at for at, move in enumerate(MOVES)}


class Questions:
    """One estate, its moves derived once, and what was excluded from them (`--without`, `--cut`)."""

    def __init__(self, estate: Estate, without: Sequence[str] = (), cut: Sequence[str] = ()) -> None:
        self.estate = estate
        self.without = [move_index(name) for name in without]
        self.cut = [_term(estate, entity) for entity in cut]

    @cached_property
    def edges(self) -> Edges:
        """Every instance of every move that is not excluded."""
        edges = derive(self.estate)
        keep = np.ones(len(edges), np.bool_)
        if self.without:
            keep &= ~np.isin(edges.move, self.without)
        for term in self.cut:
            keep &= edges.to // positions.WIDTH != term
            keep &= (edges.start // positions.WIDTH != term).all(axis=1)
        return edges if keep.all() else edges.take(keep)

    @cached_property
    def graph(self) -> Graph:
        """The edges as a graph."""
        return Graph.of(self.edges)

    @cached_property
    def jewel_positions(self) -> NDArray[np.int64]:
        """Position numbers of the crown jewels in the graph, those that no move touches left out."""
        wanted = [positions.parse(self.estate, positions.default(jewel)) for jewel in jewels(self.estate)]
        found = self.graph.indices(np.array(wanted, np.int64))
        return found[found >= 0]

    def text(self, number: int) -> str:
        """`entity#capability` of a position number."""
        return positions.text(self.estate, int(self.graph.positions[number]))

    def footholds(self, wanted: Sequence[str]) -> list[int]:
        """Position numbers of what an attacker holds. Raises `UsageError` for what the estate lacks.

        A foothold that no move touches reaches nothing but itself; it is left out.
        """
        found = [self.graph.index(positions.parse(self.estate, one)) for one in wanted]
        return [at for at in found if at >= 0]

    def idle(self, wanted: Sequence[str]) -> list[str]:
        """Those of these positions that no move starts from or leads to: nothing is known to follow from them."""
        held = ["#".join(positions.split(one)) for one in wanted]
        return [one for one in held if self.graph.index(positions.parse(self.estate, one)) < 0]

    def default_footholds(self) -> list[str]:
        """Where attackers begin if the user names no place: workstations and the outside, else pods and jobs."""
        entities = [self.estate.terms.values[at] for at in self.estate.entities]
        for kinds in (("workstation",), ("job", "pod", "container"), tuple(KINDS)):
            chosen = [entity for entity in entities if kind_of(entity) in kinds]
            if kinds == ("workstation",):
                chosen += [entity for entity in entities if entity == OUTSIDE]
            shown = [positions.default(entity) for entity in chosen]
            if any(self.graph.index(positions.parse(self.estate, one)) >= 0 for one in shown):
                return shown
        return []

    def fallen(self, reached: Reached) -> dict[str, list[str]]:
        """Hosts on which a shell or an accelerator's memory is held → which; footholds left out."""
        owner = {fact.object: fact.subject for fact in self.estate.facts("has_gpu")}
        order = reached.order[~np.isin(reached.order, reached.footholds)]
        held = self.graph.positions[order]
        kind, capability = self.estate.kinds[held // positions.WIDTH], held % positions.WIDTH
        shell = (kind == _HOST) & np.isin(capability, _SHELLS)
        memory = (kind == _GPU) & (capability == positions.CAPABILITY_CODE["memory"])
        fallen: dict[str, dict[str, None]] = {}
        for position in held[shell | memory].tolist():
            entity, _, what = positions.text(self.estate, position).rpartition("#")
            if what != "memory":
                fallen.setdefault(entity, {})[f"a shell ({what})"] = None
            elif entity in owner:
                fallen.setdefault(owner[entity], {})["GPU memory"] = None
        return {host: list(what) for host, what in fallen.items()}

    # the four answers

    def moves(self) -> Iterator[dict[str, Any]]:
        """`ringfence moves --json`, one by one: a large estate has millions."""
        return (self._move(edge) for edge in range(len(self.edges)))

    def move_counts(self) -> dict[str, int]:
        """How many instances of each move, by id."""
        counts = np.bincount(self.edges.move, minlength=len(MOVES))
        return {move.id: int(count) for move, count in zip(MOVES, counts, strict=True) if count}

    def reach(self, wanted: Sequence[str]) -> dict[str, Any]:
        """`ringfence reach FROM… --json`: exact, the footholds held together."""
        held = [f"{entity}#{capability}" for entity, capability in map(positions.split, wanted)]
        feet = self.footholds(held)
        reached = reach_from(self.graph, feet)
        unknown = unknown_reached(self.graph, feet)
        return {
            "from": held,
            "reached": [self._reached(reached, at) for at in reached.order.tolist() if at not in reached.footholds],
            "count": len(reached) - len(reached.footholds),
            "unknown": [
                {"position": self.text(at), "fact": self.estate.fact(row).as_json() if row >= 0 else None}
                for at, row in unknown
            ],
        }

    def paths(self, wanted: Sequence[str], target: str, k: int = 10) -> list[dict[str, Any]]:
        """`ringfence paths FROM TO -k K --json`: the cheapest first; empty if there is none."""
        if k < 1:
            raise UsageError(f"{k} paths were asked for", "-k is 1 or more")
        feet = self.footholds(wanted)
        to = self.graph.index(positions.parse(self.estate, target))
        return self.paths_in(reach_from(self.graph, feet), to, k)

    def paths_in(self, reached: Reached, to: int, k: int = 10) -> list[dict[str, Any]]:
        """The same, to a position number, from a reach that is there already."""
        return [self._path(path) for path in paths_in(reached, to, k)]

    def worst(self, reached: Reached, most: int) -> list[dict[str, Any]]:
        """The quickest way to some jewels, each with its `target`: first one of each kind, then the next quickest."""
        lost = [at for at in self.jewel_positions.tolist() if reached.mask[at]]
        lost.sort(key=lambda at: (float(reached.minutes_high[at]), self.text(at)))
        first: dict[str, int] = {}
        for at in lost:
            first.setdefault(kind_of(self.text(at)), at)
        chosen = [*first.values(), *(at for at in lost if at not in first.values())][:most]
        return [{"target": self.text(at), **path} for at in chosen for path in self.paths_in(reached, at, 1)]

    def choke(self, wanted: Sequence[str] = ()) -> list[dict[str, Any]]:
        """`ringfence choke [FROM…] --json`: the cut that saves most per disturbed job first."""
        return [self.cut_shown(cut) for cut in self.cuts(wanted)]

    def cuts(self, wanted: Sequence[str] = ()) -> list[Cut]:
        """The same as values."""
        feet = self.footholds(wanted or self.default_footholds())
        return choke_points(self.estate, self.graph, feet, self.jewel_positions, [move.function for move in MOVES])

    def best_cuts(self, wanted: Sequence[str], cuts: Sequence[Cut], count: int = 3) -> list[dict[str, Any]]:
        """The few cuts that save most together; `jewels_saved` and `positions_saved` are sums so far."""
        feet = self.footholds(wanted)
        lost = self.jewel_positions[closure(self.graph, feet)[self.jewel_positions]]
        together = best_together(self.graph, feet, cuts, lost, count)
        return [
            {**self.cut_shown(cut), "jewels_saved": jewels_saved, "positions_saved": positions_saved}
            for cut, jewels_saved, positions_saved in together
        ]

    # shapes

    def cut_shown(self, cut: Cut) -> dict[str, Any]:
        """One entry of `choke`."""
        name = MOVES[cut.subject].id if cut.kind == "move" else self.estate.terms.values[cut.subject]
        return {
            "entity": name,
            "kind": cut.kind,
            "jewels_saved": cut.jewels,
            "positions_saved": cut.positions,
            "jobs_disturbed": cut.jobs,
            "exact": True,
        }

    def _starts(self, edge: int) -> list[str]:
        return [positions.text(self.estate, int(start)) for start in self.edges.start[edge] if start >= 0]

    def _because(self, edge: int) -> list[dict[str, Any]]:
        return [self.estate.fact(int(row)).as_json() for row in self.edges.because[edge] if row >= 0]

    def _move(self, edge: int) -> dict[str, Any]:
        move = MOVES[self.edges.move[edge]]
        return {
            "id": move.id,
            "aka": list(move.aka),
            "from": self._starts(edge),
            "to": positions.text(self.estate, int(self.edges.to[edge])),
            "because": self._because(edge),
            "unknown": bool(self.edges.unknown[edge]),
        }

    def _reached(self, reached: Reached, at: int) -> dict[str, Any]:
        entity, _, capability = self.text(at).rpartition("#")
        return {
            "entity": entity,
            "capability": capability,
            "hops": int(reached.hops[at]),
            "minutes": [round(float(reached.minutes_low[at]), 3), round(float(reached.minutes_high[at]), 3)],
        }

    def _path(self, path: Path) -> dict[str, Any]:
        return {
            "cost": round(path.high, 3),
            "minutes": [round(path.low, 3), round(path.high, 3)],
            "exact": path.exact,
            "steps": [self._step(edge) for edge in path.edges],
        }

    def _step(self, edge: int) -> dict[str, Any]:
        return {
            "from": self._starts(edge),
            "to": positions.text(self.estate, int(self.edges.to[edge])),
            "move": MOVES[self.edges.move[edge]].id,
            "because": self._because(edge),
        }


def move_index(name: str) -> int:
    """The index of a move by its id or name. Raises `UsageError`."""
    if name not in _MOVE_INDEX:
        raise UsageError(f"no move is called {name!r}", "docs/moves.md lists them")
    return _MOVE_INDEX[name]


def _term(estate: Estate, entity: str) -> int:
    term = estate.terms.find(entity)
    if term < 0:
        raise UsageError(f"{entity} is not in this estate", "`ringfence show --list KIND` lists what is")
    return term
