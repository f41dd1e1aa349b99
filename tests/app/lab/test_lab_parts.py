"""The lab's own small parts: who is where, what is written down of a process, the file server, the fabric's file."""

import http.client
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.app.lab import inside, ours, parts, processes, run
from ringfence.app.lab.fabric import topology
from ringfence.app.lab.layout import Layout, guid
from ringfence.errors import EnforceError, UsageError


@given(st.integers(4, 12))
def test_no_two_machines_share_a_name_an_address_or_a_port(gpus):
    """All lie inside but the outside host."""
    machines = Layout(Path("/lab"), gpus).machines
    assert len({one.name for one in machines}) == len({one.address for one in machines}) == len(machines) == gpus + 7
    ports = [one.port_guid for one in machines if one.port_guid]
    assert len(set(ports)) == len(ports) == gpus + 1
    assert all(one.address.startswith("10.77.") == (one.role != "out") for one in machines)


@given(st.integers(1, 60))
def test_every_cable_of_the_fabric_has_two_ends(hosts):
    """What ibsim reads: each row names a port of another node, and that node names it back."""
    ends, node = set(), ""
    for line in topology([f"h{at}" for at in range(hosts)]).splitlines():
        named = re.match(r'(?:Switch|Ca) \d+ "([SH]-[0-9a-f]{16})"', line)
        node = named[1] if named else node
        cable = re.match(r'\[(\d+)\](?:\(0x[0-9a-f]+\))? "([SH]-[0-9a-f]{16})"\[(\d+)\]', line)
        if cable:
            ends.add((node, cable[1], cable[2], cable[3]))
    assert {(other, at, one, port) for one, port, other, at in ends} == ends
    assert {one for one, *_ in ends if one.startswith("H")} == {f"H-{guid(at) - 1:016x}" for at in range(hosts)}


def test_only_the_very_process_that_was_written_down_is_ended(tmp_path):
    """A number that belongs to somebody else by now is left alone."""
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    processes.note(tmp_path, "sleeper", sleeper.pid)
    assert processes.noted(tmp_path) == {"sleeper": sleeper.pid}
    (tmp_path / "other.pid").write_text(f"{sleeper.pid} {processes.started_at(sleeper.pid) - 1}\n")
    (tmp_path / "torn.pid").write_text("12")
    assert processes.noted(tmp_path) == {"sleeper": sleeper.pid, "other": 0, "torn": 0}
    processes.end(processes.noted(tmp_path).values())
    assert sleeper.wait(0) is not None
    assert processes.noted(tmp_path)["sleeper"] == 0


def test_nothing_is_started_in_a_machine_that_is_not_apart_from_this_network(tmp_path):
    """A first process that sits in the host's own network is no machine of the lab."""
    layout = Layout(tmp_path, 4)
    machine = layout.machine("gpu01")
    layout.home(machine).mkdir()
    with pytest.raises(EnforceError, match="not up"):
        inside.inside(layout, machine, ["touch", str(tmp_path / "done")])
    processes.note(layout.home(machine), inside.INIT, os.getpid())
    with pytest.raises(EnforceError, match="nothing is started"):
        inside.inside(layout, machine, ["touch", str(tmp_path / "done")])
    assert not (tmp_path / "done").exists()


def test_a_folder_that_holds_something_else_is_no_lab(tmp_path):
    """Neither asked nor emptied."""
    (tmp_path / "letters").write_text("mine")
    with pytest.raises(UsageError, match="no lab is in"):
        run.laid_out(tmp_path)


def test_weights_follow_from_their_seed_and_do_not_compress(tmp_path):
    """The same bytes each time, others for another seed."""
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        parts.seeded(tmp_path / name, 1 << 20, seed)
    one, again, other = ((tmp_path / name).read_bytes() for name in ("one", "again", "other"))
    assert one == again != other
    assert len(set(one[:4096])) > 200
    assert (tmp_path / "one").stat().st_blocks * 512 >= 1 << 20


@pytest.fixture
def served(tmp_path):
    """The real file server on loopback, over two files."""
    (tmp_path / "data" / "datasets").mkdir(parents=True)
    (tmp_path / "data" / "weights.bin").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "data" / "datasets" / "a.tar").write_bytes(b"shard")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "data" / "link").symlink_to(tmp_path / "secret")
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    where = (str(tmp_path / "data"), "127.0.0.1", str(port), str(tmp_path / "log"))
    server = subprocess.Popen([sys.executable, "-m", "ringfence.app.lab.storage", *where])

    def asked(path, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def answers():
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", port)) == 0

    assert processes.wait(answers, 20)
    yield asked, tmp_path / "log"
    server.kill()
    server.wait()


def test_the_file_server_sends_files_and_ranges_and_nothing_beside_its_folder(served):
    """What is asked for is logged with who asked, from where in the file, and how much went out."""
    asked, log = served
    assert asked("/weights.bin") == (200, bytes(range(256)) * 4)
    assert asked("/weights.bin", Range="bytes=10-12") == (206, bytes((10, 11, 12)))
    assert asked("/weights.bin", Range="bytes=1020-") == (206, bytes((252, 253, 254, 255)))
    assert asked("/datasets/a.tar") == (200, b"shard")
    assert asked("/weights.bin", Range="bytes=5000-")[0] == 416
    assert {
        asked(path)[0] for path in ("/link", "/datasets", "/../secret", "/%2e%2e/secret", "/none", "//etc/passwd")
    } == {404}
    rows = [line.split()[1:] for line in log.read_text().splitlines()]
    assert ["127.0.0.1", "/weights.bin", "10", "3", "3"] in rows
    assert len(rows) == 4


def test_each_machine_has_the_drivers_of_what_it_is():
    """Logins where people log in, the fabric beside its manager, the scheduler beside slurmctld."""
    layout = Layout(Path("/lab"), 4)
    found = {one.name: set(ours.targets(layout, one)) for one in layout.machines if one.is_ours and one.role != "ibm"}
    everywhere = {"nftables", "contain", "flows"}
    logins = everywhere | {"sshd", "keys", "sessions"}
    assert found["ctl"] == logins | {"scheduler"}
    assert found["gpu01"] == found["login"] == found["store"] == logins
