"""Who vouches: names that only a certificate gives, and what one root holds."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.app.watch.doors import Doors, beside
from ringfence.app.watch.read import Forms, batches
from ringfence.collect.telemetry.heard import Heard
from ringfence.collect.telemetry.listen import Listeners, parse
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.respond import sources
from ringfence.respond.limits import Limits
from ringfence.respond.values import Cut
from ringfence.watch.detectors import clock_skew, events_lost, forged_source
from ringfence.wire.ocsf import classes
from tests.respond.guarded import cut, incident, signal
from tests.watch.events import play

A, B, C, D = "host:a", "host:b", "host:c", "host:d"


def line(**fields) -> bytes:
    """A line of NDJSON that claims to be another's."""
    said = {"class_uid": 1007, "activity_id": 1, "time": 1, "device.hostname": "b", "logsource": "linux//x"}
    return json.dumps(said | {"source": "host:b/files", "seq": 7, "unmapped.source": "host:b/files"} | fields).encode()


class Engine:
    """Takes batches."""

    def __init__(self) -> None:
        self.rows = []

    async def put(self, record, urgent=False) -> None:
        """Keep rows."""
        self.rows += record.to_pylist()


def through_doors(*heard: Heard) -> list[dict]:
    """What the engine gets of lines at open ports."""

    class Lines:
        async def __aiter__(self):
            while waiting:
                yield waiting.pop(0)
            await asyncio.Event().wait()

    async def run() -> None:
        async with beside(Doors(engine.put, lambda _: None, Forms()).lines(Lines())):
            async with asyncio.timeout(10):
                while len(engine.rows) < len(heard):
                    await asyncio.sleep(0.01)

    engine, waiting = Engine(), list(heard)
    asyncio.run(run())
    return engine.rows


@pytest.mark.parametrize("claim", ["host:b/files", "/host:b/files", "\x00host:b/files", "ringfence/loss", ""])
def test_no_line_at_an_open_port_or_in_a_file_is_anybodys_word(tmp_path, claim):
    """Whatever it claims to be: a source begins with where it came in."""
    text = line(source=claim, **{"unmapped.source": claim})
    rows = through_doors(*(Heard(f"{door}/10.0.0.9", "agent", text) for door in ("syslog", "ndjson", "http")))
    told = [row["source"] for row in rows]
    path = tmp_path / "host:b"
    path.write_bytes(text + b"\n")
    told += [source for batch in batches([path], []) for source in batch.record.column("source").to_pylist()]
    assert len(told) == 4
    assert [sources.host_of(one) for one in told] == [""] * 4
    assert not any(one.startswith(("host:", "ringfence/")) for one in told)


def test_a_real_listener_names_every_line_by_its_door():
    """Over a real socket."""

    async def run() -> list[str]:
        async with Listeners([parse("ndjson:0")]) as listeners:
            _, writer = await asyncio.open_connection("127.0.0.1", listeners.ports[0])
            writer.write(line() + b"\n")
            await writer.drain()
            heard = await asyncio.wait_for(anext(aiter(listeners)), 10)
            writer.close()
            return [heard.source]

    assert asyncio.run(run()) == ["ndjson/127.0.0.1"]


@pytest.mark.parametrize("activity", range(1, 8))
def test_what_is_told_of_another_source_is_not_that_sources_word(activity):
    """A line at an open port that tells of gaps, skew or refusals of a healthy host vouches for nothing."""
    told = {"telemetry.of": "host:b/files", "telemetry.count": 9, "telemetry.seconds": 600.0, "telemetry.why": "x"}
    lines = [
        line(class_uid=classes.TELEMETRY, activity_id=activity, time=1_800_000_000_000_000 + at * 150_000_000, **told)
        for at in range(12)
    ]
    events = [_event(row) for row in through_doors(*(Heard("ndjson/10.0.0.9", "agent", one) for one in lines))]
    assert len(events) == 12
    for detector in (clock_skew, events_lost, forged_source):
        for found in play(detector, events):
            assert {sources.host_of(one) for one in found.sources} == {""}


