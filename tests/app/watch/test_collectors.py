"""Who may tell of other hosts: root on a node must not make its neighbours look guilty."""

import asyncio
import json

import pytest

from ringfence.app.watch.sink import Decoded
from ringfence.app.watch.vouched import collectors_of
from ringfence.errors import InputError
from ringfence.watch import ndjson
from ringfence.wire.ocsf import classes


def row(kind: int, host: str | None, **fields) -> bytes:
    """A line of an agent."""
    said = {"class_uid": kind, "activity_id": 1, "time": 1, "logsource": "a//b", "device.hostname": host} | fields
    return json.dumps({name: value for name, value in said.items() if value is not None}).encode() + b"\n"


def taken(collectors, source: str, *lines: bytes):
    """(hosts of the rows that the engine got, what was told), by the agents' way and by a relay's."""
    put, told = [], []

    async def keep(record, urgent):
        put.append(record)

    async def run():
        sink = Decoded(keep, told.append, collectors)
        await sink.lines(source, b"".join(lines), 1, False)
        await sink.rows(ndjson.batch(b"".join(lines), source, 1, 5)[0].record, False)
        return sink

    sink = asyncio.run(run())
    hosts = [record.column("device.hostname").to_pylist() for record in put]
    assert not hosts or hosts[0] == hosts[-1]
    assert sink.foreign == sum(one.fields["telemetry.count"] for one in told)
    return (hosts[0] if hosts else []), told


LINES = (
    row(classes.FABRIC, "gpu0002"),
    row(classes.JOB, "gpu0001", job__uid="7"),
    row(classes.PROCESS, "gpu0001"),
    row(classes.FABRIC, "GPU0001.example.org"),
    row(classes.PROCESS, None),
)


def test_without_a_list_whoever_is_enrolled_may_tell_as_before():
    """It is only noticed by a detector."""
    hosts, told = taken(None, "host:gpu0001/x", *LINES)
    assert len(hosts) == 5
    assert told == []


def test_only_those_named_tell_of_jobs_and_of_other_hosts():
    """What another says of them is left out, counted, and told as its own doing."""
    hosts, told = taken({"host:slurm1"}, "host:gpu0001/x", *LINES)
    assert hosts == ["gpu0001", "GPU0001.example.org", "gpu0001"]
    assert [(one.source, one.host, one.activity_id, one.fields["telemetry.count"]) for one in told] == [
        ("", "gpu0001", 6, 2)
    ] * 2
    assert len(taken({"host:slurm1"}, "host:slurm1/x", *LINES)[0]) == 5
    assert taken({"host:slurm1"}, "host:gpu0001/x", LINES[0])[0] == []


def test_the_list_is_a_file_in_the_servers_folder(tmp_path):
    """As Slurm writes hosts."""
    assert collectors_of(tmp_path) is None
    path = tmp_path / "collectors.toml"
    path.write_text('collectors = "slurm1,sm[1-2]"\n')
    assert collectors_of(tmp_path) == {"host:slurm1", "host:sm1", "host:sm2"}
    path.write_text('# x\ncollector = "slurm1"\n')
    with pytest.raises(InputError) as raised:
        collectors_of(tmp_path)
    assert raised.value.line == 2
