"""A real slurmctld with ten slurmd, asked by the same questions as any cluster."""

import os
import pwd
import subprocess
from pathlib import Path

import pytest

from ringfence.analyse.derive import derive
from ringfence.analyse.moves import partition_to_host, root_controls_jobs
from ringfence.app.survey import survey_files
from ringfence.collect import slurm
from ringfence.collect.base import CapturedFile, Scope
from ringfence.collect.probe import Probe
from ringfence.collect.slurm_live import live_rest
from ringfence.errors import Problem
from tests.live.slurm import Slurm, need, running

pytestmark = pytest.mark.live
SCOPE = Scope(salt=b"live")


def asked(cluster: Slurm) -> list[CapturedFile]:
    """The answers to the questions that are commands, and the configuration itself."""
    files = [
        CapturedFile(question.path, cluster.ask(*question.argv).encode(), 1.0)
        for question in slurm.QUESTIONS
        if isinstance(question, Probe) and (cluster.database[0] or question.argv[0] in ("sinfo", "squeue", "scontrol"))
    ]
    folder = cluster.folder / "etc"
    names = ("slurm.conf", "gres.conf", "cgroup.conf")
    return files + [CapturedFile(f"slurm/{name}", (folder / name).read_bytes(), 1.0) for name in names]


def facts(files: list[CapturedFile]) -> set[tuple[str, str, str]]:
    """What the files say; none may fail."""
    found = list(slurm.collect("slurm", files, SCOPE))
    assert [one for one in found if isinstance(one, Problem)] == []
    return {(one.subject, one.predicate, one.object) for one in found if not isinstance(one, Problem)}


def test_ten_nodes_and_a_gang_of_two_are_mapped_as_they_are():
    """Hosts, partitions, a job with its nodes, accelerators, account; accounts from slurmdbd."""
    with running(accounting=True) as cluster:
        options = ("--uid=nobody", "-A", "vision", "-N2", "--gres=gpu:4", "--chdir=/tmp", "-J", "a b=c")
        number = cluster.submit(*options, script="sleep 60")
        cluster.wait("the gang running", "squeue", "-h", "-o", "%T", until="RUNNING")
        files = asked(cluster)
    said = facts(files)
    hosts = {subject for subject, predicate, _ in said if predicate == "in_partition"}
    assert hosts == {f"host:gpu{at:04d}" for at in range(1, 11)}
    job = f"job:slurm/rf/{number}"
    assert {
        (job, "runs_on", "host:gpu0001"),
        (job, "runs_on", "host:gpu0002"),
        (job, "runs_as", "identity:nobody"),
        (job, "in_tenant", "tenant:vision"),
        (job, "uses_gpu", "gpu:gpu0001/0"),
        (job, "uses_gpu", "gpu:gpu0002/3"),
        ("identity:bob", "operates", "cluster:rf"),
        ("identity:alice", "coordinates", "tenant:vision-eu"),
        ("tenant:vision", "may_submit", "partition:rf/train"),
        ("identity:group/root", "may_submit", "partition:rf/secure"),
        ("partition:rf/secure", "setting", "nodes=exclusive"),
        ("cluster:rf", "setting", "devices=unconstrained"),
    } <= said
    assert ("identity:*", "may_submit", "partition:rf/train") not in said
    assert len({target for subject, predicate, target in said if subject == job and predicate == "runs_on"}) == 2
    estate = survey_files(files, SCOPE).estate
    assert len(derive(estate, (partition_to_host.MOVE,))) == 12
    assert len(derive(estate, (root_controls_jobs.MOVE,))) == 2


def test_slurmrestd_tells_an_ordinary_account_the_same():
    """As nobody, on a Unix socket of its own; the version is found, not assumed."""
    need(("slurmrestd",))
    with running(nodes=2) as cluster:
        cluster.submit("-N2", "--gres=gpu:1", script="sleep 60")
        cluster.wait("the job running", "squeue", "-h", "-o", "%T", until="RUNNING")
        socket = serve(cluster)
        found = list(live_rest(f"unix:{socket}"))
    files = [one for one in found if isinstance(one, CapturedFile)]
    assert {"slurm/rest-nodes.json", "slurm/rest-jobs.json", "slurm/rest-partitions.json"} <= {
        file.path for file in files
    }
    said = {
        (one.subject, one.predicate, one.object)
        for one in slurm.collect("slurm", files, SCOPE)
        if not isinstance(one, Problem)
    }
    assert {
        ("cluster:rf", "setting", "rest=v0.0.38"),
        ("host:gpu0002", "in_partition", "partition:rf/train"),
        ("job:slurm/rf/1", "runs_on", "host:gpu0002"),
        ("job:slurm/rf/1", "uses_gpu", "gpu:gpu0001/0"),
        ("partition:rf/secure", "asked", "oversubscribe"),
    } <= said


def serve(cluster: Slurm) -> Path:
    """slurmrestd refuses to be root; without slurmdbd it has to be told to leave that part out."""
    folder = cluster.folder / "rest"
    folder.mkdir()
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    socket = folder / "slurmrestd.socket"
    command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "/usr/sbin/slurmrestd"]
    cluster.start(
        [*command, "-s", "openapi/v0.0.38", "-a", "rest_auth/local", f"unix:{socket}"],
        env={**cluster.env, "SLURMRESTD_SECURITY": "disable_unshare_sysv,disable_unshare_files"},
    )
    for _ in range(100):
        if socket.exists():
            break
        subprocess.run(["sleep", "0.1"], check=True)
    return socket
