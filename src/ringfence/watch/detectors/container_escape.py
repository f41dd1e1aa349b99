"""Somebody in a job or container does what leads out of it: host namespaces, host paths, the kernel's own handlers."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.detector import NODE, About, View
from ringfence.watch.learned import Learning, Spread, clock
from ringfence.watch.rows import Who, foothold, matching, named, noticed, shown, who
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D71",
    name="container_escape",
    title="A step out of a container",
    meaning="A process of a job or container enters the host's namespaces, mounts its paths or devices, or writes a "
    "handler that the kernel runs as root.",
    stage=NODE,
    sees=(classes.PROCESS, classes.FILE, classes.KERNEL, classes.MODULE),
    threats=("RF.T23",),
    attack=("T1611",),
    false="A job of an administrator; a container runtime that works within the job's control group.",
    severity=75,
    urgent=True,
)

COMMAND = (
    r"\bnsenter\b.*(-t\s*1\b|--target[ =]1\b|-a\b|-m\b|--mount)|\bunshare\b.*(-[a-zA-Z]*m|--mount)|"
    r"release_agent|core_pattern|/proc/1/(root|ns|cwd)|/proc/sysrq-trigger|\bmount\b.*\s/dev/(sd|nvme|vd|dm-|mapper)|"
    r"\bmount\b.*(-t\s*(cgroup|proc|sysfs)\b|--bind\s+/\s|--rbind\s+/\s)|\bchroot\s+/(host|mnt|proc/1/root)|"
    r"docker\.sock|containerd\.sock|crio\.sock|\bdocker\b.*(--privileged|-v\s*/:|--pid[= ]host)|"
    r"\bdebugfs\b.*/dev/|"
    r"\bgdb\b.*(-p|--pid)[ =]?\d|\bcapsh\b|\bptrace\b|\bmknod\b.*\sb\s|\binsmod\b|uevent_helper|"
    r"/sys/fs/cgroup/[^ ]*/(notify_on_release|devices\.allow)|LD_PRELOAD=.*nvidia-ctk"
)
"""As such steps are taken, in one expression of linear time."""
WORDS = (
    *("nsenter", "unshare", "release_agent", "core_pattern", "/proc/1/", "sysrq", "mount", "chroot", ".sock", "docker"),
    *("debugfs", "gdb", "capsh", "ptrace", "mknod", "insmod", "uevent_helper", "/sys/fs/cgroup", "LD_PRELOAD"),
)
FILE = (
    r"^/proc/sys/kernel/(core_pattern|modprobe|hotplug)$|release_agent$|/uevent_helper$|^/proc/(1/(root|mem|environ|ns)|sysrq)|"
    r"^/(var/)?run/(docker|containerd/containerd|crio/crio)\.sock$|^/dev/(mem|kmem|sd[a-z]|nvme\d+n\d+|dm-\d+)|"
    r"^/host/|^/etc/(ld\.so\.preload|cron\.d/|sudoers)|^/var/lib/kubelet/|^/var/spool/slurm"
)
PLACES = (
    "/proc/",
    "release_agent",
    "uevent_helper",
    ".sock",
    "/dev/",
    "/host/",
    "/etc/",
    "/var/lib/kubelet/",
    "/var/spool/",
)
USUAL = 4
"""Jobs of different accounts that do the same before it is how jobs are here."""


class State(msgspec.Struct):
    """(program, its parent) → accounts that did such a thing while habits were learned."""

    learning: Learning = msgspec.field(default_factory=Learning)
    usual: Spread = msgspec.field(default_factory=lambda: Spread(owners=USUAL))


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Commands of jobs and containers, and files that no job touches."""
    found = [
        *((row, "process.cmd_line") for row in _rows(batch, "process.cmd_line", classes.PROCESS, COMMAND, WORDS)),
        *((row, "file.path") for row in _rows(batch, "file.path", classes.FILE, FILE, PLACES)),
        *(
            (row, "actor.process.cmd_line")
            for row in _rows(batch, "actor.process.cmd_line", classes.KERNEL, COMMAND, WORDS)
        ),
    ]
    jobs = batch.codes("job.uid")
    found += [(row, "module.file.path") for row in batch.rows(classes.MODULE).tolist() if jobs.codes[row] >= 0]
    if not found:
        return
    learned = state.learning.done(clock(batch))
    for row, column in found:
        one = who(batch, row)
        boxed = one.job or _contained(batch.text("process.cgroup", row)) or batch.text("process.container.name", row)
        if boxed:
            yield from _judge(state, one, shown(batch.text(column, row)), learned)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()


def _rows(batch: Batch, column: str, class_uid: int, pattern: str, words: tuple[str, ...]) -> list[int]:
    found: list[int] = matching(batch, column, batch.rows(class_uid), pattern, words).tolist()
    return found


def _judge(state: State, one: Who, did: str, learned: bool) -> Iterator[Signal]:
    key = f"{one.process}|{did.partition(' ')[0][:60]}"
    if state.usual.count(key) >= USUAL and learned:
        return
    if not learned:
        state.usual.add(key, one.user, one.time)
    why = f"{one.process or 'a process'} of {one.job or 'a container'}: {did}"
    holds = (*foothold(one), f"{named('host', one.host)}#root")
    yield noticed(about, one, f"{one.host}|{one.job}", why, confidence=0.75, holds=holds)


def _contained(cgroup: str) -> bool:
    """Whether a control group is a container's or job's by its path."""
    return any(
        mark in cgroup for mark in ("/job_", "/kubepods", "docker-", "/docker/", "crio-", "libpod", "containerd")
    )
