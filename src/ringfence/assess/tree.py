"""Attack trees: a threat on one subject, the ways it comes true (OR), and what each needs (AND).

threat on a subject
└ OR  way: by facts ─ the facts that open it
      way: by reach ─ a position ─ OR over the moves that lead there ─ AND over what a move starts from …
"""

from collections.abc import Mapping, Sequence

import msgspec

from ringfence.assess.threat import Finding, State, WayFound
from ringfence.estate.facts import Fact

OR, AND, LEAF = "or", "and", ""
_DEEPEST = 60
_MOST = 400
"""Nodes of one tree beyond which branches are cut short and say so."""


class Hop(msgspec.Struct, frozen=True):
    """One step of a path: from all of `start` to `to`, by a move, resting on facts in a few words."""

    move: str
    title: str
    start: tuple[str, ...]
    to: str
    because: tuple[str, ...] = ()


class Node(msgspec.Struct, frozen=True):
    """A node. `gate`: whether any or all of its children are needed; a leaf has none."""

    text: str
    state: State
    gate: str = LEAF
    children: tuple["Node", ...] = ()


def tree(title: str, finding: Finding, paths: Mapping[str, Sequence[Sequence[Hop]]]) -> Node:
    """The tree of one finding. `paths`: position → some ways to it, each in an order that can be walked."""
    grower = _Grower(paths)
    ways = tuple(grower.way(one) for one in finding.ways)
    return Node(f"{finding.threat}: {title}, of {finding.subject}", finding.state, OR, ways)


class _Grower:
    def __init__(self, paths: Mapping[str, Sequence[Sequence[Hop]]]) -> None:
        self.paths = paths
        self.left = _MOST

    def way(self, way: WayFound) -> Node:
        if way.state is not State.OPEN:
            facts = tuple(Node(told(fact), way.state) for fact in way.facts)
            text = f"{way.title}: {way.says}"
            return Node(text, way.state, AND if facts else LEAF, facts)
        branches = [
            Node(says, way.state, AND, tuple(Node(told(fact), way.state) for fact in some)) for says, some in way.opened
        ]
        branches += [self.position(one) for one in way.positions]
        return Node(way.title, way.state, OR, tuple(branches))

    def position(self, position: str) -> Node:
        by_goal: dict[str, dict[object, Hop]] = {}
        for path in self.paths.get(position, ()):
            for hop in path:
                by_goal.setdefault(hop.to, {}).setdefault((hop.move, hop.start), hop)
        return self._goal(position, by_goal, ())

    def _goal(self, position: str, by_goal: Mapping[str, Mapping[object, Hop]], above: tuple[str, ...]) -> Node:
        self.left -= 1
        hops = [hop for hop in by_goal.get(position, {}).values() if not set(hop.start) & {*above, position}]
        if not hops:
            return Node(position, State.OPEN)
        if len(above) > _DEEPEST or self.left <= 0:
            return Node(f"{position} (and what leads there)", State.OPEN)
        branches = tuple(self._hop(hop, by_goal, (*above, position)) for hop in hops)
        return branches[0] if len(branches) == 1 else Node(position, State.OPEN, OR, branches)

    def _hop(self, hop: Hop, by_goal: Mapping[str, Mapping[object, Hop]], above: tuple[str, ...]) -> Node:
        starts = tuple(self._goal(one, by_goal, above) for one in hop.start)
        return Node(f"{hop.to}  [{hop.move}] {hop.title}", State.OPEN, AND, starts)


def told(fact: Fact) -> str:
    """A fact in a few words."""
    more = "".join(f", {name}={value}" for name, value in sorted(fact.attributes.items()))
    return f"{fact.subject} {fact.predicate} {fact.object}{more}"
