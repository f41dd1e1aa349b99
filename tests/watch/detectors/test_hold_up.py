"""D42: others' hosts are held up."""

from ringfence.watch.detectors import hold_up
from ringfence.wire.ocsf import classes
from tests.watch.events import both_ways, event, job
from tests.watch.hostile import LATER, hostile


def reserved(at: float, by: str, *hosts: str):
    """A reservation."""
    said = {"job__hosts": ",".join(hosts), "job__reservation": "r1", "actor__user__name": by}
    return event(classes.JOB, 7, at, "slurm1", **said)


def entered(at: float, user: str, host: str):
    """A login."""
    return event(classes.AUTHENTICATION, 1, at, host, user__name=user, status_id=1, service__name="sshd")


def test_a_reservation_by_somebody_who_never_did_is_told():
    """With those who are held up."""
    jobs = [job("job:1", "gpu1", user="bob")]
    found = both_ways(hold_up, [reserved(1, "ops", "gpu9"), reserved(LATER, "eve", "gpu1", "gpu2")], jobs)
    assert found[0].entities == ("host:gpu1", "identity:eve", "host:gpu2")
    assert found[0].confidence * found[0].severity >= 45
    assert "1 others work there" in found[0].why


def test_operators_by_habit_or_by_their_logins_are_silent():
    """Whoever goes to many hosts at many hours administers them."""
    rounds = [entered(at * 1200, "boss", f"gpu{at}") for at in range(20)]
    events = [reserved(1, "ops", "gpu9"), *rounds, reserved(LATER, "ops", "gpu1"), reserved(LATER + 9, "boss", "gpu2")]
    assert both_ways(hold_up, events) == []


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(hold_up)
