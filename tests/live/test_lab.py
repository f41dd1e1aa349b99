"""The lab: real parts in machines of their own, and nothing left of them afterwards."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ringfence.app.lab import inside, modes, processes, run, site
from ringfence.app.lab.layout import (
    ALICE,
    CLUSTER,
    FABRIC,
    INSIDE,
    MODEL,
    MODEL_BYTES,
    OPERATOR,
    OUTSIDE,
    STORE_PORT,
    Layout,
    guid,
)
from ringfence.app.lab.parts import fabric_of
from ringfence.app.orders.remote import RemoteEnforcer
from ringfence.errors import UsageError
from ringfence.segment.model import Artefact
from ringfence.wire import contain
from ringfence.wire.contain import Keys, OnFabric, OnHost, OnScheduler, Ports, Sessions, Until
from tests.live import labs

pytestmark = pytest.mark.live

READ = """
import sys, urllib.request
seen = 0
with urllib.request.urlopen(f"http://{sys.argv[1]}/weights.bin", timeout=20) as answer:
    while some := answer.read(1 << 20):
        seen += len(some)
print(seen)
"""


@pytest.fixture(scope="module")
def lab():
    with labs.lab() as layout:
        yield layout


def said(layout: Layout, name: str, *argv: str, **more) -> str:
    return inside.said(layout, layout.machine(name), argv, **more)


def ringfence(*argv: object) -> str:
    command = [sys.executable, "-m", "ringfence", *map(str, argv)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def waited(holds, seconds: float = 20) -> None:
    assert processes.wait(holds, seconds, 0.1)


def test_every_part_is_up_and_every_node_is_enrolled_and_connected(lab):
    """Slurm's nodes work or wait, the subnet is up, agents and enforcers run on every machine that is ours."""
    found = run.status(lab)
    assert found["works"], found
    assert set(found["slurm"]) == {one.name for one in lab.nodes}
    assert set(found["slurm"].values()) <= {"idle", "mixed", "allocated"}
    ours = [one for one in found["machines"] if "connected" in one]
    assert len(ours) == 4 + len(lab.nodes)
    assert all({"agent", "enforcer"} <= set(one["processes"]) for one in ours)
    asked = said(lab, "ibm", "ibnetdiscover", env=fabric_of(lab).tools())
    assert all(f'"{one.name} mlx5_0"' in asked for one in lab.nodes)


def test_a_machine_has_a_network_processes_names_and_accounts_of_its_own(lab):
    """Its network is not the host's, it sees its own processes only, and the lab's people are unknown outside."""
    mine, networks = os.readlink("/proc/self/ns/net"), set()
    for one in lab.machines:
        networks.add(said(lab, one.name, "readlink", "/proc/self/ns/net").strip())
        assert said(lab, one.name, "hostname").strip() == one.name
    assert len(networks | {mine}) == len(lab.machines) + 1
    assert "slurmctld" in said(lab, "ctl", "ps", "-eo", "comm")
    assert "slurmctld" not in said(lab, "gpu01", "ps", "-eo", "comm")
    assert said(lab, "gpu01", "id", "-un", ALICE.name).strip() == ALICE.name
    assert ALICE.name not in Path("/etc/passwd").read_text()


def test_no_machine_has_a_way_out_of_the_lab(lab):
    """The outside host answers; behind the router is nothing else, and the host's network has no link of the lab."""
    where = f"import socket; socket.create_server(('{OUTSIDE}', 443)).accept()"
    sink = inside.inside(lab, lab.machine("out"), [sys.executable, "-c", where])
    dial = f"import socket; socket.create_connection(('{OUTSIDE}', 443), 5)"

    def reached() -> bool:
        return inside.inside(lab, lab.machine("gpu01"), [sys.executable, "-c", dial]).wait(20) == 0

    waited(reached)
    assert sink.wait(10) == 0
    routes = said(lab, "net", "ip", "-4", "route").splitlines()
    assert sorted(line.split()[0] for line in routes) == [INSIDE, "192.88.99.0/24"]
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    assert not any(f"to-{one.name}" in links for one in lab.machines)


def test_a_job_runs_in_its_nodes_network_and_control_group(lab):
    """What a job starts is inside the node's machine, and in the group by which it can be cut."""
    asks = "readlink /proc/self/ns/net; id -un; tail -n1 /proc/self/cgroup"
    out = f"/home/{ALICE.name}/%N.out"
    submit = (
        "sbatch",
        "--parsable",
        "-w",
        "gpu02,gpu03",
        "-N2",
        "--output=/dev/null",
        f"--wrap=srun -o {out} sh -c '{asks}'",
    )
    job = said(lab, "login", *submit, account=ALICE).strip()
    waited(lambda: not said(lab, "ctl", "squeue", "-h", "-j", job))
    for node in ("gpu02", "gpu03"):
        network, user, group = said(lab, node, "cat", f"/home/{ALICE.name}/{node}.out").split()
        assert network == said(lab, node, "readlink", "/proc/self/ns/net").strip()
        assert user == ALICE.name
        assert group == f"0::/ringfence.slice/job_{job}"


