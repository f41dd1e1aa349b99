"""A real slurmctld and slurmdbd do as containment's document says, and are as before when it is taken back."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringfence.enforce import files
from ringfence.enforce.kept import Kept
from ringfence.enforce.scheduler import Scheduler
from ringfence.errors import EnforceError
from ringfence.segment.model import Artefact
from ringfence.wire.contain import OnScheduler, decode, encode
from tests.live.killing import Killer, died
from tests.live.slurm import Slurm, running

pytestmark = pytest.mark.live
CLUSTER = "cluster:rf"
QUICK = "JobRequeue=1\nKillWait=3\nSchedulerParameters=bf_interval=1,batch_sched_delay=0,sched_min_interval=100000\n"
STUBBORN = "trap '' TERM; while :; do sleep 1; done"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Slurm]:
    with running(nodes=4, accounting=True, extra=QUICK) as started:
        for command in (
            "add user nobody Account=vision-eu Partition=train MaxSubmitJobs=50",
            "add user games Account=vision",
            "modify account vision set MaxSubmitJobs=90",
            "add qos urgent MaxSubmitJobsPerUser=10",
            "modify user nobody set qos+=urgent",
        ):
            started.ask("sacctmgr", "-i", *command.split())
        yield started


@pytest.fixture
def ours(cluster: Slurm, tmp_path: Path) -> Iterator[Scheduler]:
    """A driver with a folder of its own; nothing of it and no job is left behind."""
    driver = Scheduler(CLUSTER, cluster.env, tmp_path / "kept")
    yield driver
    driver.restore("")
    assert driver.read() == ""
    assert not list((tmp_path / "kept").glob("*.json"))
    for user in ("nobody", "games"):
        cluster.ask("scancel", "--quiet", f"--user={user}")


def held(ours: Scheduler, *, users: tuple[str, ...] = (), jobs: tuple[str, ...] = (), nodes: tuple[str, ...] = (),
         reason: str = "incident 7") -> OnScheduler:  # fmt: skip
    """Apply a document and read it back."""
    document = OnScheduler(users, jobs, nodes, reason)
    ours.apply(Artefact("scheduler", encode(document), (CLUSTER,)))
    return decode(ours.read(), OnScheduler)


def as_user(cluster: Slurm, user: str, *argv: str) -> subprocess.CompletedProcess[str]:
    """A command of an ordinary user: root passes some limits."""
    account = ("setpriv", f"--reuid={user}", "--regid=nogroup", "--clear-groups")
    return subprocess.run([*account, *argv], env=cluster.env, capture_output=True, text=True, timeout=20, check=False)


def submit(cluster: Slurm, user: str, *options: str, script: str = "sleep 300") -> str:
    """The number of a new job of an ordinary user; "" where Slurm refuses it for a submit limit."""
    done = as_user(
        cluster, user, "sbatch", "--parsable", "--chdir=/tmp", "--output=/dev/null", *options, f"--wrap={script}"
    )
    assert done.returncode == 0 or "SubmitJob" in done.stderr, done.stderr
    return done.stdout.strip()


def limits(cluster: Slurm) -> str:
    """Every limit of every association, as it was set."""
    shown = "format=user,account,partition,maxsubmitjobs,grpsubmitjobs,maxjobs,grpjobs,grptres"
    return "\n".join(sorted(cluster.ask("sacctmgr", "-nP", "show", "assoc", "WOPLimits", shown).splitlines()))


def state(cluster: Slurm, job: str) -> str:
    return cluster.ask("squeue", "-h", "-t", "all", "-j", job, "-o", "%T").strip()


def started(cluster: Slurm, job: str) -> str:
    cluster.wait("the job running", "squeue", "-h", "-j", job, "-o", "%T", until="RUNNING")
    return job


def node(cluster: Slurm, name: str) -> tuple[set[str], str]:
    """A node's states, but for what pings and ending jobs do to them, and its reason without who and when."""
    shown = cluster.ask("scontrol", "show", "node", name)
    states = shown.partition("State=")[2].split()[0].split("+")
    return set(states) - {"NOT_RESPONDING", "COMPLETING"}, shown.partition("Reason=")[2].partition(" [")[0].strip()


# accounts


