"""D09: the metadata service is asked."""

from ringfence.watch.detectors import metadata_service
from ringfence.wire.ocsf import classes
from tests.watch.events import both_ways, event, flow
from tests.watch.hostile import LATER, hostile

SERVICE = "169.254.169.254"


def test_a_job_that_asks_once_is_told():
    """By address, by name or by command."""
    said = {"job__uid": "job:1", "actor__user__name": "ada", "actor__process__name": "python3"}
    name = event(classes.DNS, 1, 9, "gpu0001", query__hostname="metadata.google.internal.", job__uid="job:1")
    command = event(classes.PROCESS, 1, 9, process__cmd_line=f"curl http://{SERVICE}/latest", job__uid="job:1")
    assert len(both_ways(metadata_service, [flow(60, "gpu0001", SERVICE, 80, **said)])) == 1
    assert len(both_ways(metadata_service, [name])) == 1
    assert len(both_ways(metadata_service, [command])) == 1


def test_the_systems_own_agents_are_habit():
    """The same program on every host; a new one on one host is told."""
    said = {"actor__user__name": "root", "actor__process__name": "cloud-agent"}
    usual = [flow(at, f"gpu000{at % 5}", SERVICE, 80, **said) for at in range(60)]
    later = [flow(LATER, "gpu0001", SERVICE, 80, **said)]
    odd = [flow(LATER + 60, "gpu0001", SERVICE, 80, actor__user__name="root", actor__process__name="curl")]
    assert both_ways(metadata_service, [*usual, *later]) == []
    assert len(both_ways(metadata_service, [*usual, *later, *odd])) == 1


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(metadata_service)
