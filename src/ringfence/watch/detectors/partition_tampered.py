"""D55: partition keys that change without an administrator at work."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.administrators import Administrators
from ringfence.watch.batch import Batch
from ringfence.watch.bounded import anew, cut, put
from ringfence.watch.detector import JOINT, About, View, signal
from ringfence.watch.planned import HOUR, MINUTE, Planned, happened
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D55",
    name="partition_tampered",
    title="Partitions of the fabric were changed",
    meaning="A port got another partition key by somebody who is no administrator at work, or many ports did at once, "
    "and no maintenance was announced.",
    stage=JOINT,
    sees=(classes.FABRIC, classes.AUTHENTICATION, classes.JOB, classes.TELEMETRY),
    threats=("RF.T20", "RF.T21"),
    attack=("T1562", "T1599"),
    false="An automat that moves nodes between partitions, until it has done so in several different hours; an "
    "administrator who did not log in where the fabric is managed.",
    severity=85,
)

_PARTITION = 2
MANY = 40
"""Ports within ten minutes that are more than one host's."""
STEADY = 8
"""Different hours in which an account changed partitions, a few ports each, before it is an automat's work."""
_MOST = 5_000


class State(msgspec.Struct):
    """Account → hours in which it made changes; account → its ports of the last minutes; what was told."""

    planned: Planned = msgspec.field(default_factory=Planned)
    administrators: Administrators = msgspec.field(default_factory=Administrators)
    hours: dict[str, list[int]] = {}
    recent: dict[str, dict[str, int]] = {}
    told: dict[str, int] = {}


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Every change of a partition."""
    state.planned.take(batch)
    state.administrators.take(batch, view.roster)
    for one in happened(batch, classes.FABRIC, (_PARTITION,)):
        who, guid = cut(batch.text("actor.user.name", one.row)), cut(batch.text("ib.guid", one.row))
        many = _ports(state, who, guid, one.at)
        honest = bool(who) and (state.administrators.at(one.host, one.at, who) or _steady(state, who, one.at))
        if (honest and many < MANY) or not anew(state.told, f"{who}|{guid}", one.at, HOUR):
            continue
        key = cut(batch.text("ib.pkey", one.row)) or "a key not told"
        yield signal(
            about,
            key=f"{who}:{guid if many < MANY else 'many'}",
            time=one.at,
            entities=(*one.entities, *([f"ibport:{guid}"] if guid else []), *([f"identity:{who}"] if who else [])),
            sources=one.sources,
            evidence=one.evidence,
            holds=(f"ibport:{guid}#send",) if guid else (),
            confidence=0.6 if honest else 0.8,
            why=f"{who or 'somebody not told'} gave {guid or 'a port'} the partition key {key}"
            + (f", one of {many} ports within ten minutes" if many > 1 else "")
            + ("" if honest else "; no administrator of that name had logged in at the fabric's manager"),
        )


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Nothing here waits for time to pass."""
    yield from ()


def _ports(state: State, who: str, guid: str, at: int) -> int:
    """How many ports the account changed within ten minutes."""
    ports = {one: when for one, when in state.recent.get(who, {}).items() if abs(at - when) <= 10 * MINUTE}
    put(ports, guid, at, 2 * MANY)
    put(state.recent, who, ports, _MOST)
    return len(ports)


def _steady(state: State, who: str, at: int) -> bool:
    hours = state.hours.get(who, [])
    if at // HOUR not in hours and len(hours) <= STEADY:
        hours = [*hours, at // HOUR]
        put(state.hours, who, hours, _MOST)
    return len(hours) > STEADY
