"""D71: a step out of a container."""

import pytest

from ringfence.watch.detectors import container_escape
from ringfence.wire.ocsf import classes
from tests.watch.events import both_ways, event
from tests.watch.hostile import hostile


def ran(command: str, uid: str | None = "job:1", cgroup: str = "", user: str = "root"):
    """A program starts."""
    said = {"process__cmd_line": command, "process__name": command.split(" ")[0], "process__user__name": user}
    return event(classes.PROCESS, 1, 60, "gpu0001", job__uid=uid, process__cgroup=cgroup, **said)


@pytest.mark.parametrize(
    "command",
    [
        "nsenter --target 1 --mount --pid -- sh",
        "mount /dev/nvme0n1p2 /mnt",
        "chroot /mnt sh",
        "unshare -UrmC sh",
        "sh -c 'echo /x > /sys/fs/cgroup/rdma/release_agent'",
        "cat /proc/1/root/etc/shadow",
        "docker -H unix:///var/run/docker.sock run -v /:/host alpine",
        "gdb -p 1234",
    ],
)
def test_steps_out_of_a_job_are_told(command: str):
    """And what is then held."""
    found = both_ways(container_escape, [ran(command)])
    assert "host:gpu0001#root" in found[0].holds
    assert "job:1" in found[0].entities


def test_a_handler_of_the_kernel_that_is_written_is_told():
    """As a file."""
    written = event(classes.FILE, 3, 9, "gpu0001", file__path="/proc/sys/kernel/core_pattern", job__uid="job:1")
    assert len(both_ways(container_escape, [written])) == 1


def test_the_system_itself_and_honest_jobs_are_silent():
    """Runtimes enter namespaces all day, outside of jobs."""
    system = [ran("nsenter --target 1 --mount", None, "/system.slice/slurmd.service")]
    jobs = [ran("python3 train.py", user="ada"), ran("mount", user="ada"), ran("nsys profile python3", user="ada")]
    assert both_ways(container_escape, [*system, *jobs]) == []
    assert len(both_ways(container_escape, [ran("nsenter -t 1 -m", None, "/kubepods/pod1")])) == 1


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(container_escape)
