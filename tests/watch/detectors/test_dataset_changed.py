"""D14: a dataset was changed."""

from ringfence.watch.detectors import dataset_changed
from ringfence.wire.ocsf import classes
from tests.watch.events import both_ways, event
from tests.watch.hostile import LATER, hostile

DAY = 86400


def wrote(at: float, user: str, name: str = "part-1", data: str = "dataset:d"):
    """A file of a dataset is written."""
    said = {"file__path": f"/d/{name}", "file__data": data, "actor__user__name": user}
    return event(classes.FILE, 3, at, "login1", actor__process__name="python3", **said)


def nightly(nights: int):
    """The pipeline's own account, at two in the morning."""
    return [wrote(night * DAY + 7200 + at, "svc-t1", f"part-{at}") for night in range(nights) for at in range(5)]


def test_an_account_that_makes_no_data_is_told_at_the_first_file():
    """However few bytes."""
    found = both_ways(dataset_changed, [*nightly(1), wrote(LATER + 7200, "eve")])
    assert [one.entities for one in found] == [("host:login1", "identity:eve", "dataset:d")]
    assert "dataset:d#write" in found[0].holds


def test_the_pipeline_at_another_hour_is_told_with_less():
    """Its key may be in other hands."""
    found = both_ways(dataset_changed, [*nightly(1), wrote(LATER + 7200, "svc-t1")])
    assert [one.confidence for one in found] == [0.5]


def test_the_pipeline_every_night_and_another_tenants_are_silent():
    """They work alike."""
    other = [wrote(DAY + 7500 + at, "svc-t2", f"part-{at}", "dataset:e") for at in range(5)]
    assert both_ways(dataset_changed, [*nightly(3), *other]) == []


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(dataset_changed)
