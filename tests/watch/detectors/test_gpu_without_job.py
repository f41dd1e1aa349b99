"""D23: work on an accelerator that is not the work of the job that holds it."""

import pytest

from ringfence.watch.detectors import gpu_without_job
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event
from tests.watch.detectors.below import LONG, reserved
from tests.watch.events import both_ways, event, job, started

HOUR = 3600


def process(at: float, who: str, uid: str | None = None, gpu: int = 0, host: str = "a", name: str = "python3") -> Event:
    """A process begins to use an accelerator."""
    said = {"process__user__name": who, "process__name": name, "job__uid": uid, "gpu__uuid": f"GPU-{host}{gpu}"}
    return event(classes.GPU, 2, at, host, **said)


def samples(start: float, minutes: float, busy: float, uid: str | None = None, host: str = "a") -> list[Event]:
    """An accelerator's samples, one each ten seconds."""
    said = {"gpu__uuid": f"GPU-{host}0", "gpu__utilization": busy, "job__uid": uid}
    return [event(classes.GPU, 1, start + 10 * turn, host, **said) for turn in range(int(minutes * 6))]


def test_a_process_of_another_account_than_the_jobs_is_told():
    """At once."""
    (found,) = both_ways(gpu_without_job, [process(HOUR, "eve")], [job("1", "a")])
    assert found.entities == ("host:a", "gpu:GPU-a0", "identity:eve")
    assert found.confidence * found.severity >= 45
    assert "held by 1 of ada" in found.why


def test_a_process_where_no_job_runs_is_told():
    """Of a person; a service of the system may look after its machine."""
    assert both_ways(gpu_without_job, [process(0, "eve")]) != []
    assert both_ways(gpu_without_job, [process(0, "root", name="dcgmi")]) == []


def test_the_jobs_own_processes_are_honest():
    """Before its start was heard, while it runs, just after its end, and those of a pod."""
    assert both_ways(gpu_without_job, [started(0, "1", "a", job__user="ada"), process(5, "ada", "1")]) == []
    assert both_ways(gpu_without_job, [process(HOUR, "ada")], [job("1", "a")]) == []
    assert (
        both_ways(gpu_without_job, [process(HOUR, "ada")], [job("1", "a", ended=job("x").started + 3590 * 10**6)]) == []
    )
    assert both_ways(gpu_without_job, [process(0, "svc-x", "pod:k/ns/p")]) == []
    assert both_ways(gpu_without_job, [process(HOUR, "ada", "2")], [job("1", "a")]) == []  # his own, of another job


def test_on_a_shared_host_each_accelerator_has_its_own_holder():
    """The neighbour's account has a job there too, but not on that accelerator."""
    two = [started(0, "1", "a", job__user="ada"), started(1, "2", "a", job__user="bob")]
    held = samples(300, 1, 90.0, "1")
    assert both_ways(gpu_without_job, [*two, *held, process(361, "ada", "1")]) == []
    assert both_ways(gpu_without_job, [*two, *held, process(361, "bob", "2")]) != []


@pytest.mark.parametrize(("minutes", "busy", "count"), [(15, 40.0, 1), (5, 99.0, 0), (60, 2.0, 0)])
def test_an_accelerator_without_a_job_that_works_for_long_is_told(minutes: int, busy: float, count: int):
    """A test between two jobs is short, and an idle one shows next to nothing."""
    assert len(both_ways(gpu_without_job, samples(0, minutes, busy))) == count


def test_announced_work_is_honest():
    """A burn-in under reservation."""
    assert both_ways(gpu_without_job, [reserved(0, "a"), *samples(60, 60, 99.0)]) == []


def test_hostile_input_does_no_harm():
    """A flood of accelerators that do not exist, names without end, clocks that jump."""
    odd = [process(at, LONG, host=f"{LONG}{at}") for at in range(50)] + samples(9e9, 1, 1e300) + samples(-9e9, 1, 50.0)
    assert len(both_ways(gpu_without_job, odd)) == 1  # names alike so far are one


def test_samples_of_a_source_that_names_no_jobs_say_nothing_against_a_running_one():
    """nvidia-smi knows of no jobs: that its samples name none is no sign of a free accelerator."""
    held = [started(0, "1", "a", job__user="ada")]
    assert both_ways(gpu_without_job, [*held, *samples(300, 60, 99.0)]) == []
