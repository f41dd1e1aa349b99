"""Programs that start, from the kernel's own connector and by looking."""

import subprocess
import sys
import time

from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.collect.telemetry.samplers.processes import Processes
from ringfence.collect.telemetry.samplers.processes_sampled import SampledProcesses
from tests.collect.telemetry.samplers.looked import need_root, started, until

CHILD = [sys.executable, "-c", "import time; time.sleep(60)", "mark-of-this-test"]


def marked(found):
    """The events of the child."""
    return [one for one in found if "mark-of-this-test" in str(one.fields.get("process.cmd_line", ""))]


def test_the_kernel_tells_of_a_program_that_starts():
    """With its parent, without asking for it."""
    need_root()
    sampler = Processes(Machine("gpu0001"))
    started(sampler)
    try:
        with subprocess.Popen(CHILD) as child:
            (event, *_) = marked(until(sampler, marked))
            child.kill()
        assert (event.class_uid, event.activity_id, event.host) == (1007, 1, "gpu0001")
        assert event.fields["process.pid"] == child.pid
        assert event.fields["process.user.name"] == "root"
        assert "python" in str(event.fields["actor.process.name"])
    finally:
        sampler.close()


def test_a_program_that_is_gone_already_still_has_a_parent():
    """The kernel told of the fork; nothing in between is lost uncounted."""
    need_root()
    sampler = Processes(Machine("gpu0001"))
    started(sampler)
    try:
        with subprocess.Popen(["sh", "-c", "sleep 0.05; /bin/true; sleep 5"]) as shell:
            time.sleep(0.3)
            found = until(sampler, lambda told: [one for one in told if one.fields["actor.process.pid"] == shell.pid])
            shell.kill()
        assert any(one.fields.get("actor.process.pid") == shell.pid for one in found)
        assert sampler.lost() == 0
    finally:
        sampler.close()


def test_without_the_right_proc_is_compared():
    """A second later, and only what still runs; nothing at the first look."""
    sampler = SampledProcesses(Machine("gpu0001"))
    sampler.open()
    assert list(sampler.look()) == []
    with subprocess.Popen(CHILD) as child:
        (event,) = marked(until(sampler, marked))
        child.kill()
    assert event.fields["process.pid"] == child.pid
