"""A real slurmctld keeps work where the compiled reservations and partitions let it, for ordinary users."""

import subprocess
from collections.abc import Iterator
from itertools import product

import pytest

from ringfence.enforce.slurm import HOLD
from ringfence.enforce.slurm import Slurm as Enforcer
from ringfence.errors import EnforceError
from ringfence.segment.compile import WRITERS
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Policy
from ringfence.segment.prove import PROVERS
from tests.live.slurm import Slurm, running
from tests.segment.policies import fence

pytestmark = pytest.mark.live
HOSTS = tuple(f"host:gpu{at:04d}" for at in range(1, 5))
CLUSTER = "cluster:rf"
QUICK = "SchedulerParameters=bf_interval=1,batch_sched_delay=0,sched_min_interval=100000\n"
GROUPS = {"vision": ("tenant:vision",), "nlp": ("tenant:nlp",), "a": HOSTS[:2], "b": HOSTS[2:3], "idle": HOSTS[3:]}
POLICY = fence("scheduler", GROUPS, [("vision", "a", "any"), ("nlp", "b", "any"), ("vision", "b", "any")])
SWAPPED = fence("scheduler", GROUPS, [("nlp", "a", "any"), ("vision", "b", "any"), ("nlp", "idle", "any")])
USER = {"vision": "nobody", "nlp": "games"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Slurm]:
    with running(nodes=4, accounting=True, extra=QUICK) as started:
        started.ask("sacctmgr", "-i", "add", "account", "nlp", "Description=n", "Organization=lab")
        started.ask("sacctmgr", "-i", "add", "user", "games", "Account=nlp")
        yield started


def inventory(cluster: Slurm) -> Inventory:
    others = [line for line in cluster.ask("scontrol", "-o", "show", "partition").splitlines() if "=rf-" not in line]
    return Inventory(enforcers={"slurm": (CLUSTER,)}, there={"slurm": {CLUSTER: "\n".join(others)}})


def artefact(cluster: Slurm, policy: Policy = POLICY) -> Artefact:
    (only,) = WRITERS["slurm"].write(policy, inventory(cluster)).artefacts
    return only


def enforcer(cluster: Slurm) -> Enforcer:
    return Enforcer(CLUSTER, cluster.env)


def submit(cluster: Slurm, tenant: str, node: str, partition: str = "train") -> str:
    """A job of an ordinary user: root passes every limit."""
    account = ("setpriv", f"--reuid={USER[tenant]}", "--regid=nogroup", "--clear-groups")
    options = ("-A", tenant, "-w", node, "-p", partition, "--chdir=/tmp", "--output=/dev/null", "--wrap=sleep 60")
    return cluster.ask(*account, "sbatch", "--parsable", *options).strip()


def running_jobs(cluster: Slurm) -> set[str]:
    return set(cluster.ask("squeue", "-h", "-t", "RUNNING", "-o", "%i").split())


def test_work_starts_where_it_is_meant_and_waits_elsewhere(cluster: Slurm) -> None:
    """Each job is looked at after a later one has started, hence after the scheduler has passed it by."""
    enforcer(cluster).apply(artefact(cluster))
    meant = {("vision", "gpu0001"), ("vision", "gpu0003"), ("nlp", "gpu0003")}
    jobs = {submit(cluster, *pair): pair for pair in product(USER, ("gpu0001", "gpu0003", "gpu0004"))}
    for job, pair in jobs.items():
        if pair in meant:
            cluster.wait(f"the job of {pair}", "squeue", "-h", "-j", job, "-o", "%T", until="RUNNING")
    last = submit(cluster, "vision", "gpu0002", "rf-vision")
    cluster.wait("the last job", "squeue", "-h", "-j", last, "-o", "%T", until="RUNNING")
    assert {jobs[job] for job in running_jobs(cluster) & jobs.keys()} == meant
    cluster.ask("scancel", last, *jobs)


def test_what_is_read_back_is_proven(cluster: Slurm) -> None:
    ours = enforcer(cluster)
    ours.apply(artefact(cluster))
    back = Artefact("read back", ours.read(), (CLUSTER,))
    proof = PROVERS["slurm"].prove(POLICY, inventory(cluster), (back,), ())
    assert proof.holds
    cluster.ask("scontrol", "update", "ReservationName=rf-vision", "Accounts=vision,nlp")
    drifted = Artefact("read back", ours.read(), (CLUSTER,))
    (leak,) = PROVERS["slurm"].prove(POLICY, inventory(cluster), (drifted,), ()).differences
    assert (leak.kind, leak.source, leak.pairs) == ("leak", "tenant:nlp", 2)
    ours.apply(artefact(cluster))
    assert ours.read() == back.text


def test_tenants_change_places_while_a_job_runs_and_come_back(cluster: Slurm) -> None:
    ours = enforcer(cluster)
    ours.apply(artefact(cluster))
    before, others = ours.read(), inventory(cluster)
    number = cluster.submit("--uid=nobody", "-A", "vision", "-w", "gpu0001", "--chdir=/tmp")
    cluster.wait("the job running", "squeue", "-h", "-j", number, "-o", "%T", until="RUNNING")
    ours.apply(artefact(cluster, SWAPPED))
    assert PROVERS["slurm"].prove(SWAPPED, others, (Artefact("back", ours.read(), (CLUSTER,)),), ()).holds
    ours.restore(before)
    assert ours.read() == before
    cluster.ask("scancel", number)


def test_a_hold_left_by_a_crash_closes_and_the_next_apply_releases_it(cluster: Slurm) -> None:
    ours = enforcer(cluster)
    ours.apply(artefact(cluster))
    before = ours.read()
    kept = ("StartTime=now", "Duration=UNLIMITED", "Flags=MAINT,IGNORE_JOBS")
    cluster.ask("scontrol", "create", "reservation", f"ReservationName={HOLD}", "Nodes=gpu0001", "Users=root", *kept)
    assert HOLD in ours.read()
    proof = PROVERS["slurm"].prove(POLICY, inventory(cluster), (Artefact("back", ours.read(), (CLUSTER,)),), ())
    assert {(one.kind, one.target) for one in proof.differences} == {("break", HOSTS[0])}
    ours.apply(artefact(cluster))
    assert ours.read() == before


def test_an_account_that_slurm_does_not_know_stops_it_closed(cluster: Slurm) -> None:
    ours = enforcer(cluster)
    ours.restore("")
    text = "scontrol create reservation ReservationName=rf-x Nodes=gpu0001 Accounts=unheard Flags=MAGNETIC\n"
    with pytest.raises(EnforceError, match="Invalid account") as caught:
        ours.apply(Artefact("x", text, (CLUSTER,)))
    assert "rf-x" in caught.value.left[0]
    assert HOLD in ours.read()
    ours.restore("")
    assert ours.read() == ""
    told = subprocess.run(["scontrol", "-o", "show", "partition"], env=cluster.env, capture_output=True, check=True)
    assert b"PartitionName=train" in told.stdout
