"""D12: weights are staged on a node."""

from ringfence.watch.detectors import weights_staged
from ringfence.watch.site import Data
from ringfence.wire.ocsf import classes
from tests.watch.events import FakeSite, both_ways, event, job
from tests.watch.hostile import LATER, hostile

SITE = FakeSite(data=[Data("model:m", "/models/m", 14_000_000_000, frozenset({"identity:ada"}))])
JOBS = [job("job:1", "gpu0001")]


def file(activity: int, at: float, path: str, size: int, data: str | None = None):
    """A file is read or written."""
    said = {
        "file__path": path,
        "file__bytes": size,
        "file__data": data,
        "actor__user__name": "ada",
        "job__uid": "job:1",
    }
    return event(classes.FILE, activity, at, "gpu0001", actor__process__name="python3", **said)


def test_as_many_bytes_as_weights_in_a_scratch_folder_are_told():
    """Surer where as much was read."""
    first = file(3, 5, "/tmp/a", 10)
    written = [file(3, LATER + at * 600, f"/tmp/.p{at}", 60_000_000) for at in range(8)]
    reads = [file(2, LATER + at * 600 - 9, "/models/m/a", 60_000_000, "model:m") for at in range(8)]
    found = both_ways(weights_staged, [first, *written], site=SITE)
    assert found[0].confidence == 0.55
    assert "of model:m" in found[0].why
    both = sorted([*written, *reads], key=lambda one: one.time)
    assert max(one.confidence for one in both_ways(weights_staged, [first, *both], JOBS, site=SITE)) == 0.7


def test_a_model_read_a_little_at_a_time_for_hours_is_told():
    """Six spans of ten minutes."""
    reads = [file(2, LATER + at * 1200, "/models/m/a", 10**8, "model:m") for at in range(8)]
    assert len(both_ways(weights_staged, [file(2, 5, "/x", 1), *reads], JOBS, site=SITE)) == 3


def test_packing_is_told():
    """A part at a time."""
    packed = event(classes.PROCESS, 1, 9, process__cmd_line="tar -cf /tmp/p1.tar model", process__user__name="ada")
    assert len(both_ways(weights_staged, [packed])) == 1


def test_loading_caches_and_one_look_are_silent():
    """Compiled kernels are written by every job."""
    loads = [file(2, at * 20, "/models/m/a", 10**9, "model:m") for at in range(60)]
    caches = [file(3, LATER + at, f"/tmp/cache/{at}", 90_000) for at in range(50)]
    look = [file(2, LATER + at * 20, "/models/m/a", 10**9, "model:m") for at in range(24)]
    assert both_ways(weights_staged, [*loads, *caches, *look], JOBS, site=SITE) == []


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(weights_staged)
