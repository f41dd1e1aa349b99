"""D61: events are held back."""

from ringfence.watch.detectors import events_lost
from ringfence.wire.ocsf import classes
from tests.watch.events import both_ways, event
from tests.watch.hostile import hostile


def gap(at: float, host: str = "gpu0001", count: int = 2):
    """Numbers that are missing."""
    said = {"telemetry__of": f"host:{host}/sockets", "telemetry__count": count}
    return event(classes.TELEMETRY, 1, at, host, source="ringfence/loss", **said)


def test_gaps_that_come_again_are_told():
    """In the fourth span of five minutes."""
    found = both_ways(events_lost, [gap(at * 150) for at in range(12)])
    assert found[0].entities == ("host:gpu0001",)
    assert "in 4 five-minute spans" in found[0].why
    assert found[0].sources == ("host:gpu0001/sockets",)


def test_a_flood_and_a_gap_a_day_are_silent():
    """A queue that was full for a minute."""
    assert both_ways(events_lost, [gap(at, count=500) for at in range(60)]) == []
    assert both_ways(events_lost, [gap(at * 86400) for at in range(9)]) == []


def test_a_network_that_loses_of_all_is_told_as_one():
    """With little confidence."""
    found = both_ways(events_lost, [gap(turn * 300 + at, f"n{at}") for turn in range(6) for at in range(60)])
    assert {one.key for one in found if one.confidence < 0.5} == {"everywhere"}


def test_a_gap_that_somebody_tells_of_another_is_his_own_word():
    """Else a line at an open port, or one enrolled key, could speak as any source there is."""
    said = {"telemetry__of": "host:gpu0007/sockets", "telemetry__count": 2}
    for teller in ("ndjson/10.0.0.9", "host:gpu0001/agent"):
        gaps = [event(classes.TELEMETRY, 1, at * 150, "gpu0001", source=teller, **said) for at in range(12)]
        found = both_ways(events_lost, gaps)
        assert found
        assert {source for one in found for source in one.sources} == {teller}


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(events_lost)