def test_a_limited_account_submits_nothing_and_the_undo_is_exact(cluster: Slurm, ours: Scheduler) -> None:
    """Through no association and no QOS; a limit that was 50 is 50 again, one that was unset is unset."""
    before = limits(cluster)
    assert held(ours, users=("nobody",)).users == ("nobody",)
    assert not submit(cluster, "nobody", "-A", "vision")
    assert not submit(cluster, "nobody", "-A", "vision-eu", "-p", "train")
    assert not submit(cluster, "nobody", "-A", "vision", "--qos=urgent")
    assert submit(cluster, "games", "-A", "vision")
    ours.restore("")
    assert limits(cluster) == before
    assert submit(cluster, "nobody", "-A", "vision")


def test_two_documents_after_each_other_lead_back_to_the_same(cluster: Slurm, ours: Scheduler) -> None:
    before = limits(cluster)
    held(ours, users=("nobody",))
    assert held(ours, users=("games", "nobody")).users == ("games", "nobody")
    assert held(ours, users=("games",)).users == ("games",)
    assert submit(cluster, "nobody", "-A", "vision")
    held(ours, users=("nobody",))
    ours.restore("")
    assert limits(cluster) == before


def test_a_limit_that_somebody_sets_meanwhile_is_what_the_undo_leaves(cluster: Slurm, ours: Scheduler) -> None:
    """While the incident is open it is not in force; and one that was 0 before us stays 0."""
    where = ("modify", "user", "where", "name=games", "account=vision", "set")
    held(ours, users=("games",))
    cluster.ask("sacctmgr", "-i", *where, "MaxSubmitJobs=5")
    assert ours.read() == ""
    assert held(ours, users=("games",)).users == ("games",)
    ours.restore("")
    assert "games|vision||5||" in limits(cluster)
    cluster.ask("sacctmgr", "-i", *where, "MaxSubmitJobs=0")
    held(ours, users=("games",))
    ours.restore("")
    assert "games|vision||0||" in limits(cluster)
    cluster.ask("sacctmgr", "-i", *where, "MaxSubmitJobs=-1")


def test_an_association_that_comes_later_is_seen_and_shut_too(cluster: Slurm, ours: Scheduler) -> None:
    held(ours, users=("games",))
    cluster.ask("sacctmgr", "-i", "add", "user", "games", "Account=vision-eu")
    assert decode(ours.read(), OnScheduler).users == ()
    assert held(ours, users=("games",)).users == ("games",)
    assert not submit(cluster, "games", "-A", "vision-eu")
    cluster.ask("sacctmgr", "-i", "delete", "user", "games", "Account=vision-eu")


# jobs


def test_a_gang_is_gone_though_its_script_ignores_sigterm_and_nobody_else_is_touched(
    cluster: Slurm, ours: Scheduler
) -> None:
    script = f"srun sleep 300 & {STUBBORN}"
    gang = submit(cluster, "nobody", "-A", "vision", "-N4", "--requeue", script=script)
    other = started(cluster, submit(cluster, "games", "-A", "vision"))
    started(cluster, gang)
    cluster.wait("its step", "squeue", "-h", "-s", "-j", gang, until=f"{gang}.0")
    assert held(ours, jobs=(gang,)).jobs == (gang,)
    assert state(cluster, gang) in ("CANCELLED", "FAILED")
    assert state(cluster, other) == "RUNNING"
    assert held(ours, jobs=(gang, "4000000")).jobs == tuple(sorted((gang, "4000000")))


def test_a_step_that_ignores_sigterm_is_not_told_as_gone_before_slurmd_has_killed_it(
    cluster: Slurm, ours: Scheduler
) -> None:
    job = submit(cluster, "nobody", "-A", "vision", script=f'srun bash -c "{STUBBORN}"')
    cluster.wait("its step", "squeue", "-h", "-s", "-j", job, until=f"{job}.0")
    told = held(ours, jobs=(job,)).jobs
    assert (told == (job,)) == (state(cluster, job) != "COMPLETING")
    ended = "ED"  # CANCELLED, or FAILED where the script went first; not COMPLETING
    cluster.wait("its end", "squeue", "-h", "-t", "all", "-j", job, "-o", "%T", until=ended)
    assert decode(ours.read(), OnScheduler).jobs == (job,)