def _event(row: dict):
    from ringfence.wire.ocsf.event import Event

    own = ("class_uid", "activity_id", "time", "device.hostname", "logsource", "source", "seq", "received")
    fields = {name: value for name, value in row.items() if name not in own and value is not None}
    return Event(*(row[name] for name in own[:5]), fields, row["source"], row["seq"])


def test_sources_are_counted_by_who_could_have_made_them_up():
    """Two sensors of a host are one; open ports are none; a relay's rack is one."""
    none = sources.joined([])
    assert sources.independent(["host:a/files", "host:a/flows"], none) == 1
    assert sources.independent(["host:a/files", "host:b/files", "syslog/10.0.0.1"], none) == 2
    assert sources.independent([A, B], sources.joined([(A, B)])) == 1
    assert sources.independent([A, B, D], sources.joined([(A, C), (C, B)])) == 2
    assert sources.independent([], none) == sources.independent(["syslog", "file/host:a/x", ""], none) == 0


@given(st.lists(st.frozensets(st.sampled_from("abcdefgh"), max_size=4), max_size=6), st.randoms())
def test_groups_are_those_that_hang_together(held, random):
    """As a walk from member to member finds them, in whatever order the sets come."""
    shuffled = list(held)
    random.shuffle(shuffled)
    group, again = sources.joined(held), sources.joined(shuffled)
    assert group == again
    for one in "abcdefgh":
        reached, before = {one}, set()
        while reached != before:
            before = set(reached)
            reached |= {host for each in held if each & before for host in each}
        assert reached == {host for host in "abcdefgh" if group.get(host, host) == group.get(one, one)}


def test_what_an_estate_says_of_hosts_is_used():
    """Relays, controllers, names for the same host; jobs, ports, tenants."""
    facts = [
        Fact(A, "managed_by", "bmc:x"),
        Fact(B, "managed_by", "bmc:x"),
        Fact("job:slurm/lab/7", "runs_on", A),
        Fact("job:slurm/lab/7", "runs_on", C),
        Fact("job:slurm/other/7", "runs_on", D),
        Fact(A, "has_port", "ibport:0x0000001000000101"),
        Fact(A, "in_tenant", "tenant:board"),
    ]
    known = sources.of_estate(estate_of(facts), {C: (D,)}, expiry_held=["network:ib/lab"])
    assert sources.independent([A, B], known.holders) == 1
    assert sources.independent([C, D], known.holders) == 1
    assert sources.independent([A, C], known.holders) == 2
    assert known.relayed == {D}
    assert known.runs["7"] == {"job:slurm/lab/7": {A, C}, "job:slurm/other/7": {D}}
    assert sources.own({A}, Cut("quarantine", "network:ib/lab", "0x0000001000000101"), known)
    assert sources.own({A}, Cut("block-job", C, "7"), known)
    assert not sources.own({A}, Cut("block-job", D, "7"), known)
    assert known.belongs[A] == ("tenant:board",)


def test_who_vouches_names_what_is_cut_and_is_grave_and_sure():
    """Weak signals, those about others, and those that rest on an open port vouch for nothing."""
    one = cut("isolate", B)
    voices = incident(
        signal(A, about=(B,)),
        signal(B, severity=10),
        signal(B, confidence=0.1),
        signal(C, about=(C,)),
        signal("host:d/files", "syslog/10.0.0.1", about=(B,)),
    )
    assert sources.vouching(voices, one, Limits(), sources.Sources()) == {A}
    held = incident(signal(C, about=(C,), holds=(f"{B}#root",)))
    assert sources.vouching(held, one, Limits(), sources.Sources()) == {C}


def test_a_host_of_a_site_keeps_its_whole_name():
    """`host:site/a/files` is of `host:site/a`."""
    assert sources.host_of("host:east/a/files") == "host:east/a"
