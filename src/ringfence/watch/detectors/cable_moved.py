"""D54: a port that comes back on another cable, or after as long as it takes to move one."""

import re
from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.bounded import anew, cut, put
from ringfence.watch.detector import JOINT, About, View, signal
from ringfence.watch.planned import HOUR, MINUTE, Happening, Planned, happened, happening
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D54",
    name="cable_moved",
    title="A cable of the fabric was moved",
    meaning="A fabric port came up with another neighbour, or was down for longer than a flap of its link while its "
    "host went on, and no maintenance was announced.",
    stage=JOINT,
    sees=(classes.IB_PORT, classes.FABRIC, classes.HARDWARE, classes.JOB, classes.TELEMETRY),
    threats=("RF.T13", "RF.T20"),
    attack=("T1200",),
    false="A switch that restarts, which takes many ports down at once; a port whose link trains for more than a "
    "minute.",
    severity=80,
)

_STATE, _FABRIC_LOG = 3, 1
FLAP = 45_000_000
"""Microseconds of which a link may flap in place."""
OUTAGE = 64
"""Ports down at the same time that are a switch's restart and nobody's hands."""
_UP = ("active", "up", "linkup", "armed", "init")
_AT = re.compile(r" at (\S{1,64}) port (\d{1,4})\b")
_MOST = 200_000


class State(msgspec.Struct):
    """Port → since when it is down, when it came back, its neighbour, its host; what is announced; what was told."""

    planned: Planned = msgspec.field(default_factory=Planned)
    down: dict[str, int] = {}
    back: dict[str, int] = {}
    hosts: dict[str, str] = {}
    peers: dict[str, str] = {}
    told: dict[str, int] = {}


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Every change of a port's state, and what the fabric's log says of its neighbour."""
    state.planned.take(batch)
    for one in happened(batch, classes.IB_PORT, (_STATE,)):
        yield from _changed(state, batch, one)
    for row in batch.rows(classes.FABRIC, classes.HARDWARE).tolist():
        one = happening(batch, row)
        port, peer = cut(batch.text("ib.guid", row)), cut(batch.text("rdma.peer", row)) or _place(batch, row)
        if "cable" in batch.text("hardware.component", row).lower():
            port, peer = cut(batch.text("hardware.component", row)), cut(batch.text("hardware.serial", row))
        yield from _neighbour(state, batch, one, port, peer)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Nothing here waits for time to pass."""
    yield from ()


def _place(batch: Batch, row: int) -> str:
    """The switch and port that the fabric's log names as the other end."""
    found = _AT.search(batch.text("message", row)[:1000])
    return f"{found[1]}/{found[2]}" if found else ""


def _changed(state: State, batch: Batch, one: Happening) -> Iterator[Signal]:
    port = cut(batch.text("ib.guid", one.row)) or f"{one.host}/{cut(batch.text('ib.device', one.row))}"
    put(state.hosts, port, one.host, _MOST)
    if not any(word in batch.text("ib.state", one.row).lower() for word in _UP):
        put(state.down, port, one.at, _MOST)
        return
    since = state.down.pop(port, one.at)
    put(state.back, port, one.at, _MOST)
    others = sum(1 for when in state.down.values() if abs(when - since) < MINUTE)
    yield from _neighbour(state, batch, one, port, cut(batch.text("rdma.peer", one.row)))
    if one.at - since > FLAP and others < OUTAGE:
        yield from _told(state, one, port, since, 0.6, f"was down for {(one.at - since) // 1_000_000} seconds")


def _neighbour(state: State, batch: Batch, one: Happening, port: str, peer: str) -> Iterator[Signal]:
    """A port's neighbour: another than before is another cable; the first one told after the link was down may be."""
    if not port or not peer:
        return
    before = state.peers.get(port) or cut(batch.text("hardware.previous", one.row))
    put(state.peers, port, peer, _MOST)
    if before and peer != before:
        yield from _told(state, one, port, one.at, 0.8, f"has {peer} at its other end and had {before}")
    elif not before and abs(one.at - state.back.get(port, 0)) < MINUTE:
        said = f"came back with {peer} at its other end, and what it had before is not known"
        yield from _told(state, one, port, one.at, 0.6, said)


def _told(state: State, one: Happening, port: str, since: int, sure: float, what: str) -> Iterator[Signal]:
    host = state.hosts.get(port, one.host)  # the fabric's log is told by its manager, of ports of others
    if state.planned.covers(host, one.at) or not anew(state.told, port, one.at, HOUR):
        return
    entities = dict.fromkeys((*([f"host:{host}"] if host else []), *one.entities[1:]))
    yield signal(
        about,
        key=f"{host}:{port}",
        time=one.at,
        since=since,
        entities=(*entities, *([f"ibport:{port}"] if port.startswith("0x") else [])),
        sources=one.sources,
        evidence=one.evidence,
        confidence=sure,
        why=f"port {port} of {host or 'a host not told'} {what}; no maintenance was announced",
    )
