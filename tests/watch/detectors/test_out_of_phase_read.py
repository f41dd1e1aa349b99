"""D11: a checkpoint is read out of phase."""

from ringfence.watch.detectors import out_of_phase_read
from ringfence.wire.ocsf import classes
from tests.watch.events import both_ways, event, job
from tests.watch.hostile import LATER, hostile

JOBS = [job("job:1", "gpu0001", account="t1")]


def read(at: float, size: int = 2**30, activity: int = 2, name: str = "model-1.safetensors", **said):
    """A file of a checkpoint is read."""
    fields = {"file__path": f"/c/{name}", "file__data": "checkpoint:c", "file__bytes": size, "job__uid": "job:1"}
    fields |= {"actor__user__name": "ada", "actor__process__name": "python3"}
    return event(classes.FILE, activity, at, "gpu0001", **(fields | said))


def test_a_job_that_reads_a_checkpoint_hours_after_its_start_is_told():
    """As soon as it opens the tensors, or by the gigabyte."""
    found = both_ways(out_of_phase_read, [read(9), read(LATER, 0, 14)], JOBS)
    assert "opened checkpoint:c 11.0 h after it began" in found[0].why
    found = both_ways(out_of_phase_read, [read(9), read(LATER, name="data.raw")], JOBS)
    assert "checkpoint:c#read" in found[0].holds


def test_loading_looking_at_pointers_and_habits_are_silent():
    """An uploader that reads in job after job is known."""
    loading = [read(300 + at, 10**10) for at in range(20)]
    pointer = [read(LATER, 0, 14, "metadata.json"), read(LATER + 1, 48_000, name="metadata.json")]
    assert both_ways(out_of_phase_read, [*loading, *pointer], JOBS) == []
    uploads = [
        read(2000 + at * 3600, job__uid=f"job:{at}", actor__process__name="uploader")
        for at in range(16)
        for _ in range(2)
    ]
    jobs = [job(f"job:{at}", "gpu0001", account="t1") for at in range(16)]
    assert both_ways(out_of_phase_read, uploads, jobs) == []


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(out_of_phase_read)