def test_the_operator_logs_in_from_the_workstation_and_that_node_alone_has_it_in_its_log(lab):
    """A real login with the workstation's key."""
    plain = (
        "-F",
        "none",
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "BatchMode=yes",
    )
    where = f"{OPERATOR.name}@{lab.machine('gpu04').address}"
    answer = said(lab, "ws", "ssh", *plain, "-i", str(lab.client_key), where, "hostname; whoami")
    assert answer.split() == ["gpu04", OPERATOR.name]
    told = f"Accepted publickey for {OPERATOR.name} from {lab.machine('ws').address}"
    waited(lambda: told in said(lab, "gpu04", "cat", "/var/log/auth.log"))
    assert told not in said(lab, "gpu01", "cat", "/var/log/auth.log")


def test_the_weights_are_read_over_the_network_logged_and_tracked_with_their_bytes(lab):
    """All of the 1 GiB arrives; a rule of the site's own makes the kernel track, without which no flow is told."""
    arrived = said(lab, "gpu01", sys.executable, "-c", READ, f"{lab.machine('store').address}:{STORE_PORT}")
    assert int(arrived) == MODEL_BYTES == lab.model.stat().st_size
    log = (lab.home(lab.machine("store")) / "log" / "access.log").read_text().splitlines()
    assert log[-1].split()[1:] == [
        lab.machine("gpu01").address,
        "/weights.bin",
        "0",
        str(MODEL_BYTES),
        str(MODEL_BYTES),
    ]
    assert "bytes=" in said(lab, "gpu01", "conntrack", "-L", "-p", "tcp", "--dport", str(STORE_PORT))


def test_the_estate_shows_a_way_from_the_workstation_to_the_weights_and_the_fence_can_be_planned(lab):
    """Surveyed from the lab's own outputs; the model has a budget though it is small."""
    reached = json.loads(ringfence("reach", "workstation:ws", "--estate", lab.estate, "--json"))["reached"]
    assert {"entity": MODEL, "capability": "stolen"}.items() <= {
        key: value
        for one in reached
        if (one["entity"], one["capability"]) == (MODEL, "stolen")
        for key, value in one.items()
    }.items()
    assert any(one["entity"] == "host:gpu01" for one in reached)
    modes.overrides(lab, "on")
    overrides = lab.state / "overrides.toml"
    plan = json.loads(ringfence("fence", "plan", "--estate", lab.estate, "--overrides", overrides, "--json"))
    assert {one["jewel"]: one["bytes_per_hour"] for one in plan["budgets"]}[MODEL] == site.PER_HOUR < MODEL_BYTES


def test_every_cut_is_made_by_signed_order_read_back_and_taken_back(lab):
    """Each target of containment, by the enforcer beside its real part."""
    soon = int(time.time()) + 300
    hold = ("--parsable", "-w", "gpu01", "--output=/dev/null", "--wrap=sleep 60")
    job = said(lab, "login", "sbatch", *hold, account=ALICE).strip()
    waited(lambda: "RUNNING" in said(lab, "ctl", "squeue", "-h", "-j", job, "-o", "%T"))
    key = " ".join(lab.client_key.with_suffix(".pub").read_text().split()[:2])
    node, fabric, cluster = "host:gpu01", f"network:ib/{FABRIC}", f"cluster:{CLUSTER}"
    documents = [
        (node, "", OnHost(blocked=(Until(OUTSIDE, soon),), jobs=(Until(job, soon),))),
        (node, "", Keys(revoked=(key,))),
        (node, "", Sessions(users=(OPERATOR.name,))),
        (fabric, "host:ibm", OnFabric(ports=(Until(f"0x{guid(1):016x}", soon),))),
        (fabric, "host:ibm", Ports(off=(f"0x{guid(2):016x}",))),
        (cluster, "host:ctl", OnScheduler(users=(ALICE.name,), jobs=(job,), nodes=("gpu01",), reason="a drill")),
    ]
    for where, host, document in documents:
        target = str(document.__struct_config__.tag)
        enforcer = RemoteEnforcer(target, where, lab.server, host=host)
        before, wanted = enforcer.read(), contain.encode(document)
        enforcer.apply(Artefact("drill", wanted, (where,)))
        assert enforcer.read() == (before if target == "sessions" else wanted), target
        enforcer.restore(before)
        assert enforcer.read() == before, target
    assert job not in said(lab, "ctl", "squeue", "-h", "-t", "RUNNING", "-o", "%i").split()


def test_a_second_lab_is_refused(lab):
    """There is one set of names on a machine."""
    with pytest.raises(UsageError, match="a lab is up"):
        run.up(Layout(lab.folder.parent / "other", 4), print)
