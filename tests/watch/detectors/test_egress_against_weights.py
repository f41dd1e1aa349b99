"""D04: bytes leave on the scale of weights."""

from ringfence.watch.detectors import egress_against_weights
from ringfence.watch.site import Data
from tests.watch.events import FakeSite, both_ways, flow
from tests.watch.hostile import LATER, hostile

WEIGHTS = Data("model:m", "/models/m", 14_000_000_000, frozenset({"identity:ada"}))
SITE = FakeSite(data=[WEIGHTS])
SAID = {"actor__user__name": "ada", "actor__process__name": "python3"}


def sent(at: float, out: int, target: str = "11.1.1.1", **said):
    """An upload."""
    return flow(at, "gpu0001", target, 443, out, **(SAID | said))


def test_a_part_of_the_weights_within_the_hour_is_told_with_the_part():
    """Seconds after it has left."""
    found = both_ways(
        egress_against_weights, [sent(5, 10), *(sent(LATER + at, 60_000_000) for at in range(4))], site=SITE
    )
    assert len(found) == 1
    assert "1.3% of model:m" in found[0].why or "1.7% of model:m" in found[0].why
    assert found[0].entities == ("host:gpu0001", "identity:ada", "model:m")
    assert "model:m#read" in found[0].holds


def test_little_inside_and_downloads_are_silent():
    """So is what leaves over a day."""
    little = [sent(LATER + at * 3600, 20_000_000) for at in range(12)]
    inside = [sent(LATER + at, 10**9, "10.9.9.9") for at in range(9)]
    fetched = [sent(LATER + at, 10**6, traffic__bytes_in=10**10) for at in range(400)]
    assert both_ways(egress_against_weights, [sent(5, 10), *little, *inside, *fetched], site=SITE) == []


def test_a_place_that_an_account_uses_every_hour_is_its_habit():
    """Up to three times the most; beyond that it counts."""
    habit = [sent(at * 3600 + 60, 400_000_000) for at in range(12)]
    assert both_ways(egress_against_weights, habit, site=SITE) == []
    more = [sent(12 * 3600 + 100 + at, 1_000_000_000) for at in range(3)]
    assert len(both_ways(egress_against_weights, [*habit, *more], site=SITE, every=1)) >= 1


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(egress_against_weights)
