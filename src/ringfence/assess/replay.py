"""Would a past incident work here? Its steps asked of an estate and of what its entry reaches.

entry ──bind──▶ each candidate: do attackers come to it? ──▶ what does it alone reach? ──▶ step by step
"""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.analyse import positions
from ringfence.analyse.match import match
from ringfence.analyse.reach import Graph, closure
from ringfence.assess.check import When
from ringfence.assess.incident import Incident, Replay, Step, StepTold, Works
from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import KINDS

_MOST_ENTRIES = 64
"""Entries of one incident that are tried; those that attackers come to are tried first."""
_KIND = {name: code for code, name in enumerate(KINDS)}
_Masks = tuple[NDArray[np.bool_], NDArray[np.bool_]]


class Ground(msgspec.Struct, frozen=True):
    """An estate, its moves as a graph, and the footholds (position numbers) from which entries are looked for."""

    estate: Estate
    graph: Graph
    footholds: tuple[int, ...]


def replay(ground: Ground, incidents: Sequence[Incident]) -> list[Replay]:
    """Each incident through the entry by which most of its steps work."""
    outside = _masks(ground, ground.footholds)
    return [_best(ground, one, outside) for one in incidents]


def _best(ground: Ground, incident: Incident, outside: _Masks) -> Replay:
    played = [_play(ground, incident, entry, outside) for entry in _entries(ground, incident, outside)]
    if not played:
        return _nothing(ground.estate, incident)
    return max(played, key=lambda one: (_RANK[one.works], sum(_RANK[step.works] for step in one.steps)))


_THEIRS = "the attacker's own"
_RANK = {Works.YES: 3, Works.PART: 2, Works.UNKNOWN: 1, Works.NO: 0}


def _nothing(estate: Estate, incident: Incident) -> Replay:
    """There is no entry: surely, where every host was asked for what would show one."""
    silent = _not_asked(estate, incident.aspect)
    works = Works.UNKNOWN if silent else Works.NO
    why = f"nothing known here is {incident.entry.says}" + (f"; {silent}" if silent else "")
    steps = [(step, (Works.YES, _THEIRS) if step.theirs else (works, why)) for step in incident.steps]
    told = tuple(StepTold(step.technique, step.says, *how) for step, how in steps)
    return Replay(incident.id, incident.title, works, "", told, incident.ends)


def _not_asked(estate: Estate, aspect: str) -> str:
    """Who did not answer for an aspect, "" where there are hosts and every one did."""
    if not aspect:
        return "whether all of it was read is not known"
    answered = {one.subject for one in estate.facts("asked") if one.object == aspect and one.attributes.get("answered")}
    hosts = {estate.terms.values[at] for at in estate.entities if estate.kinds[at] == _KIND["host"]}
    if not hosts:
        return f"no host is known that could have answered for {aspect}"
    silent = sorted(hosts - answered)
    return f"{len(silent)} hosts did not answer for {aspect}, such as {silent[0]}" if silent else ""


def _entries(ground: Ground, incident: Incident, outside: _Masks) -> Iterator[dict[str, int]]:
    """Ways to bind the entry, those that attackers come to first."""
    found = match(ground.estate, incident.entry.facts, incident.entry.unless, incident.entry.kinds)
    if found is None:
        return
    names = sorted(found.variables)
    columns = np.unique(np.stack([found.variables[name] for name in names], axis=1), axis=0)
    reached = np.zeros(len(columns), np.int8)
    for one in incident.start:
        name, _, capability = one.rpartition("#")
        at = ground.graph.indices(positions.encode(columns[:, names.index(name)], capability))
        for mask, worth in zip(outside, (2, 1), strict=True):
            reached = np.maximum(reached, np.where((at >= 0) & mask[np.maximum(at, 0)], worth, 0).astype(np.int8))
    for row in np.argsort(-reached, kind="stable")[:_MOST_ENTRIES]:
        yield dict(zip(names, columns[row].tolist(), strict=True))


def _masks(ground: Ground, feet: Sequence[int]) -> _Masks:
    """(positions surely reached, positions reached if what is unknown holds)."""
    if not len(ground.graph):
        none = np.zeros(1, np.bool_)
        return none, none
    return closure(ground.graph, feet), closure(ground.graph, feet, with_unknown=True)


def _play(ground: Ground, incident: Incident, entry: dict[str, int], outside: _Masks) -> Replay:
    names = ground.estate.terms.values
    places = [one.rpartition("#") for one in incident.start]
    feet = [ground.graph.index(_encoded(entry[name], capability)) for name, _, capability in places]
    inside = _masks(ground, [foot for foot in feet if foot >= 0] if places else ground.footholds)
    steps: list[StepTold] = []
    doubt = ""
    for step in incident.steps:
        told = _step(ground, step, entry, outside if _enters(incident, step) else inside, doubt)
        doubt = doubt or (told.technique if told.works is Works.UNKNOWN else "")
        steps.append(told)
    about = incident.start[0].rpartition("#")[0] if incident.start else sorted(entry)[0]
    works, far, stops = _verdict(incident, steps)
    return Replay(incident.id, incident.title, works, names[entry[about]], tuple(steps), incident.ends, far, stops)


