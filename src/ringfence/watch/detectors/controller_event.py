"""D50: accounts, settings and power at a management controller, where nobody announced work."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.bounded import anew, cut, put
from ringfence.watch.detector import JOINT, About, View, signal
from ringfence.watch.planned import HOUR, Happening, Planned, happening
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D50",
    name="controller_event",
    title="A management controller was changed",
    meaning="An account, a right or a setting of a management controller was changed, or a host was switched off or "
    "reset through it, while no maintenance of that host was announced.",
    stage=JOINT,
    sees=(classes.HARDWARE, classes.API, classes.ACCOUNT_CHANGE, classes.JOB, classes.TELEMETRY),
    threats=("RF.T12",),
    attack=("T1136", "T1098", "T1542"),
    false="Work that nobody reserved the host for. A reset alone is told with little confidence: hung hosts are reset.",
    severity=80,
)

_LOG, _POWER, _CONFIGURE = 1, 6, 7
_READ = 2
_SERVICES = ("redfish", "ipmi", "bmc", "idrac", "ilo")
_HELD = ("account", "user", "password", "role", "privilege", "credential", "certificate")
_SET = ("virtualmedia", "virtual media", "boot", "ssh", "networkprotocol", "ipmioverlan", "serial", "kvm")
_SET_TOO = ("logservice", "clearlog", "log cleared", "subscription")
_AGAIN = HOUR


class State(msgspec.Struct):
    """What is announced; resets of late: controller → times; what was told."""

    planned: Planned = msgspec.field(default_factory=Planned)
    resets: dict[str, list[int]] = {}
    told: dict[str, int] = {}


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Accounts and settings at once, power with what came before."""
    state.planned.take(batch)
    for row in batch.rows(classes.HARDWARE, classes.API, classes.ACCOUNT_CHANGE).tolist():
        kind = _kind(batch, row)
        one = happening(batch, row)
        if not kind or not one.entities or state.planned.covers(one.host, one.at):
            continue
        yield from _reset(state, one) if kind == "power" else _changed(state, batch, one, kind)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Nothing here waits for time to pass."""
    yield from ()


def _kind(batch: Batch, row: int) -> str:
    uid, activity = int(batch.classes[row]), int(batch.numbers("activity_id")[row])
    if uid == classes.HARDWARE and activity == _POWER:
        return "power" if _switched(batch, row) else ""
    if uid == classes.HARDWARE and activity not in (_LOG, _CONFIGURE):
        return ""
    if uid != classes.HARDWARE and (activity == _READ or not _at_controller(batch, row)):
        return ""
    if uid == classes.ACCOUNT_CHANGE:
        return "account"
    return _by_words(batch, row, logged=uid == classes.HARDWARE and activity == _LOG)


def _switched(batch: Batch, row: int) -> bool:
    """Whether it was the whole machine, and no supply that failed."""
    said = f"{batch.text('hardware.component', row)} {batch.text('hardware.message_id', row)}".lower()
    return not any(word in said for word in ("psu", "supply", "redundancy", "fan"))


def _at_controller(batch: Batch, row: int) -> bool:
    service = f"{batch.text('api.service.name', row)} {batch.text('service.name', row)}".lower()
    return bool(batch.text("hardware.controller", row)) or any(name in service for name in _SERVICES)


def _by_words(batch: Batch, row: int, logged: bool) -> str:
    """Which kind of thing was changed; a mere line of log must say that something was."""
    columns = ("hardware.message_id", "hardware.component", "resource.name", "resource.type", "api.operation")
    said = " ".join(batch.text(name, row) for name in columns).lower()
    if logged and not any(word in said for word in ("created", "changed", "modified", "added", "removed", "cleared")):
        return ""
    if "reset" in said and "computersystem" in said:
        return "power"
    for kind, words in (("account", _HELD), ("setting", (*_SET, *_SET_TOO))):
        if any(word in said for word in words):
            return kind
    return "" if logged else "setting"


def _changed(state: State, batch: Batch, one: Happening, kind: str) -> Iterator[Signal]:
    who = cut(batch.text("actor.user.name", one.row) or batch.text("user.name", one.row))
    what = cut(batch.text("hardware.message_id", one.row) or batch.text("resource.name", one.row))
    key = f"{one.entities[-1]}:{kind}:{who}"
    if not anew(state.told, key, one.at, _AGAIN):
        return
    yield signal(
        about,
        key=key,
        time=one.at,
        entities=one.entities,
        sources=one.sources,
        evidence=one.evidence,
        confidence=0.75 if kind == "account" else 0.6,
        holds=tuple(f"{entity}#admin" for entity in one.entities if entity.startswith("bmc:")),
        why=f"{kind} changed at {one.entities[-1]} by {who or 'somebody not told'} ({what or 'no message'}); "
        "no maintenance was announced",
    )


def _reset(state: State, one: Happening) -> Iterator[Signal]:
    at = one.entities[-1]
    before = [when for when in state.resets.get(at, ()) if abs(one.at - when) < HOUR]
    late = [*before[-9:], one.at]
    put(state.resets, at, late, 20_000)
    if not anew(state.told, f"{at}:power:{min(len(late), 3)}", one.at, _AGAIN):
        return
    yield signal(
        about,
        key=f"{at}:power",
        time=one.at,
        since=late[0],
        entities=one.entities,
        sources=one.sources,
        evidence=one.evidence,
        severity=60,
        confidence=0.3 if len(late) < 3 else 0.75,
        why=f"{len(late)} times within an hour the power of {at} was switched; no maintenance was announced",
    )
