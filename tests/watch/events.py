"""Events written tersely, and a detector played over them as the engine would.

    jobs = [job("1", "gpu0001", "gpu0002", kind="train")]
    events = [event(classes.FILE, 14, 60, "gpu0001", file__path="/weights/a", actor__user__name="eve")]
    assert [one.name for one in play(non_member_read, events, view(jobs))] == ["RF.D10"]

`at` is seconds after `T0`; `a__b` in a keyword stands for the column `a.b`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ringfence.watch.batch import Batch, of_events
from ringfence.watch.detector import Detector, View
from ringfence.watch.roster import Roster, Running
from ringfence.watch.site import Data, Nowhere
from ringfence.watch.values import Signal, Stake
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event, Value

T0 = 1_800_000_000_000_000
"""When tests begin, in microseconds since the epoch."""
SECOND = 1_000_000


def time(at: float) -> int:
    """The time `at` seconds after `T0`."""
    return T0 + round(at * SECOND)


def event(
    class_uid: int, activity: int, at: float, host: str = "gpu0001", *, source: str = "", **fields: Value
) -> Event:
    """One event of a host, by its agent where no other source is told; `None` leaves a column out."""
    named = {name.replace("__", "."): value for name, value in fields.items() if value is not None}
    return Event(class_uid, activity, time(at), host, "", named, source or f"host:{host}/agent")


def flow(at: float, host: str, target: str, port: int = 443, out: int = 1000, **fields: Value) -> Event:
    """A connection that closed."""
    said: dict[str, Value] = {"dst_endpoint__ip": target, "dst_endpoint__port": port, "traffic__bytes_out": out}
    said |= {"connection_info__protocol_name": "tcp", "traffic__bytes_in": 0}
    return event(classes.NETWORK, 2, at, host, **(said | fields))


def interval(at: float, host: str, **fields: Value) -> Event:
    """A `HOST_INTERVAL`; `host__…` may be written without its first word."""
    named = {name if "__" in name else f"host__{name}": value for name, value in fields.items()}
    return event(classes.HOST_INTERVAL, 1, at, host, source=f"host:{host}/agent", interval=30.0, **named)


def started(at: float, uid: str, *hosts: str, **fields: Value) -> Event:
    """A job that starts, as the scheduler tells it."""
    said: dict[str, Value] = {"job__uid": uid, "job__hosts": ",".join(hosts), "job__nodes": len(hosts)}
    return event(classes.JOB, 2, at, "slurm1", source="host:slurm1/slurm", **(said | fields))


def ended(at: float, uid: str) -> Event:
    """A job that ends."""
    return event(classes.JOB, 3, at, "slurm1", source="host:slurm1/slurm", job__uid=uid)


def job(uid: str, *hosts: str, kind: str = "train", user: str = "ada", **said: Any) -> Running:
    """A job that runs since `T0`."""
    return Running(uid, name=said.pop("name", kind), user=user, kind=kind, hosts=hosts, started=T0, **said)


class FakeSite(Nowhere):
    """A small cluster made up of tables. What the tables lack is unknown, as with `Nowhere`."""

    def __init__(
        self,
        addresses: Mapping[str, str] | None = None,
        compartments: Mapping[str, str] | None = None,
        rules: Mapping[tuple[str, str], bool] | None = None,
        data: Sequence[Data] = (),
        tenants: Mapping[str, str] | None = None,
        quotas: Mapping[str, str] | None = None,
    ) -> None:
        self.addresses, self.compartments = addresses or {}, compartments or {}
        self.rules, self.tenants = rules or {}, tenants or {}
        self.quotas = quotas or {}
        self.all = {one.entity: one for one in data}

    def host_at(self, address: str) -> str:
        return self.addresses.get(address, "")

    def compartment(self, host: str) -> str:
        return self.compartments.get(host, "")

    def may(self, source: str, target: str, protocol: str, port: int) -> bool | None:
        return self.rules.get((source, target))

    def data_at(self, path: str) -> Data | None:
        return next((one for one in self.all.values() if path.startswith(one.path)), None)

    def data(self) -> Mapping[str, Data]:
        return self.all

    def jewel(self, quota: str) -> str:
        return self.quotas.get(quota, "")

    def tenant(self, entity: str) -> str:
        return self.tenants.get(entity, "")

    def stake(self, positions: Iterable[str]) -> Stake:
        return Stake()


def view(jobs: Iterable[Running] = (), site: Nowhere | None = None) -> View:
    """What a detector may look at: these jobs running, and a site."""
    roster = Roster()
    for one in jobs:
        roster.start(one)
    return View(site or Nowhere(), roster)


def numbered(events: Iterable[Event]) -> list[Event]:
    """The events as they arrive, numbered at their sources."""
    last: dict[str, int] = {}
    found = []
    for one in events:
        last[one.source] = last.get(one.source, 0) + 1
        found.append(one if one.seq else msgspec.structs.replace(one, seq=last[one.source]))
    return found


def batch(*events: Event) -> Batch:
    """The events as one batch."""
    return of_events(numbered(events))


def play(
    detector: Detector, events: Iterable[Event], seen: View | None = None, *, every: float = 30, saves: bool = False
) -> list[Signal]:
    """The signals of a detector over events, in batches of `every` seconds, each followed by a tick.

    With `saves` the state is written and read again after every batch: the signals must be the same.
    """
    seen = seen or view()
    state, found = detector.State(), list[Signal]()
    for part in _parts(numbered(events), every * SECOND):
        arrived = of_events(part)
        seen.roster.take(arrived)
        if set(arrived.classes.tolist()) & set(detector.about.sees):
            found += detector.step(state, arrived, seen)
        found += detector.tick(state, int(arrived.times.max()), seen)
        if saves:
            state = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=detector.State)
    return found


def both_ways(detector: Detector, events: Iterable[Event], jobs: Iterable[Running] = (), **said: Any) -> list[Signal]:
    """The signals, after they were found equal with a state saved and taken up after every batch."""
    events, jobs, site = list(events), list(jobs), said.pop("site", None)
    plain = play(detector, events, view(jobs, site), **said)
    assert play(detector, events, view(jobs, site), saves=True, **said) == plain
    return plain


def _parts(events: list[Event], every: float) -> Iterable[list[Event]]:
    part: list[Event] = []
    for one in events:
        if part and not 0 <= one.time - part[0].time < every:
            yield part
            part = []
        part.append(one)
    if part:
        yield part