def _enters(incident: Incident, step: Step) -> bool:
    """A step that only comes to where the incident starts."""
    return bool(step.gains) and step.gains == incident.start


def _verdict(incident: Incident, steps: Sequence[StepTold]) -> tuple[Works, str, str]:
    """(in sum, how far all works, where it stops). What comes before the first gain must all work for any of it to."""
    pairs = list(zip(incident.steps, steps, strict=True))
    first = next((at for at, (step, _) in enumerate(pairs) if _gives(incident, step)), len(pairs) - 1)
    stops = next((told.technique for told in steps if told.works is Works.NO), "")
    leading = next((at for at, told in enumerate(steps) if told.works is not Works.YES), len(steps))
    if leading == len(steps):
        return Works.YES, steps[-1].technique, ""
    if leading > first:
        return Works.PART, steps[leading - 1].technique, stops
    refused = any(told.works is Works.NO for told in steps[: first + 1])
    return (Works.NO if refused else Works.UNKNOWN), "", stops


def _gives(incident: Incident, step: Step) -> bool:
    """Strangers have something here after this step: more than the way in, and more than that the entry is there."""
    same = step.facts is not None and step.facts.facts == incident.entry.facts
    return not (step.theirs or _enters(incident, step) or (same and not step.gains))


def _encoded(term: int, capability: str) -> int:
    return int(positions.encode(np.array([term], np.int32), capability)[0])


def _step(ground: Ground, step: Step, entry: dict[str, int], masks: _Masks, doubt: str) -> StepTold:
    """One step; `doubt`: the first step before it that is unknown. What is not reached may be reached by that one."""
    if step.theirs:
        return StepTold(step.technique, step.says, Works.YES, _THEIRS)
    facts, variables = _met(ground.estate, step.facts, entry) if step.facts else ((), _columns(entry))
    if step.facts and not facts:
        against = _met(ground.estate, step.not_if, entry)[0] if step.not_if else ()
        if against and step.not_if:
            return StepTold(step.technique, step.says, Works.NO, step.not_if.says, "", against)
        return StepTold(step.technique, step.says, Works.UNKNOWN, f"not known: whether {step.facts.says}")
    if not step.gains:
        return StepTold(step.technique, step.says, Works.YES, step.facts.says if step.facts else "", "", facts)
    if step.by:
        led, more = _met(ground.estate, step.by, entry)
        if not led:
            return StepTold(step.technique, step.says, Works.UNKNOWN, f"not known: whether {step.by.says}", "", facts)
        variables = variables | more
    for mask, works in zip(masks, (Works.YES, Works.UNKNOWN), strict=True):
        place = _gained(ground, step, variables, mask)
        if place:
            why = f"{place} is reached" if works is Works.YES else f"{place} is reached if what is unknown holds"
            return StepTold(step.technique, step.says, works, why, place, facts)
    if doubt:
        return StepTold(step.technique, step.says, Works.UNKNOWN, f"not known, as {doubt} before it is not", "", facts)
    return StepTold(step.technique, step.says, Works.NO, f"nobody comes to {' or '.join(step.gains)}", "", facts)


def _columns(entry: dict[str, int]) -> dict[str, NDArray[np.int32]]:
    """A binding as columns of one row."""
    return {name: np.array([term], np.int32) for name, term in entry.items()}


def _met(estate: Estate, when: When, entry: dict[str, int]) -> tuple[tuple[Fact, ...], dict[str, NDArray[np.int32]]]:
    """(the facts of the first way to meet a condition with these variables bound, all ways' variables)."""
    found = match(estate, when.facts, when.unless, when.kinds, given=_columns(entry))
    if found is None:
        return (), {}
    first = int(np.lexsort([*reversed(found.rows)])[0])
    return tuple(estate.fact(int(rows[first])) for rows in found.rows), dict(found.variables)


def _gained(ground: Ground, step: Step, variables: dict[str, NDArray[np.int32]], mask: NDArray[np.bool_]) -> str:
    """The first position of `gains` that is reached, "" for none."""
    graph, estate = ground.graph, ground.estate
    for one in step.gains:
        name, _, capability = one.rpartition("#")
        if name.startswith("*"):
            terms = np.flatnonzero(estate.kinds == _KIND[name[1:]]).astype(np.int32)
        elif name in variables:
            terms = np.unique(variables[name])
        else:
            terms = np.array([estate.terms.find(name)], np.int32)
        terms = terms[terms >= 0]
        at = graph.indices(positions.encode(terms, capability))
        hit = (at >= 0) & mask[np.maximum(at, 0)]
        if hit.any():
            chosen = min(estate.terms.values[term] for term in terms[hit])
            return f"{chosen}#{capability}"
    return ""
