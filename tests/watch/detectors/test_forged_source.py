"""D62: a source tells what is not its own."""

from ringfence.watch.detectors import forged_source
from ringfence.wire.ocsf import classes
from tests.watch.events import both_ways, event
from tests.watch.hostile import LATER, hostile


def counted(at: float, activity: int, count: int, source: str = "ringfence/loss"):
    """What was counted on receipt."""
    said = {"telemetry__of": "host:gpu0001/auth", "telemetry__count": count, "telemetry__why": "spoke for gpu0009"}
    return event(classes.TELEMETRY, activity, at, "gpu0001", source=source, **said)


def test_one_forged_event_is_told_and_names_the_forger():
    """Not the one that it spoke for."""
    found = both_ways(forged_source, [counted(60, 6, 1)])
    assert found[0].entities == ("host:gpu0001",)
    assert found[0].sources == ("host:gpu0001/auth",)
    assert "spoke for gpu0009" in found[0].why


def test_replays_by_the_hundred_are_told_and_a_few_are_not():
    """An agent that was cut off sends some twice."""
    assert both_ways(forged_source, [counted(60, 2, 30)]) == []
    assert len(both_ways(forged_source, [counted(60, 2, 300)])) == 1


def test_an_agents_own_word_on_its_queue_is_none():
    """It drops and says so."""
    assert both_ways(forged_source, [counted(60, 2, 5000, "host:gpu0001/health")]) == []


def test_who_begins_to_tell_of_jobs_is_told():
    """Only the scheduler's host did."""
    usual = [event(classes.JOB, 1, at, "slurm1", source="host:slurm1/slurm") for at in (1, LATER)]
    odd = event(classes.JOB, 1, LATER + 60, "slurm1", source="host:gpu0001/slurm")
    assert both_ways(forged_source, usual) == []
    assert "host:gpu0001" in both_ways(forged_source, [*usual, odd])[0].entities


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(forged_source)
