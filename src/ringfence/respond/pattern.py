"""Patterns (`wire.pattern`) of incidents: made of the way that one went, encoded, read back with every name checked."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import msgspec

from ringfence.analyse.moves import MOVES
from ringfence.analyse.rule import Is
from ringfence.errors import InputError
from ringfence.estate.kinds import CAPABILITIES, KINDS, OUTSIDE, PREDICATES, kind_of
from ringfence.estate.threats import THREATS
from ringfence.respond.verbs import VERBS
from ringfence.watch.values import Incident
from ringfence.wire.pattern import FORMAT, LARGEST, Node, Pattern, Place, Shape, Step, Stop

__all__ = [
    "FORMAT",
    "LARGEST",
    "Hop",
    "Node",
    "Pattern",
    "Place",
    "Shape",
    "Step",
    "Stop",
    "encode",
    "pattern_of",
    "read",
]

_MOVES = frozenset(move.id for move in MOVES)
_CVE = re.compile(r"\ACVE-\d{4}-\d{4,7}\Z", re.ASCII)
_SIGNAL = re.compile(r"\A(?:RF\.D\d{2,3}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z", re.ASCII)
_ATLAS = re.compile(r"\AAML\.T\d{4}(?:\.\d{3})?\Z", re.ASCII)
_ATTACK = re.compile(r"\AT\d{4}(?:\.\d{3})?\Z", re.ASCII)


class Hop(msgspec.Struct, frozen=True):
    """One step of a way as the estate has it: positions, the move's id, and the facts (subject, predicate, object)."""

    start: tuple[str, ...]
    to: str
    move: str
    because: tuple[tuple[str, str, str], ...] = ()
    minutes: tuple[float, float] = (0.0, 0.0)


def pattern_of(
    incident: Incident, hops: Sequence[Hop], stops: Iterable[tuple[str, str]] = (), verbs: Iterable[str] = ()
) -> Pattern:
    """The pattern of an incident whose way was `hops`. `stops`: ("move", id) or ("entity", its id), the best first."""
    nodes = _Nodes()
    steps = tuple(
        Step(
            hop.move,
            tuple(nodes.place(one) for one in hop.start),
            nodes.place(hop.to),
            tuple(Shape(verb, nodes.number(one), nodes.number(other)) for one, verb, other in hop.because),
            hop.minutes,
        )
        for hop in hops
    )
    starts: dict[Place, None] = {}
    reached: dict[Place, None] = {}
    for step in steps:
        starts |= dict.fromkeys(place for place in step.start if place not in reached)
        reached[step.to] = None
    used = {place for step in steps for place in step.start}
    ends = [place for place in reached if place not in used]
    return Pattern(
        FORMAT,
        tuple(one for one in incident.threats if one in THREATS),
        tuple(one for one in incident.atlas if _ATLAS.match(one)),
        tuple(one for one in incident.attack if _ATTACK.match(one)),
        tuple(dict.fromkeys(one.name for one in incident.signals if _SIGNAL.match(one.name))),
        nodes.all(),
        tuple(starts),
        steps,
        tuple(ends),
        tuple(
            Stop(move=what) if kind == "move" else Stop(node=nodes.known[what])
            for kind, what in stops
            if kind == "move" or what in nodes.known
        ),
        tuple(dict.fromkeys(one for one in verbs if one in VERBS)),
    )


def encode(pattern: Pattern) -> bytes:
    """The file."""
    return msgspec.json.format(msgspec.json.encode(pattern), indent=1) + b"\n"


def read(data: bytes) -> Pattern:
    """The pattern in a file. Raises `InputError` that names what this version does not know, or what does not fit."""
    if len(data) > LARGEST:
        raise InputError(f"a pattern of {len(data)} bytes; {LARGEST} are read")
    try:
        found = msgspec.json.decode(data, type=Pattern)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"not a pattern: {error}"[:300]) from None
    if found.format != FORMAT:
        raise InputError(f"a pattern of format {found.format[:50]!r}; {FORMAT} is read")
    for what in _wrong(found):
        raise InputError(what[:300], remedy="write it again with `ringfence postmortem`")
    return found


class _Nodes:
    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def number(self, term: str) -> int:
        return self.known.setdefault(term, len(self.known))

    def place(self, position: str) -> Place:
        entity, _, capability = position.rpartition("#")
        return Place(self.number(entity), capability)

    def all(self) -> tuple[Node, ...]:
        return tuple(_node(term) for term in self.known)


def _node(term: str) -> Node:
    return Node(kind_of(term), term if _may_be_told(term) else "")


def _may_be_told(value: str) -> bool:
    return value in _constants() or bool(_CVE.match(value))


@cache
def _constants() -> frozenset[str]:
    """Values and entities that our own moves name: the same at every site."""
    slots = (
        slot for move in MOVES for rule in move.rules for atom in rule.facts for slot in (atom.subject, atom.object)
    )
    return frozenset({OUTSIDE, *(slot.term for slot in slots if isinstance(slot, Is))})


def _wrong(found: Pattern) -> Iterator[str]:
    """What does not fit, the first of each kind."""
    yield from (f"threat {one!r} is not known here" for one in found.threats if one not in THREATS)
    yield from (f"{one!r} is no technique of ATLAS" for one in found.atlas if not _ATLAS.match(one))
    yield from (f"{one!r} is no technique of ATT&CK" for one in found.attack if not _ATTACK.match(one))
    yield from (f"{one!r} is no detector and no rule" for one in found.signals if not _SIGNAL.match(one))
    yield from (f"{one!r} is not a verb of ours" for one in found.verbs if one not in VERBS)
    for at, node in enumerate(found.nodes):
        told = not node.value or (kind_of(node.value) == node.kind and _may_be_told(node.value))
        if (node.kind and node.kind not in KINDS) or not told:
            yield f"node {at}: {node.kind!r} {node.value!r} is not known here"
    for where, place in _places(found):
        if place.node >= len(found.nodes) or not found.nodes[place.node].kind or place.capability not in CAPABILITIES:
            yield f"{where}: {place.capability!r} of node {place.node} is no position"
    held = set(found.starts)
    for at, step in enumerate(found.steps):
        if step.move not in _MOVES:
            yield f"step {at}: this version knows no move {step.move!r}"
        if not set(step.start) <= held:
            yield f"step {at}: it starts where nobody has come"
        held.add(step.to)
        for fact in step.facts:
            if fact.predicate not in PREDICATES or max(fact.subject, fact.object) >= len(found.nodes):
                yield f"step {at}: {fact.predicate!r} is no fact between nodes of the pattern"
    yield from (f"the end of node {one.node} is not reached" for one in found.ends if one not in held)
    for stop in found.stops:
        if (stop.move not in _MOVES) if stop.move else not 0 <= stop.node < len(found.nodes):
            yield f"a stop that is neither a move nor a node: {stop.move or stop.node!r}"


def _places(found: Pattern) -> Iterator[tuple[str, Place]]:
    yield from (("starts", one) for one in found.starts)
    yield from (("ends", one) for one in found.ends)
    yield from ((f"step {at}", one) for at, step in enumerate(found.steps) for one in (*step.start, step.to))
