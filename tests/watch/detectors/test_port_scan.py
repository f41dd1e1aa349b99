"""D07: a host asks around."""

from ringfence.watch.detectors import port_scan
from tests.watch.events import FakeSite, both_ways, flow, job
from tests.watch.hostile import LATER, hostile

SAID = {"actor__user__name": "ada", "actor__process__name": "python3", "job__uid": "job:1"}
SITE = FakeSite(addresses={f"10.0.0.{at}": f"gpu{at}" for at in range(200)})


def test_a_slow_scan_is_told_after_eight():
    """One address in four minutes."""
    scan = [flow(LATER + at * 240, "gpu1", f"10.0.0.{at + 50}", 22, 60, **SAID) for at in range(12)]
    found = both_ways(port_scan, [flow(1, "gpu1", "10.0.0.9", 2049, **SAID), *scan], site=SITE)
    assert len(found) == 5
    assert found[0].entities == ("host:gpu1", "job:1", "identity:ada")


def test_a_gangs_own_ranks_answers_and_old_acquaintances_are_silent():
    """A new job meets dozens of hosts."""
    gang = job("job:1", *(f"gpu{at}" for at in range(100)))
    meets = [flow(LATER + at, "gpu1", f"10.0.0.{at}", 29500, 60, **SAID) for at in range(2, 90)]
    answers = [
        flow(LATER + at, "gpu1", f"10.0.0.{at}", 443, 60, traffic__bytes_in=9000, **SAID) for at in range(100, 190)
    ]
    known = [flow(t + at, "gpu1", f"10.0.0.{at}", 5000, 60, **SAID) for t in (5, LATER) for at in range(100, 150)]
    assert both_ways(port_scan, [*known, *meets, *answers], [gang], site=SITE) == []


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(port_scan)
