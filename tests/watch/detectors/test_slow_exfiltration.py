"""D05: bytes leave slowly."""

from ringfence.watch.detectors import slow_exfiltration
from ringfence.watch.site import Data
from ringfence.wire.ocsf import classes
from tests.watch.events import FakeSite, both_ways, event, job
from tests.watch.hostile import LATER, hostile

HOUR = 3600
SITE = FakeSite(data=[Data("model:m", "/models/m", 14_000_000_000, frozenset({"identity:ada"}))])


def sent(at: float, out: int, target: str = "11.1.1.1", host: str = "login1", **said):
    """An interval of an upload."""
    fields = {"dst_endpoint__ip": target, "dst_endpoint__port": 443, "traffic__bytes_out": out, "traffic__bytes_in": 9}
    return event(classes.FLOW_INTERVAL, 1, at, host, **(fields | {"actor__user__name": "ada"} | said))


def test_two_percent_a_day_to_changing_places_are_found():
    """280 MB a day of 14 GB, in pieces of 12 MB."""
    pieces = [sent(LATER + at * HOUR, 12_000_000, f"11.1.1.{at % 5}") for at in range(24)]
    found = both_ways(slow_exfiltration, [sent(5, 9, "11.9.9.9"), *pieces], site=SITE)
    assert found
    assert found[0].entities == ("host:login1", "identity:ada", "model:m")
    assert "1.0% of model:m" in found[0].why


def test_a_place_used_since_learning_and_one_that_many_use_are_habits():
    """Results go to the same machine every day."""
    habit = [sent(at * HOUR, 10**9) for at in range(40)]
    others = [sent(at, 10, "11.5.5.5", actor__user__name=f"u{at}") for at in range(5)]
    shared = [sent(LATER + at * HOUR, 10**8, "11.5.5.5") for at in range(20)]
    assert [one for one in both_ways(slow_exfiltration, habit, site=SITE) if one.key.startswith("new")] == []
    assert both_ways(slow_exfiltration, [*others, *shared], site=SITE) == []


def test_a_service_that_gets_more_than_from_any_other_job_is_told_after_two_hours():
    """Forty hours of others say what is usual."""
    jobs = [job(f"job:{at}", f"gpu{at}") for at in range(8)]
    said = {"actor__process__name": "python3"}
    events = [
        sent(
            hour * HOUR + part * 600,
            300_000 + 7_000 * (at + part),
            "11.3.3.3",
            f"gpu{at}",
            job__uid=f"job:{at}",
            **said,
        )
        for hour in range(16)
        for part in range(6)
        for at in range(8)
    ]
    assert both_ways(slow_exfiltration, events, jobs, every=600) == []
    more = [
        sent(hour * HOUR + part * 600 + 9, 300_000, "11.3.3.3", "gpu7", job__uid="job:7", **said)
        for hour in range(12, 16)
        for part in range(6)
    ]
    both = sorted([*events, *more], key=lambda one: one.time)
    found = both_ways(slow_exfiltration, both, jobs, every=600)
    assert {one.entities[0] for one in found} == {"host:gpu7"}


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(slow_exfiltration)
