"""D45: a host's fence denies more packets than ever."""

from ringfence.watch.detectors import denied_by_fence
from ringfence.watch.incident import Joiner, Joining
from ringfence.watch.rating import CONTEXT
from ringfence.watch.site import Nowhere
from ringfence.wire.ocsf import classes
from tests.watch.events import both_ways, event, time, view
from tests.watch.hostile import hostile

HOUR = 3600


def denied(at, packets, rule="denied_out"):
    """A counter that grew."""
    return event(classes.FENCE, 1, at, "gpu0001", source="host:gpu0001/fence", fence__rule=rule, fence__packets=packets)


def test_many_more_than_ever_are_told_once_an_hour():
    """With their number, for the host."""
    usual = [denied(at * HOUR, 40) for at in range(5)]
    found = both_ways(denied_by_fence, [*usual, *(denied(5 * HOUR + at, 60) for at in range(0, 600, 10))])
    assert len(found) == 1
    assert found[0].entities == ("host:gpu0001",)
    assert "180 packets" in found[0].why


def test_noise_that_goes_on_is_told_once_and_is_then_usual():
    """Broadcasts are denied all day."""
    found = both_ways(denied_by_fence, [denied(at * HOUR / 10, 50) for at in range(240)])
    assert len(found) == 1


def test_it_opens_no_incident():
    """It is told in those that are there."""
    found = both_ways(denied_by_fence, [denied(5, 1_000_000)])
    assert [one.severity < CONTEXT for one in found] == [True]
    assert list(Joiner(Nowhere()).join(Joining(), found, time(100), view())) == []


def test_budgets_and_single_packets_are_not_its_business():
    """A counter that grows by less than a hundred an hour is noise."""
    other = event(classes.FENCE, 3, 5, "gpu0001", fence__rule="spend_0123456789", fence__packets=10_000)
    assert both_ways(denied_by_fence, [other, denied(6, 99)]) == []


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(denied_by_fence)
