"""D54: a port that comes back on another cable, or after as long as it takes to move one."""

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
_MOST = 200_000


class State(msgspec.Struct):
    """Port → since when it is down; port → its neighbour; what is announced; what was told."""

    planned: Planned = msgspec.field(default_factory=Planned)
    down: dict[str, int] = {}
    peers: dict[str, str] = {}
    told: dict[str, int] = {}


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Every change of a port's state, and what the fabric's log says of its neighbour."""
    state.planned.take(batch)
    for one in happened(batch, classes.IB_PORT, (_STATE,)):
        yield from _changed(state, batch, one)
    for row in batch.rows(classes.FABRIC, classes.HARDWARE).tolist():
        one = happening(batch, row)
        if batch.text("rdma.peer", row) or "cable" in batch.text("hardware.component", row).lower():
            yield from _neighbour(state, batch, one)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Nothing here waits for time to pass."""
    yield from ()


def _changed(state: State, batch: Batch, one: Happening) -> Iterator[Signal]:
    port = cut(batch.text("ib.guid", one.row)) or f"{one.host}/{cut(batch.text('ib.device', one.row))}"
    if not any(word in batch.text("ib.state", one.row).lower() for word in _UP):
        put(state.down, port, one.at, _MOST)
        return
    since = state.down.pop(port, one.at)
    others = sum(1 for when in state.down.values() if abs(when - since) < MINUTE)
    yield from _neighbour(state, batch, one)
    if one.at - since > FLAP and others < OUTAGE:
        yield from _told(state, one, port, since, f"was down for {(one.at - since) // 1_000_000} seconds")


def _neighbour(state: State, batch: Batch, one: Happening) -> Iterator[Signal]:
    """A port's neighbour: another than before is another cable."""
    port, peer = cut(batch.text("ib.guid", one.row)), cut(batch.text("rdma.peer", one.row))
    port = port or cut(batch.text("hardware.component", one.row))
    peer = peer or cut(batch.text("hardware.serial", one.row))
    before = state.peers.get(f"{one.host}|{port}") or cut(batch.text("hardware.previous", one.row))
    if peer:
        put(state.peers, f"{one.host}|{port}", peer, _MOST)
    if peer and before and peer != before:
        yield from _told(state, one, port, one.at, f"has {peer} at its other end and had {before}")


def _told(state: State, one: Happening, port: str, since: int, what: str) -> Iterator[Signal]:
    if state.planned.covers(one.host, one.at) or not anew(state.told, f"{one.host}|{port}", one.at, HOUR):
        return
    yield signal(
        about,
        key=f"{one.host}:{port}",
        time=one.at,
        since=since,
        entities=(*one.entities, *([f"ibport:{port}"] if port.startswith("0x") else [])),
        sources=one.sources,
        evidence=one.evidence,
        confidence=0.8 if "other end" in what else 0.6,
        why=f"port {port} of {one.host or 'a host not told'} {what}; no maintenance was announced",
    )
