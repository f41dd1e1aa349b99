"""From an incident to the cheapest cuts that end it.

        Incident ─▶ believe (a forger is believed about itself alone) ─▶ held positions, hosts, accounts
                 ─▶ grade ─▶ separate (from jewels; from the outside where something is lost)
                 ─▶ measures that fit what was noticed ─▶ what makes it last ─▶ Plan, in the order of doing

Pure: the same incident on the same ground gives the same plan, in whatever order its signals came.
"""

from collections.abc import Iterable, Mapping

import msgspec
import numpy as np

from ringfence.respond.grade import grade
from ringfence.respond.ground import Ground
from ringfence.respond.measures import measure
from ringfence.respond.plan_cuts import Gathered, lasting, measured_cuts
from ringfence.respond.plan_held import Held, believed, held_by
from ringfence.respond.separate import Feet, Search, Separation, separate
from ringfence.respond.separate_options import Options
from ringfence.respond.values import Plan
from ringfence.respond.verbs import VERBS, Grade
from ringfence.watch.values import Incident, Signal

_SHOWN = 3


class Scope(msgspec.Struct, frozen=True):
    """Where things stand before anything is cut.

    `feet`: positions that the attacker has, with what they yield on their own hosts; `goals`: what is to be saved;
    `lost`: jewels that they have. `minutes` [low, high] to the nearest goal; `reaches`: whether there is a way at all.
    """

    feet: Feet
    goals: tuple[int, ...]
    lost: tuple[int, ...]
    minutes: tuple[float, float]
    reaches: bool


def plan(
    incident: Incident,
    ground: Ground,
    now: float,
    never: frozenset[str] = frozenset(),
    measured: Mapping[str, float] | None = None,
    hard: bool = False,
) -> Plan:
    """The plan for an incident, at `now` (seconds since the epoch).

    `never`: hosts, jobs and accounts that are not cut. `measured`: verb → p99 seconds of this site, for those that it
    has measured. `hard`: switching ports off is allowed. Raises nothing: what is not known is told in `unknown`.
    """
    signals = believed(incident)
    held = held_by(incident, signals, ground)
    scope = _scope(incident, signals, held, ground)
    level = grade(incident, scope.minutes, scope.reaches or bool(scope.lost))
    up_to = Grade.HARD if hard and level == Grade.EXPEL else level
    options = Options(ground, up_to, never, held.users, held.hosts)
    parted = separate(options, scope.feet, np.array(scope.goals, np.int64))
    parted = _sooner(parted, options, scope, measured or {}, hard)
    gathered = Gathered(ground, never)
    for one in parted.chosen:
        gathered.option(one, parted.path.get(one.name))
    measured_cuts(gathered, signals, held, up_to, bool(parted.chosen) and not parted.left)
    lasting(gathered, signals, held, up_to)
    return _told(incident, ground, now, scope, parted, gathered, held, measured or {})


def _scope(incident: Incident, signals: Iterable[Signal], held: Held, ground: Ground) -> Scope:
    """What is held, lost and to be saved."""
    feet = Feet(held.feet, held.bound)
    if not feet.firm and not feet.bound:
        return Scope(feet, (), (), (0.0, 0.0), False)
    near = Search(ground, feet, ()).reached(~ground.is_local)
    lost = ground.jewels[near[ground.jewels]]
    goals = ground.jewels[~near[ground.jewels]]
    leaves = len(lost) or any(measure(one).out for one in signals)
    if leaves and ground.outside >= 0 and not near[ground.outside]:
        goals = np.append(goals, ground.outside)
    bound = {at for at, _ in held.bound}
    feet = Feet(tuple(at for at in np.flatnonzero(near).tolist() if at not in bound), held.bound)
    path = Search(ground, feet, goals).path()
    minutes = incident.stake.minutes
    if path is not None and not (incident.stake.known and incident.stake.jewels):
        edges = ground.graph.edges
        minutes = (float(edges.low[list(path.edges)].sum()), float(edges.high[list(path.edges)].sum()))
    return Scope(feet, tuple(goals.tolist()), tuple(lost.tolist()), minutes if path else (0.0, 0.0), path is not None)


def _sooner(
    parted: Separation, options: Options, scope: Scope, measured: Mapping[str, float], hard: bool
) -> Separation:
    """With ports switched off where a quarantine would stand too late, if that is allowed and can be."""
    if not hard or scope.minutes[0] * 60 >= _seconds("quarantine", measured) or not scope.reaches:
        return parted
    harder = Options(options.ground, Grade.HARD, options.never, options.users, options.own_hosts)
    chosen, path = [], dict(parted.path)
    for one in parted.chosen:
        verb, _, host = one.name.partition(" ")
        instead = harder.hard_cut(host) if verb == "quarantine" else None
        chosen.append(instead or one)
        path |= {chosen[-1].name: path[one.name]} if one.name in path else {}
    return msgspec.structs.replace(parted, chosen=tuple(chosen), path=path)


def _told(
    incident: Incident,
    ground: Ground,
    now: float,
    scope: Scope,
    parted: Separation,
    gathered: Gathered,
    held: Held,
    measured: Mapping[str, float],
) -> Plan:
    cuts = gathered.planned()
    unknown = (*held.unknown, *_why_left(parted, ground), *gathered.missing)
    return Plan(
        incident=incident.id,
        version=incident.version,
        grade=max((one.cut.about.grade for one in cuts), default=Grade.WATCH),
        cuts=cuts,
        held=held.texts,
        jewels=_entities(ground, [at for at in parted.reached if at != ground.outside]),
        left=_entities(ground, parted.left),
        lost=_entities(ground, scope.lost),
        minutes=scope.minutes,
        seconds=max((_seconds(one.cut.verb, measured) for one in cuts if one.needed), default=0.0),
        jobs=tuple(sorted({job for one in cuts for job in one.jobs})),
        exact=parted.exact and not held.unknown,
        estate=ground.digest,
        age=max(now - ground.taken, 0.0),  # one that does not say when it was taken is as old as can be
        unknown=tuple(dict.fromkeys(unknown)),
    )


def _entities(ground: Ground, numbers: Iterable[int]) -> tuple[str, ...]:
    return tuple(sorted({ground.text(at).rpartition("#")[0] for at in numbers}))


def _seconds(verb: str, measured: Mapping[str, float]) -> float:
    return measured.get(verb, VERBS[verb].seconds)


def _why_left(parted: Separation, ground: Ground) -> Iterable[str]:
    """One sentence where some jewels stay in reach."""
    names = _entities(ground, parted.left)
    if names:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        yield (
            f"{', '.join(names[:_SHOWN])}{more} stay in reach: the way passes nothing that may be cut at this grade "
            "(NVLink, controllers, management datagrams, protected entities, places without an enforcer)"
        )
