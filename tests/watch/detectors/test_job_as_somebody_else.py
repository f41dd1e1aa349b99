"""D40: a job as somebody else."""

from ringfence.watch.detectors import job_as_somebody_else
from ringfence.wire.ocsf import classes
from tests.watch.events import both_ways, event
from tests.watch.hostile import LATER, hostile


def submitted(at: float, by: str, user: str):
    """A job is submitted."""
    said = {"job__uid": f"job:{int(at)}", "job__user": user, "actor__user__name": by}
    return event(classes.JOB, 1, at, "slurm1", **said)


def test_a_job_for_another_account_is_told():
    """Both are named; what is held is the victim's account."""
    found = both_ways(job_as_somebody_else, [submitted(1, "ada", "ada"), submitted(LATER, "eve", "ada")])
    assert found[0].entities == (f"job:{LATER}", "identity:eve", "identity:ada")
    assert "identity:ada#use" in found[0].holds


def test_ones_own_jobs_the_scheduler_and_a_portal_are_silent():
    """A portal submits for everybody, and did so before."""
    portal = [submitted(at, "portal", "ada") for at in (5, LATER, LATER + 60)]
    own = [submitted(LATER + 9, "eve", "eve"), submitted(LATER + 10, "root", "ada")]
    assert both_ways(job_as_somebody_else, [*portal, *own]) == []


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(job_as_somebody_else)
