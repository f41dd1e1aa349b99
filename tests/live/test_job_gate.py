"""A real Slurm of ten nodes, each with its own enforcer and nftables: no job starts before its fence is read back.

All slurmd share this machine, so each node's enforcer has a network namespace with a ruleset of its own
(`tests/live/gated.py`); what the tests look at as "the host's rules" is that ruleset, read by nft itself. The jobs'
own processes run outside the namespaces.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.live import netns
from tests.live.gated import ALLOWS, Gated, drained, empty, gated, name, peers_in, settled
from tests.live.slurm import need
from tests.transport.parts import until

pytestmark = pytest.mark.live
NODES = 10
LAST = NODES - ALLOWS
"""The first of the two nodes whose enforcers say `allow` in an outage."""
QUICK = "SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000\nInactiveLimit=0\nKillWait=1\n"


@pytest.fixture(scope="module")
def whole() -> Iterator[Gated]:
    need()
    netns.need()
    with gated(NODES, QUICK) as running:
        yield running


@pytest.fixture(autouse=True)
def _clean(whole: Gated) -> Iterator[None]:
    """Every test begins with an idle cluster, all of our side up, and hooks that hold."""
    whole.install()
    yield
    whole.install()
    down = [at for at, one in whole.enforcers.items() if one.poll() is not None]
    if down:
        whole.enforce(*down)
    if whole.follower is None or whole.follower.poll() is not None:
        whole.follow(slurm_conf=whole.slurm.conf)
    for node in set(drained(whole)):
        whole.slurm.ask("scontrol", "update", f"nodename={node}", "state=resume")
    empty(whole)


def witness(whole: Gated, *at: int) -> tuple[str, Path]:
    """(a shell line that writes down these hosts' rules as they are when it runs, where it writes them)."""
    folder = whole.folder / "seen"
    folder.mkdir(exist_ok=True)
    place = folder / str(time.monotonic_ns())
    reads = [f"nsenter --net={whole.net.hosts[one].path} nft list table inet ringfence" for one in at]
    lines = "; echo =====; ".join(reads)
    return f"({lines}) > {place}.part 2>&1; mv {place}.part {place}", place


def told(whole: Gated, place: Path) -> list[set[int]]:
    """Per host, the nodes that its rules let traffic go to when the job's first line ran."""
    text = until(lambda: place.exists() and place.read_text(), "the job's first line")
    return [peers_in(one, whole.nodes) for one in text.split("=====\n")]


def test_a_batch_gang_of_four_starts_when_all_four_hosts_have_its_compartment(whole):
    """Its first line reads the rules of all four; before and after, nobody may reach anybody."""
    assert [whole.peers(at) for at in range(NODES)] == [set()] * NODES
    look, place = witness(whole, 0, 1, 2, 3)
    job = whole.slurm.submit("-N4", "-w", "gpu[0001-0004]", "--chdir=/tmp", script=f"{look}; sleep 60")
    assert told(whole, place) == [{0, 1, 2, 3}] * 4
    assert [whole.peers(at) for at in range(4, NODES)] == [set()] * (NODES - 4)
    covered = [one.job for at in range(4) for one in whole.status(at).slots]
    assert covered == [""] * 4
    whole.slurm.ask("scancel", job)
    until(lambda: not any(whole.peers(at) for at in range(NODES)), "the end of the compartment")


@pytest.mark.parametrize("command", ["srun", "salloc"])
def test_interactive_work_waits_as_well(whole, command):
    """srun's first task, and the command of salloc, both find the compartment in force on all four."""
    look, place = witness(whole, 4, 5, 6, 7)
    argv = [command, "-N4", "-w", "gpu[0005-0008]", "--chdir=/tmp"]
    argv += ["--mpi=none", "-n1", "-N4-4"] if command == "srun" else []
    if command == "srun":
        argv = [command, "-N4", "-n4", "-w", "gpu[0005-0008]", "--mpi=none", "--chdir=/tmp"]
        look = f'test "$SLURM_PROCID" != 0 || ({look})'
    done = subprocess.run(
        [*argv, "sh", "-c", look], env=whole.slurm.env, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    assert told(whole, place) == [{4, 5, 6, 7}] * 4


def test_a_connection_that_a_job_left_open_ends_with_the_job(whole):
    """It was let in by the job's compartment; the next tenant's rules come after it is gone."""
    look, place = witness(whole, 0, 1)
    job = whole.slurm.submit("-N2", "-w", "gpu[0001-0002]", "--chdir=/tmp", script=f"{look}; sleep 60")
    told(whole, place)
    with ExitStack() as stack:
        tcp = (socket.AF_INET, socket.SOCK_STREAM)
        listening, ours = (stack.enter_context(whole.net.hosts[at].socket(*tcp)) for at in (1, 0))
        listening.bind((netns.v4(1), 6000))
        listening.listen()
        ours.settimeout(5)
        ours.connect((netns.v4(1), 6000))
        theirs = stack.enter_context(listening.accept()[0])
        theirs.settimeout(5)
        ours.sendall(b"x")
        assert theirs.recv(1) == b"x"
        whole.slurm.ask("scancel", job)
        until(lambda: whole.said(f"ended {job}: done"), "the end of the compartment, read back")
        with suppress(OSError):  # closed on this side already, or not let out
            ours.sendall(b"y")
        theirs.settimeout(0.5)
        with suppress(OSError):  # reset, or nothing comes
            assert theirs.recv(1) == b""


def test_two_gangs_at_once_are_two_compartments(whole):
    """Neither host set can reach the other."""
    look, place = witness(whole, 0, 1)
    other, there = witness(whole, 2, 3)
    whole.slurm.submit("-N2", "-w", "gpu[0001-0002]", "--chdir=/tmp", script=f"{look}; sleep 60")
    whole.slurm.submit("-N2", "-w", "gpu[0003-0004]", "--chdir=/tmp", script=f"{other}; sleep 60")
    assert told(whole, place) == [{0, 1}] * 2
    assert told(whole, there) == [{2, 3}] * 2


def test_a_task_runs_in_the_control_group_of_its_job(whole):
    """The task prolog asked for it, as the user."""
    place = whole.folder / "group"
    job = whole.slurm.submit("-w", "gpu0001", "--chdir=/tmp", script=f"cat /proc/self/cgroup > {place}; sleep 60")
    until(lambda: place.exists() and place.read_text().endswith("\n"), "the task")
    assert f"0::/ringfence.slice/job_{job}\n" in place.read_text()


def test_a_job_whose_fence_one_host_refuses_waits_in_the_queue_and_is_not_lost(whole):
    """The dead enforcer's host stays idle; when it is back, the very same job runs."""
    whole.enforcers[2].kill()
    whole.enforcers[2].wait(5)
    job = whole.slurm.submit("-N3", "-w", "gpu[0001-0003]", "--chdir=/tmp", script="sleep 60")
    until(lambda: whole.said(f"started {job}: hold"), "the refusal")
    settled(whole, job, "PENDING")
    assert drained(whole) == []
    until(lambda: not any(whole.peers(at) for at in (0, 1)), "what was half applied taken back")
    whole.enforce(2)
    whole.slurm.ask("scontrol", "update", f"jobid={job}", "starttime=now")
    settled(whole, job, "RUNNING")
    until(lambda: [whole.peers(at) for at in (0, 1, 2)] == [{1, 2}, {0, 2}, {0, 1}], "its compartment")


def test_our_own_outage_keeps_jobs_waiting_and_drains_nobody(whole):
    """on_outage = hold: with the follower gone the job goes back to the queue; no node is drained."""
    whole.end_follower()
    job = whole.slurm.submit("-N2", "-w", "gpu[0001-0002]", "--chdir=/tmp", script="sleep 60")
    until(lambda: "PENDING" in settled(whole, job, "PENDING") and restarts(whole, job), "the job requeued")
    assert drained(whole) == []
    assert not any(whole.peers(at) for at in range(NODES))


def test_our_own_outage_lets_jobs_start_where_that_was_chosen(whole):
    """on_outage = allow: the job runs; its host keeps the rules that it had, and the fence follows when it is back."""
    whole.install("allow", deadline=1)
    whole.end_follower()
    job = whole.slurm.submit("-N2", "-w", f"{name(LAST)},{name(LAST + 1)}", "--chdir=/tmp", script="sleep 60")
    settled(whole, job, "RUNNING")
    assert whole.peers(LAST) == set()
    whole.follow(slurm_conf=whole.slurm.conf)
    until(lambda: whole.peers(LAST) == {LAST + 1}, "the compartment made up for")


@pytest.mark.parametrize(("outage", "state", "node"), [("hold", "PENDING", "drain"), ("allow", "RUNNING", "alloc")])
def test_an_enforcer_that_is_killed_in_the_middle_of_prolog(whole, outage, state, node):
    """The controller's gate allowed; the node's own hook then decides as it is set, for its own node alone."""
    whole.install("allow", prolog=outage)
    whole.end_follower()
    job = whole.slurm.submit("-w", "gpu0004", "--chdir=/tmp", script="sleep 60")
    prolog = until(lambda: process_of(whole.hooks / "prolog"), "the prolog")
    whole.enforcers[3].kill()
    settled(whole, job, state)
    until(lambda: process_of(whole.hooks / "prolog") != prolog, "the end of the prolog")
    until(lambda: node in whole.slurm.ask("sinfo", "-h", "-n", "gpu0004", "-o", "%T"), f"the node {node}")
    assert drained(whole) == (["gpu0004"] if node == "drain" else [])


def test_what_hooks_lose_when_the_controller_dies_is_made_up_for(whole):
    """slurmctld is killed right after a mass cancel, and no epilog of it runs: the hosts are freed all the same."""
    jobs = []
    for at in range(0, 8, 2):
        look, place = witness(whole, at)
        nodes = f"{name(at)},{name(at + 1)}"
        jobs.append(whole.slurm.submit("-N2", "-w", nodes, "--chdir=/tmp", script=f"{look}; sleep 600"))
        told(whole, place)
    (whole.hooks / "epilog-slurmctld").write_text("#!/bin/true\n")  # whether a kill comes before it is chance
    controller = next(one for one in whole.slurm.started if one.args[0].endswith("slurmctld") and one.poll() is None)
    subprocess.run(["scancel", *jobs], env=whole.slurm.env, check=True)
    os.kill(controller.pid, signal.SIGKILL)
    controller.wait(5)
    whole.slurm.start(controller.args)
    again = ["scancel", *jobs]  # what the controller had not written down before it died, it has forgotten
    until(lambda: subprocess.run(again, env=whole.slurm.env, check=False).returncode == 0, "the controller back")
    until(lambda: not any(whole.peers(at) for at in range(NODES)), "every host freed")
    until(lambda: whole.said(f"job {jobs[0]} has ended and no hook said so"), "the correction told")


def restarts(whole: Gated, job: str) -> int:
    """How often Slurm requeued the job."""
    words = whole.slurm.ask("scontrol", "-o", "show", "job", job).split()
    return int(next(word.partition("=")[2] for word in words if word.startswith("Restarts=")))


def process_of(program: Path) -> int:
    """The process that runs this hook, or 0."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                argv = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if str(program).encode() in argv:
                return int(entry.name)
    return 0