def test_a_cancelled_job_is_not_requeued_by_its_owner(cluster: Slurm, ours: Scheduler) -> None:
    job = started(cluster, submit(cluster, "nobody", "-A", "vision", "--requeue"))
    waiting = submit(cluster, "nobody", "-A", "vision", "--requeue", "--hold")
    held(ours, jobs=(job, waiting))
    for one in (job, waiting):
        assert as_user(cluster, "nobody", "scontrol", "requeue", one).returncode != 0
        assert state(cluster, one) in ("CANCELLED", "FAILED")


def test_one_task_of_an_array_goes_and_the_others_run_on(cluster: Slurm, ours: Scheduler) -> None:
    array = submit(cluster, "nobody", "-A", "vision", "--array=1-3")
    cluster.wait("all tasks", "squeue", "-h", "-r", "-j", array, "-t", "RUNNING", "-o", "%i.", until=f"{array}_3.")
    assert held(ours, jobs=(f"{array}_2",)).jobs == (f"{array}_2",)
    left = cluster.ask("squeue", "-h", "-r", "-j", array, "-t", "RUNNING", "-o", "%i").split()
    assert sorted(left) == [f"{array}_1", f"{array}_3"]
    assert held(ours, jobs=(array, f"{array}_2")).jobs == (array, f"{array}_2")


def test_a_number_that_is_somebody_elses_job_now_is_left_alone(cluster: Slurm, ours: Scheduler, tmp_path: Path) -> None:
    """As after a controller that lost its state: the numbers are those that the document asked for."""
    job = started(cluster, submit(cluster, "games", "-A", "vision"))
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "jobs.json").write_text(f'{{"owners":{{"{job}":"nobody"}}}}')
    assert held(ours, jobs=(job,)).jobs == (job,)
    assert state(cluster, job) == "RUNNING"


# nodes


def test_nodes_are_drained_as_one_list_and_come_back(cluster: Slurm, ours: Scheduler) -> None:
    """A job that runs there goes on; the others' jobs as well."""
    job = started(cluster, submit(cluster, "games", "-A", "vision", "-w", "gpu0001"))
    before = [node(cluster, f"gpu000{at}") for at in (3, 4)]
    assert held(ours, nodes=("gpu0001", "gpu0003")) == OnScheduler((), (), ("gpu0001", "gpu0003"), "incident 7")
    assert node(cluster, "gpu0003") == ({"IDLE", "DRAIN"}, "ringfence incident 7")
    assert held(ours, nodes=("gpu0003", "gpu0004"), reason="incidents 7, 8").nodes == ("gpu0003", "gpu0004")
    assert node(cluster, "gpu0003") == ({"IDLE", "DRAIN"}, "ringfence incidents 7, 8")
    assert "DRAIN" not in node(cluster, "gpu0001")[0]
    ours.restore("")
    assert [node(cluster, f"gpu000{at}") for at in (3, 4)] == before
    assert state(cluster, job) == "RUNNING"


def test_what_somebody_else_drained_stays_theirs(cluster: Slurm, ours: Scheduler) -> None:
    """Before us, and since."""
    cluster.ask("scontrol", "update", "NodeName=gpu0001", "State=DRAIN", "Reason=fan [2] is broken")
    assert held(ours, nodes=("gpu0001", "gpu0002")).nodes == ("gpu0001", "gpu0002")
    assert node(cluster, "gpu0001")[1] == "fan"
    cluster.ask("scontrol", "update", "NodeName=gpu0002", "State=DRAIN", "Reason=to be moved")
    ours.restore("")
    assert node(cluster, "gpu0002") == ({"IDLE", "DRAIN"}, "to be moved")
    assert "DRAIN" in node(cluster, "gpu0001")[0]
    cluster.ask("scontrol", "update", "NodeName=gpu[0001-0002]", "State=RESUME")


def test_a_node_that_was_down_is_down_again_with_its_reason(cluster: Slurm, ours: Scheduler) -> None:
    cluster.ask("scontrol", "update", "NodeName=gpu0004", "State=DOWN", "Reason=no power")
    held(ours, nodes=("gpu0004",))
    assert node(cluster, "gpu0004") == ({"DOWN", "DRAIN"}, "ringfence incident 7")
    ours.restore("")
    assert node(cluster, "gpu0004") == ({"DOWN"}, "no power")
    cluster.ask("scontrol", "update", "NodeName=gpu0004", "State=RESUME")


