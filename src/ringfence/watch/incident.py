"""Signals that belong together become one incident.

        Signal ─▶ shares a host, a job or an account with an open incident? ─▶ joins it, or begins one
               ─▶ two incidents that turn out to be one are merged
               ─▶ told once it is worth it: one grave signal, or several that agree

What is not worth telling yet is kept all the same, and joins when more comes. Ids derive from the first signal, so a
replay makes the same incidents.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256

import msgspec

from ringfence.estate import ids
from ringfence.watch.detector import View
from ringfence.watch.rating import CONTEXT, rated, worth
from ringfence.watch.site import Site
from ringfence.watch.values import Incident, Signal

HOUR = 3600 * 1_000_000
TOGETHER = 2 * HOUR
"""Microseconds within which a signal joins an incident that it shares an entity with."""
QUIET = 24 * HOUR
"""An incident without a new signal for this long is closed."""
_LONGEST = 1000
MOST_SIGNALS, MOST_ENTITIES, MOST_OPEN = 64, 256, 50_000

OPEN, CLOSED, DISMISSED = "open", "closed", "dismissed"

JOINS = ("host", "job", "pod", "identity", "workstation", "bmc", "gpu", "ibport", "component", "credential", "source")
"""Kinds of entity by which signals belong together. A model or a network is touched by too many to tell."""
COMMON_HOSTS = 8
"""An account that signals name on more hosts than this is everybody's: it joins nothing."""
EVERYBODY = ("identity:root", "identity:*", "host:", "job:")


class Joining(msgspec.Struct):
    """What is open. `shown` are incidents that were told; `places` are the hosts on which an account was named."""

    open: dict[str, Incident] = {}
    by_entity: dict[str, str] = {}
    shown: set[str] = set()
    places: dict[str, list[str]] = {}
    swept: int = 0
    forgotten: int = 0


