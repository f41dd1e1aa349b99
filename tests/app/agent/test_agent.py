"""The agent itself: what it loads, what it says without a server, limits, holes; and as a process with one."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from ringfence.app.agent.lineage import Lineage
from ringfence.app.agent.run import check
from ringfence.app.agent.sensor import Sensor
from ringfence.app.agent.settings import Settings, read
from ringfence.app.agent.sources import SOURCES
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.errors import InputError, UsageError
from ringfence.wire.ocsf.event import Event
from tests.app.agent.keeping import kept
from tests.app.agent.test_delivery import KEEPING, free_port
from tests.transport.parts import a_node, a_server, process, until

HERE = Machine("gpu0001", "c1")


def test_an_agent_loads_no_arrays():
    """Neither numpy nor pyarrow, numba or a database, though everything that it runs is loaded."""
    code = (
        "import sys\n"
        "import ringfence.app.agent.start, ringfence.app.agent.feed, ringfence.app.agent.link\n"
        "import ringfence.app.enforcer.home, ringfence.app.agent.lineage\n"
        "print(sorted({'numpy', 'pyarrow', 'numba', 'scipy', 'sqlite3', 'duckdb', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_print_shows_events_without_a_server_within_seconds():
    """Lines of JSON on standard output, holes among them."""
    argv = [sys.executable, "-m", "ringfence", "agent", "--print", "--once"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert any(row.get("unmapped.attestation.state") == "unknown" for row in rows)
    assert all(row["device.hostname"] for row in rows)


def test_check_names_every_source_with_what_it_needs_and_what_it_cannot_see():
    """And for each hole a reason and a remedy."""
    rows = check(HERE, Settings(credentials=()))
    assert [row["source"] for row in rows] == [*SOURCES]
    for row in rows:
        assert row["state"] in ("works", "lesser", "hole")
        assert all(row[name] for name in ("tells", "needs", "blind"))
        assert row["state"] == "works" or (row["lacks"] and row["remedy"])


def test_a_source_without_its_right_is_a_hole_with_a_remedy():
    """Connection tracking without CAP_NET_ADMIN, in a process that has left it."""
    without = ("setpriv", "--inh-caps=-net_admin", "--bounding-set=-net_admin") if not os.geteuid() else ()
    argv = [*without, sys.executable, "-m", "ringfence", "agent", "--check", "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True)
    row = next(row for row in json.loads(done.stdout) if row["source"] == "conntrack")
    assert row["state"] == "hole"
    assert "CAP_NET_ADMIN" in row["remedy"]


def test_processes_in_a_namespace_of_their_own_are_compared_instead():
    """Where the kernel does not tell, the lesser way is used and says why."""
    if os.geteuid():
        pytest.skip("missing-part: a process namespace needs root")
    apart = ("unshare", "--pid", "--fork", "--mount-proc")
    argv = [*apart, sys.executable, "-m", "ringfence", "agent", "--check", "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True)
    row = next(row for row in json.loads(done.stdout) if row["source"] == "processes")
    assert (row["state"], row["how"]) == ("lesser", "sampled")
    assert "namespace" in row["remedy"]


def test_settings_are_read_and_mistakes_named(tmp_path):
    """A wrong name is an error, in the file and among the sources."""
    path = tmp_path / "agent.toml"
    path.write_text('cluster = "c1"\noff = ["conntrack"]\n[[watch]]\npath = "/data"\ndata = "dataset:web"\n')
    found = read(path)
    assert (found.cluster, found.watch[0].data) == ("c1", "dataset:web")
    path.write_text("rate = 0\n")
    with pytest.raises(InputError):
        read(path)
    with pytest.raises(UsageError, match="no source"):
        check(HERE, Settings(off=("nonsense",)))


class Out:
    """What a sensor sent, by lane."""

    def __init__(self):
        self.sent = []

    def __call__(self, lane, data, count):
        self.sent.append((lane, [json.loads(line) for line in data.splitlines()]))
        assert count == len(self.sent[-1][1])


def test_what_is_urgent_goes_at_once_and_the_rest_in_company():
    """Each on its own lane."""
    out = Out()
    sensor = Sensor("files", HERE, out, 1000)
    sensor.take(HERE.event(1001, 14, {"file.path": "/a"}))
    sensor.take(HERE.event(1001, 14, {"file.path": "/b", "file.data": "model:m"}))
    assert [lane for lane, _ in out.sent] == ["files.urgent"]
    sensor.take(HERE.event(1001, 14, {"file.path": "/c"}))
    sensor.flush()
    assert [row["file.path"] for row in out.sent[1][1]] == ["/a", "/c"]


def test_a_flood_is_cut_and_counted():
    """What is over the limit is dropped, and how many is told."""
    out = Out()
    sensor = Sensor("processes", HERE, out, 10)
    for number in range(1000):
        sensor.take(HERE.event(1007, 1, {"process.pid": number}))
    assert (sensor.taken, sensor.dropped, sensor.tired) == (40, 960, True)
    sensor.tick(time.monotonic())
    sensor.flush()
    (told,) = [row for _, rows in out.sent for row in rows if row["class_uid"] == 99906002]
    assert (told["activity_id"], told["telemetry.count"]) == (2, 960)


def test_a_source_that_works_gives_signs_of_life_on_both_lanes():
    """And a hole gives none."""
    out = Out()
    sensor = Sensor("files", HERE, out, 10)
    sensor.tick(time.monotonic())
    sensor.flush()
    assert out.sent == []
    sensor.works = True
    sensor.tick(time.monotonic())
    sensor.tick(time.monotonic())
    sensor.flush()
    assert sorted(lane for lane, _ in out.sent) == ["files", "files.urgent"]
    assert {row["activity_id"] for _, rows in out.sent for row in rows} == {9}


def test_a_text_that_is_no_text_is_still_a_line():
    """Names of files are bytes; what is endless is cut."""
    out = Out()
    sensor = Sensor("files", HERE, out, 10)
    sensor.take(
        HERE.event(1001, 14, {"file.path": "/a\udcff", "process.cmd_line": "x" * 100_000, "user.name": "\ud800é"})
    )
    sensor.flush()
    (row,) = out.sent[0][1]
    assert row["file.path"] == "/a?"
    assert len(row["process.cmd_line"]) < 9000


def test_opens_of_data_are_facts_once_a_day(tmp_path):
    """Which job reads and writes what."""
    lineage = Lineage(tmp_path / "facts.ndjson")
    fields = {"job.uid": "job:slurm/c1/7", "file.data": "dataset:web"}
    for activity, more in ((14, {}), (14, {}), (3, {}), (14, {"file.data": "model:m"}), (14, {"job.uid": ""})):
        lineage.take(Event(1001, activity, 1_800_000_000_000_000, "gpu0001", "", fields | more))
    rows = [json.loads(line) for line in (tmp_path / "facts.ndjson").read_text().splitlines()]
    assert [(row["predicate"], row["object"]) for row in rows] == [
        ("reads", "dataset:web"),
        ("writes", "dataset:web"),
        ("reads", "model:m"),
    ]
    assert (tmp_path / "facts.ndjson").stat().st_mode & 0o777 == 0o600


def test_the_process_connects_tells_and_ends_in_order(tmp_path):
    """`ringfence agent`, a server, and SIGTERM."""
    home, port, out, log = a_server(tmp_path / "server"), free_port(), tmp_path / "kept", tmp_path / "log"
    node = a_node(home, tmp_path / "node", "host:gpu0001", port, role="agent")
    argv = ("-m", "ringfence.app.agent", "--home", str(node.folder))
    with process(*KEEPING, str(home.folder), str(port), str(out), log=log), process(*argv, log=log) as agent:
        until(lambda: [row for row in kept(out) if row.get("unmapped.attestation.state")], "an event", log)
        second = subprocess.run([sys.executable, *argv], capture_output=True, text=True, timeout=20, check=False)
        assert "another agent runs" in second.stderr
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(10) == 0
    rows = kept(out)
    assert {row["source"].partition("/")[0] for row in rows} == {"host:gpu0001"}
    assert {row["device.hostname"] for row in rows} == {"gpu0001"}
    begun = next(row for row in rows if row["activity_id"] == 5 and row["source"] == "host:gpu0001/agent")
    assert "spool was new" in begun["telemetry.why"]