def test_a_node_that_was_resumed_is_seen_and_drained_again(cluster: Slurm, ours: Scheduler) -> None:
    held(ours, nodes=("gpu0002",))
    cluster.ask("scontrol", "update", "NodeName=gpu0002", "State=RESUME")
    assert ours.read() == ""
    assert held(ours, nodes=("gpu0002",)).nodes == ("gpu0002",)


# all of it


def test_one_part_that_fails_leaves_the_others_done(cluster: Slurm, ours: Scheduler) -> None:
    """A name of nothing stops nothing else, in its part or in another."""
    document = OnScheduler(("nobody",), ("1; reboot",), ("gpu0003", "gpu[0001-0002]", "unheard"), "x")
    with pytest.raises(EnforceError, match=r"jobs are not done: no number of a job.+nodes are not done: Slurm has no"):
        ours.apply(Artefact("scheduler", encode(document), (CLUSTER,)))
    assert decode(ours.read(), OnScheduler) == OnScheduler(("nobody",), (), ("gpu0003",), "x")


STEPS = frozenset({files.run.__code__, Kept.save.__code__})


def test_killed_between_any_two_steps_it_still_leads_back(cluster: Slurm, ours: Scheduler) -> None:
    """Applied and taken back, each killed at a moment, then the undo: limits and nodes are as they were."""
    before = limits(cluster), [node(cluster, f"gpu000{at}") for at in range(1, 5)]
    text = encode(OnScheduler(("nobody",), (), ("gpu0001", "gpu0002"), "incident 9"))
    at = 0
    while died(lambda: ours.restore(text), Killer(STEPS, at)):
        died(lambda: ours.restore(""), Killer(STEPS, at))  # where it lasts that long
        ours.restore("")
        assert (limits(cluster), [node(cluster, f"gpu000{one}") for one in range(1, 5)]) == before
        at += 1
    assert at > 5
    assert decode(ours.read(), OnScheduler).users == ("nobody",)


def daemon(cluster: Slurm, name: str) -> subprocess.Popen[bytes]:
    """The newest process of a daemon."""
    return [one for one in cluster.started if Path(str(one.args[0])).name == name][-1]  # type: ignore[index]


def test_without_accounting_nodes_and_jobs_do_not_wait_for_it(cluster: Slurm, ours: Scheduler) -> None:
    """slurmdbd is gone: the error says what is not done, and the same document does it when it is back."""
    before = limits(cluster)
    job = started(cluster, submit(cluster, "nobody", "-A", "vision"))
    gone = daemon(cluster, "slurmdbd")
    gone.terminate()
    gone.wait(10)
    document = encode(OnScheduler(("nobody",), (job,), ("gpu0002",), "x"))
    with pytest.raises(EnforceError, match=r"accounts are not done: .+; jobs and nodes are"):
        ours.apply(Artefact("scheduler", document, (CLUSTER,)))
    assert state(cluster, job) in ("CANCELLED", "FAILED")
    assert "DRAIN" in node(cluster, "gpu0002")[0]
    cluster.start([str(cluster.folder / "sbin" / "slurmdbd"), "-D"])
    cluster.wait("slurmdbd up", "sacctmgr", "-n", "-P", "show", "qos", "format=name", until="normal")
    ours.apply(Artefact("scheduler", document, (CLUSTER,)))
    assert ours.read() == document
    ours.restore("")
    assert limits(cluster) == before


def test_a_controller_that_hangs_ends_in_an_error_and_one_that_restarts_has_it_all(
    cluster: Slurm, ours: Scheduler, tmp_path: Path
) -> None:
    hangs = daemon(cluster, "slurmctld")
    hasty = Scheduler(CLUSTER, cluster.env, tmp_path / "kept", patience=2)
    hangs.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(EnforceError, match="nodes are not done"):
            held(hasty, users=("nobody",), nodes=("gpu0003",))
    finally:
        hangs.send_signal(signal.SIGCONT)
    assert held(ours, users=("nobody",), nodes=("gpu0003",)).nodes == ("gpu0003",)
    hangs.terminate()
    hangs.wait(20)
    cluster.start([str(cluster.folder / "sbin" / "slurmctld"), "-D"])
    cluster.wait("slurmctld up", "scontrol", "ping", until="is UP")
    assert decode(ours.read(), OnScheduler) == OnScheduler(("nobody",), (), ("gpu0003",), "incident 7")
    cluster.wait("its nodes known again", "scontrol", "show", "node", "gpu0003", until="State=IDLE+DRAIN ")
