"""D41: jobs that hunt for a neighbour."""

from ringfence.watch.detectors import neighbour_hunting
from tests.watch.events import both_ways, ended, job, started
from tests.watch.hostile import LATER, hostile

VICTIM = [job(f"job:v{at}", f"gpu{at}", user="bob") for at in range(4)]


def tries(count: int, apart: float, lasts: float = 60, user: str = "eve", hosts: int = 4):
    """Short jobs, one after the other."""
    found = []
    for at in range(count):
        begin = LATER + at * apart
        found.append(started(begin, f"job:{user}{at}", f"gpu{at % hosts}", job__user=user))
        found.append(ended(begin + lasts, f"job:{user}{at}"))
    return [started(1, "job:first", "gpu9", job__user="x"), *found]


def test_short_jobs_beside_others_for_hours_are_told():
    """Half an hour apart."""
    found = both_ways(neighbour_hunting, tries(8, 1800), VICTIM)
    assert len(found) == 3
    assert found[0].entities[-2:] == ("identity:eve", "identity:bob")


def test_long_jobs_few_jobs_and_jobs_alone_are_silent():
    """A sweep on one's own hosts is work."""
    assert both_ways(neighbour_hunting, tries(8, 1800, 1200), VICTIM) == []
    assert both_ways(neighbour_hunting, tries(5, 1800), VICTIM) == []
    assert both_ways(neighbour_hunting, tries(40, 300, 60)) == []


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(neighbour_hunting)
