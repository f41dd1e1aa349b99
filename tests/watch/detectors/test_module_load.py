"""D70: an unknown kernel module."""

from ringfence.watch.detectors import module_load
from ringfence.wire.ocsf import classes
from tests.watch.events import both_ways, event
from tests.watch.hostile import LATER, hostile

TREE = "/lib/modules/6.8.0/kernel/drivers"


def loaded(at: float, path: str, host: str = "gpu0001", signed: str = "true"):
    """A module is loaded."""
    said = {"module__file__path": path, "module__signed": signed, "actor__user__name": "root"}
    return event(classes.MODULE, 1, at, host, **said)


def test_a_module_that_is_not_signed_or_lies_elsewhere_is_told_at_once():
    """Both is surer."""
    found = both_ways(module_load, [loaded(1, f"{TREE}/x.ko", signed="false")])
    assert [one.holds for one in found] == [("host:gpu0001#root",)]
    assert both_ways(module_load, [loaded(1, "/tmp/x.ko", signed="false")])[0].confidence == 0.85


def test_a_signed_module_that_no_host_had_is_told_after_learning():
    """In the system's own folder, too."""
    found = both_ways(module_load, [loaded(1, f"{TREE}/fuse.ko"), loaded(LATER, f"{TREE}/odd7.ko")])
    assert "which no host had" in found[0].why


def test_ordinary_and_usual_modules_are_silent():
    """Compressed ones as well."""
    usual = [loaded(t + at, f"{TREE}/site_driver.ko.zst", f"gpu{at}") for t in (0, LATER) for at in range(4)]
    assert both_ways(module_load, [*usual, loaded(LATER + 60, f"{TREE}/nf-conntrack.ko")]) == []


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(module_load)