class Joiner:
    """Joins signals into incidents, and rates them by what the site says is at stake."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def join(self, state: Joining, signals: Iterable[Signal], now: int, view: View) -> Iterator[Incident]:
        """The incidents that are new, changed or closed by these signals and this time, each once."""
        touched: dict[str, None] = {}
        gone: list[Incident] = []
        for one in map(plain, signals):
            found = self._add(state, one, gone)
            if found:
                touched[found] = None
        yield from (one for one in gone if one.id in state.shown)
        for id_ in touched:
            incident = state.open.get(id_)
            if incident is None or (id_ not in state.shown and not worth(incident.signals)):
                continue
            state.shown.add(id_)
            state.open[id_] = rated(msgspec.structs.replace(incident, version=incident.version + 1), view)
            yield state.open[id_]
        if now - state.swept > HOUR // 60:
            state.swept = now
            yield from self._sweep(state, now)

    def hold(self, state: Joining, signals: Iterable[Signal]) -> None:
        """Signals that were held back as habits: they are counted in the incidents that they would have joined."""
        for one in signals:
            for id_ in {state.by_entity[key] for key in _keys(state, one) if key in state.by_entity}:
                incident = state.open[id_]
                state.open[id_] = msgspec.structs.replace(incident, suppressed=incident.suppressed + one.count)

    def dismiss(self, state: Joining, id_: str, verdict: str) -> Incident | None:
        """An operator says what an open incident was (`benign` or `confirmed`); None where it is not open."""
        incident = state.open.get(id_)
        return (
            _end(state, incident, DISMISSED if verdict == "benign" else CLOSED, {"verdict": verdict})
            if incident
            else None
        )

    def _add(self, state: Joining, one: Signal, gone: list[Incident]) -> str:
        keys = _keys(state, one)
        found = []
        for key in keys:
            id_ = state.by_entity.get(key)
            if id_ and id_ not in found and abs(one.time - state.open[id_].updated) <= TOGETHER:
                found.append(id_)
        if not found and one.severity < CONTEXT:
            return ""
        if not found:
            begun = _begun(one)
            found = [begun.id]
            if begun.id not in state.open:
                _make_room(state)
                state.open[begun.id] = begun
        found.sort(key=lambda id_: (state.open[id_].opened, id_))
        kept = state.open[found[0]]
        for id_ in found[1:]:
            other = state.open[id_]
            keys += [entity for entity in other.entities if state.by_entity.get(entity) == id_]
            kept = _merged(kept, other)
            gone.append(_end(state, other, CLOSED, {"merged into": kept.id}))
        state.open[kept.id] = _with(kept, one)
        state.by_entity |= dict.fromkeys(keys, kept.id)
        return kept.id

    def _sweep(self, state: Joining, now: int) -> Iterator[Incident]:
        for incident in [one for one in state.open.values() if now - one.updated > QUIET]:
            was_shown = incident.id in state.shown
            ended = _end(state, incident, CLOSED, {"closed": "nothing new for a day"})
            if was_shown:
                yield ended


def plain(one: Signal) -> Signal:
    """The signal with names as ids are written: what an event bears may reach a terminal by way of an incident."""
    said = (one.title, one.key, one.why, *one.entities, *one.holds, *one.sources, *one.peers)
    if all(text.isprintable() and len(text) <= _LONGEST for text in said):
        return one
    return msgspec.structs.replace(
        one,
        title=ids.clean(one.title),
        key=ids.clean(one.key),
        why=ids.clean(one.why[:_LONGEST]),
        entities=tuple(map(ids.clean, one.entities)),
        holds=tuple(map(ids.clean, one.holds)),
        sources=tuple(map(ids.clean, one.sources)),
        peers=tuple(map(ids.clean, one.peers)),
    )


def _begun(one: Signal) -> Incident:
    digest = sha256(f"{one.name}|{one.key}|{one.time}".encode()).hexdigest()
    return Incident(
        id=f"RF-{digest[:12]}",
        title=one.title,
        state=OPEN,
        version=0,
        opened=one.since or one.time,
        updated=one.time,
        severity=one.severity,
        confidence=one.confidence,
        entities=(),
        signals=(),
    )


def _with(incident: Incident, one: Signal) -> Incident:
    """The incident with one more signal; one that it has already is counted into it."""
    signals = list(incident.signals)
    for at, before in enumerate(signals):
        if (before.name, before.key) == (one.name, one.key):
            signals[at] = msgspec.structs.replace(
                one, since=before.since or before.time, count=before.count + one.count
            )
            break
    else:
        signals.append(one)
    if len(signals) > MOST_SIGNALS:  # the least grave goes, never the newest; its entities stay
        signals.remove(min(signals[:-1], key=lambda each: (each.severity * each.confidence, each.time)))
    return msgspec.structs.replace(
        incident,
        updated=max(incident.updated, one.time),
        opened=min(incident.opened, one.since or one.time),
        signals=tuple(signals),
        entities=_joined(incident.entities, one.entities)[:MOST_ENTITIES],
        sources=_joined(incident.sources, (source.partition("/")[0] for source in one.sources))[:MOST_ENTITIES],
        threats=_joined(incident.threats, one.threats),
        atlas=_joined(incident.atlas, one.atlas),
        attack=_joined(incident.attack, one.attack),
    )


def _merged(kept: Incident, other: Incident) -> Incident:
    for one in other.signals:
        kept = _with(kept, one)
    return msgspec.structs.replace(kept, entities=_joined(kept.entities, other.entities)[:MOST_ENTITIES])


def _end(state: Joining, incident: Incident, how: str, why: dict[str, str]) -> Incident:
    ended = msgspec.structs.replace(incident, state=how, version=incident.version + 1, why={**incident.why, **why})
    state.open.pop(incident.id, None)
    for entity in incident.entities:
        if state.by_entity.get(entity) == incident.id:
            del state.by_entity[entity]
    return ended


def _keys(state: Joining, one: Signal) -> list[str]:
    """The entities by which a signal belongs to an incident."""
    hosts = [entity for entity in one.entities if entity.startswith("host:")]
    found = []
    for entity in one.entities:
        if entity.partition(":")[0] not in JOINS or entity in EVERYBODY:
            continue
        if entity.startswith("identity:"):
            places = state.places.setdefault(entity, [])
            places += [host for host in hosts if host not in places and len(places) <= COMMON_HOSTS]
            if len(places) > COMMON_HOSTS:
                continue
        found.append(entity)
    return found or [f"source:{source}" for source in one.sources[:1]]


def _make_room(state: Joining) -> None:
    """The oldest that was never told goes where a flood has opened too many; it is counted."""
    if len(state.open) < MOST_OPEN:
        return
    untold = (one for one in state.open.values() if one.id not in state.shown)
    oldest = min(untold, key=lambda one: one.updated, default=None)
    if oldest is not None:
        _end(state, oldest, CLOSED, {})
        state.forgotten += 1


def _joined(before: tuple[str, ...], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*before, *more)))
