"""Which job a control group belongs to, and who a process is."""

import os
import subprocess
import sys
import time

from ringfence.collect.telemetry.samplers.machine import Machine

POD = "8f4c2a80-1111-4222-8333-944455556666"


def test_slurms_groups_and_our_own_name_the_job(tmp_path):
    """cgroup v2, cgroup v1, and the slice that the fence makes."""
    machine = Machine("gpu0001", "c1")
    for path in (
        "/system.slice/slurmstepd.scope/job_4711/step_0/user/task_0",
        "/slurm/uid_1000/job_4711/step_batch",
        "/ringfence.slice/job_4711",
    ):
        assert machine.job(path) == "job:slurm/c1/4711"
    for path in ("/", "/user.slice/user-1000.slice", "/user.slice/job_4711", "/system.slice/slurmd.service"):
        assert machine.job(path) == ""


def test_a_pod_is_known_by_the_folder_of_its_logs(tmp_path):
    """Its uid is in the group, its names are not."""
    (tmp_path / f"vision_train-0_{POD}").mkdir()
    machine = Machine("gpu0001", "k1", pods=tmp_path)
    path = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD.replace('-', '_')}.slice/cri-1.scope"
    assert machine.job(path) == "pod:k1/vision/train-0"
    assert machine.job(path.replace("8f4c", "0000")) == ""


def test_a_process_is_told_by_the_kernel_and_remembered_for_a_while():
    """Program, command line, user and parent; still known just after its end."""
    machine = Machine("gpu0001")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        time.sleep(0.1)
        found = machine.who(child.pid)
        assert (found.parent, found.uid, machine.user(found.uid)) == (
            os.getpid(),
            os.geteuid(),
            machine.user(found.uid),
        )
        assert "time.sleep(60)" in found.command
        assert found.path == os.path.realpath(sys.executable)
        child.kill()
    assert machine.who(child.pid) == found
    assert machine.process(child.pid).uid == -1


def test_texts_that_are_empty_are_no_columns():
    """A number that is 0 is."""
    event = Machine("gpu0001").event(1007, 1, {"process.name": "", "process.pid": 0})
    assert event.fields == {"process.pid": 0}
