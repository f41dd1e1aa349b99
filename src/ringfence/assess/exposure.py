"""From threats and an estate to how each stands, all subjects of a threat at once.

        each ──▶ subjects ─┬▶ way: opened by facts? reached? ──▶ open
                           └▶ else a control with all its facts? ──▶ shut | unknown

Columns first (`exposure`), values for those that somebody looks at (`finding`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.analyse import positions
from ringfence.analyse.match import match, names_of
from ringfence.assess.check import IT, When
from ringfence.assess.every import facts_of, ways
from ringfence.assess.threat import Control, Finding, State, Threat, Way, WayFound
from ringfence.assess.threats import THREATS
from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import CAPABILITIES, KINDS, PREDICATES
from ringfence.estate.threats import THREATS as TITLES

_Ints = NDArray[np.int32]
_Bools = NDArray[np.bool_]
_MOST_FACTS = 12
_MOST_POSITIONS = 8
_KIND = {name: code for code, name in enumerate(KINDS)}
ORDER = (State.OPEN, State.UNKNOWN, State.MITIGATED)
"""The worst first: what `Exposure.state` counts from 0."""


NOTHING = "nothing here"
"""What is said of a threat that nothing known here is about: no word on whether there is such a thing."""


class Held(msgspec.Struct, frozen=True):
    """Which positions (`analyse.positions`, ascending) attackers come to: surely, or only if what is unknown holds.

    What they hold from the start is in neither. Whoever cannot say passes nothing; no way is shut then that `reach`
    would open.
    """

    known: positions.Positions
    maybe: positions.Positions


class Exposure(msgspec.Struct, frozen=True):
    """A threat over all its subjects: `subjects` (n term codes, ascending) and per subject an index of `ORDER`.

    `ways`: (way × n), the same for each way; -1 where the way is not about that kind of subject.
    """

    threat: Threat
    subjects: _Ints
    state: NDArray[np.int8]
    ways: NDArray[np.int8]

    def counts(self) -> dict[State, int]:
        """How many subjects of each state."""
        found = np.bincount(self.state, minlength=len(ORDER))
        return {state: int(count) for state, count in zip(ORDER, found, strict=True)}

    @property
    def worst(self) -> State:
        """In sum. What threatens nothing that is known is unknown: somebody may have it and was not asked."""
        return ORDER[int(self.state.min())] if len(self.state) else State.UNKNOWN

    @property
    def said(self) -> str:
        """The same in words, which tell what threatens nothing known here apart from what could not be judged."""
        return self.worst.value if len(self.subjects) else NOTHING


def exposure(estate: Estate, held: Held | None, threats: Sequence[Threat] = THREATS) -> list[Exposure]:
    """How every threat stands on everything that it threatens."""
    return [_exposed(estate, threat, held) for threat in threats]


def _exposed(estate: Estate, threat: Threat, held: Held | None) -> Exposure:
    subjects = subjects_of(estate, threat)
    ways = np.stack([_way(estate, way, subjects, held) for way in threat.ways])
    about = np.where(ways < 0, np.int8(len(ORDER)), ways)
    state = about.min(axis=0, initial=len(ORDER) - 1) if len(subjects) else np.zeros(0, np.int8)
    # where no way is about a subject, nothing is known of it
    state = np.where((ways < 0).all(axis=0), np.int8(1), state) if len(subjects) else state
    return Exposure(threat, subjects, state.astype(np.int8), ways)


def subjects_of(estate: Estate, threat: Threat) -> _Ints:
    """The term codes of what a threat threatens, ascending."""
    parts = [np.zeros(0, np.int32)]
    for when in threat.each:
        found = match(estate, when.facts, when.unless, when.kinds)
        if found is not None:
            parts.append(found.variables[IT])
    return np.unique(np.concatenate(parts))


def _way(estate: Estate, way: Way, subjects: _Ints, held: Held | None) -> NDArray[np.int8]:
    state = np.ones(len(subjects), np.int8)
    reached, maybe = _reach(estate, way, subjects, held)
    for control in way.shut:
        holds = np.ones(len(subjects), np.bool_)
        for when in control.rests:
            holds &= _met(estate, when, subjects)
        state[holds & ~maybe] = 2
    opened = reached.copy()
    for when in way.opens:
        opened |= _met(estate, when, subjects)
    state[opened] = 0
    if way.about:
        kinds = np.array([_KIND[name] for name in way.about])
        state[~np.isin(estate.kinds[subjects], kinds)] = -1
    return state


def _met(estate: Estate, when: When, subjects: _Ints) -> _Bools:
    """Which subjects meet a condition."""
    found = ways(estate, when)
    return np.isin(subjects, found.variables[IT]) if found is not None else np.zeros(len(subjects), np.bool_)


def _reach(estate: Estate, way: Way, subjects: _Ints, held: Held | None) -> tuple[_Bools, _Bools]:
    """(which subjects somebody reaches, which only perhaps). Where nobody can say, all of them perhaps."""
    none = np.zeros(len(subjects), np.bool_)
    if not way.reach:
        return none, none.copy()
    if held is None:
        return none, np.ones(len(subjects), np.bool_)
    masks = [none, none.copy()]
    for its, other, capability in _pairs(estate, way, subjects):
        wanted = positions.encode(other, capability)
        for mask, come_to in zip(masks, (held.known, held.maybe), strict=True):
            mask |= np.isin(subjects, its[_within(wanted, come_to)])
    return masks[0], masks[1]


def _pairs(estate: Estate, way: Way, subjects: _Ints) -> Iterator[tuple[_Ints, _Ints, str]]:
    """(subjects, what is reached of each, the capability) for every position that the way names."""
    found = match(estate, way.by, given={IT: subjects}) if way.by and len(subjects) else None
    for one in way.reach:
        name, _, capability = one.rpartition("#")
        if name == IT:
            yield subjects, subjects, capability
        elif found is not None:
            yield found.variables[IT], found.variables[name], capability


def _within(wanted: positions.Positions, known: positions.Positions) -> _Bools:
    at = np.searchsorted(known, wanted)
    inside = at < len(known)
    inside[inside] = known[at[inside]] == wanted[inside]
    return inside


def findings(
    estate: Estate, exposed: Exposure, held: Held | None, states: Sequence[State] = ORDER, most: int = 1 << 30
) -> Iterator[Finding]:
    """The subjects in these states as values, the worst first, then by name; `most` of them."""
    wanted = [ORDER.index(state) for state in states]
    chosen = [at for at in range(len(exposed.subjects)) if exposed.state[at] in wanted]
    chosen.sort(key=lambda at: (int(exposed.state[at]), estate.terms.values[exposed.subjects[at]]))
    for at in chosen[:most]:
        yield finding(estate, exposed, held, at)


def finding(estate: Estate, exposed: Exposure, held: Held | None, at: int) -> Finding:
    """One subject (by its place among `subjects`), with the facts and positions of each way."""
    term = exposed.subjects[at : at + 1]
    stood = zip(exposed.threat.ways, exposed.ways[:, at].tolist(), strict=True)
    ways = tuple(_found(estate, way, term, ORDER[state], held) for way, state in stood if state >= 0)
    state = ORDER[int(exposed.state[at])]
    why = [f"{one.title}: {one.says}" for one in ways if one.state is state]
    name = estate.terms.values[term[0]]
    return Finding(exposed.threat.id, name, state, "; ".join(why) or "no way is about such a thing", ways)


def _found(estate: Estate, way: Way, term: _Ints, state: State, held: Held | None) -> WayFound:
    come_to = (
        [_positions(estate, way, term, held.known), _positions(estate, way, term, held.maybe)] if held else [(), ()]
    )
    if state is State.OPEN:
        met = tuple((when.says, facts) for when in way.opens if (facts := facts_of(estate, when, term)) is not None)
        says = [said for said, _ in met] + [f"somebody comes to {one}" for one in come_to[0][:1]]
        facts = _once(fact for _, some in met for fact in some)
        told = "; ".join(dict.fromkeys(says))
        return WayFound(way.title, state, told, facts, come_to[0], come_to[1], opened=met)
    if state is State.MITIGATED:
        control = next(one for one in way.shut if not _missing(estate, one, term))
        return WayFound(way.title, state, control.title, _evidence(estate, control, term), control=control.title)
    missing = _nearest(estate, way, term)
    if come_to[1]:
        missing = f"whether somebody comes to {come_to[1][0]}"
    elif way.reach and held is None:
        missing = "who comes to " + " or ".join(way.reach)
    facts = _once(fact for one in way.shut for fact in _evidence(estate, one, term))
    return WayFound(way.title, state, f"not known: {missing}", facts, (), come_to[1], "", missing)


def _nearest(estate: Estate, way: Way, term: _Ints) -> str:
    """What lacks of the control that lacks least."""
    lacking = [lack for one in way.shut if (lack := _missing(estate, one, term))]
    return "whether " + (min(lacking, key=len)[0] if lacking else "anything shuts this")


def _missing(estate: Estate, control: Control, term: _Ints) -> list[str]:
    return [when.says or "a fact" for when in control.rests if facts_of(estate, when, term) is None]


def _evidence(estate: Estate, control: Control, term: _Ints) -> tuple[Fact, ...]:
    return _once(fact for when in control.rests for fact in facts_of(estate, when, term) or ())


def _once(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    unique = {(one.subject, one.predicate, one.object, one.source): one for one in facts}
    return tuple(unique.values())[:_MOST_FACTS]


def _positions(estate: Estate, way: Way, term: _Ints, known: positions.Positions) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for _, other, capability in _pairs(estate, way, term):
        wanted = np.unique(positions.encode(other, capability))
        for one in wanted[_within(wanted, known)][:_MOST_POSITIONS].tolist():
            found[positions.text(estate, one)] = None
    return tuple(found)[:_MOST_POSITIONS]


def check_threats(threats: Sequence[Threat], titles: Mapping[str, str] = TITLES) -> None:
    """Refuse threats that no estate could meet. Raises `ValueError`: a fault of ours, found by the tests."""
    for threat in threats:
        conditions = [*threat.each]
        for way in threat.ways:
            conditions += [*way.opens, *(when for one in way.shut for when in one.rests)]
            known = {IT}.union(*map(names_of, way.by))
            bad = [one for one in way.reach if not _names(one, known)]
            if bad or not way.shut or not (way.opens or way.reach):
                raise ValueError(f"{threat.id}: {way.title}: {bad or 'nothing opens it, or nothing shuts it'}")
        for when in conditions:
            unknown = [atom.predicate for atom in when.facts if atom.predicate not in PREDICATES]
            if unknown or IT not in set[str]().union(*map(names_of, when.facts)):
                raise ValueError(f"{threat.id}: unknown predicates {unknown}, or a condition without {IT!r}")
        if threat.id not in titles or not threat.each or not threat.ways:
            raise ValueError(f"{threat.id}: no such threat, or nothing that it threatens")


def _names(position: str, known: set[str]) -> bool:
    name, _, capability = position.rpartition("#")
    return name in known and capability in CAPABILITIES
