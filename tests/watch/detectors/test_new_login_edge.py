"""D30: a login from where the account is not."""

from ringfence.watch.detectors import new_login_edge
from ringfence.wire.ocsf import classes
from tests.watch.events import FakeSite, both_ways, event, job
from tests.watch.hostile import LATER, hostile

SITE = FakeSite(addresses={"10.0.0.1": "login1", "10.0.0.2": "gpu0002", "10.0.0.3": "srv1"})
HOME, ABROAD = "11.1.1.1", "11.200.1.1"


def login(at: float, user: str, origin: str, host: str, **said):
    """A login that worked."""
    fields = {"user__name": user, "src_endpoint__ip": origin, "status_id": 1, "service__name": "sshd"}
    return event(classes.AUTHENTICATION, 1, at, host, **(fields | said))


def usual():
    """People come from their desks."""
    return [login(at * 60, user, HOME + str(at), "login1") for at, user in enumerate(("ada", "ben"))]


def test_a_login_from_a_host_where_the_account_is_not_is_told():
    """Its key is used by somebody there."""
    found = both_ways(new_login_edge, [*usual(), login(LATER, "ada", "10.0.0.3", "login1")], site=SITE)
    assert [one.entities for one in found] == [("host:login1", "identity:ada", "host:srv1")]
    assert "host:srv1#user" in found[0].holds


def test_a_login_from_a_node_that_runs_jobs_is_told():
    """People come from login nodes."""
    jobs = [job("job:1", "gpu0002", user="eve")]
    assert len(both_ways(new_login_edge, [*usual(), login(LATER, "ada", "10.0.0.2", "login1")], jobs, site=SITE)) == 1


def test_one_login_from_abroad_is_a_journey_and_five_are_told():
    """So is one from another's desk."""
    journey = [login(LATER, "ada", ABROAD, "login1")]
    many = [login(LATER + at * 60, "ada", ABROAD, "login1") for at in range(5)]
    desk = [login(LATER, "ada", HOME + "1", "login1")]
    assert both_ways(new_login_edge, [*usual(), *journey], site=SITE) == []
    assert len(both_ways(new_login_edge, [*usual(), *many], site=SITE)) == 2
    assert len(both_ways(new_login_edge, [*usual(), *desk], site=SITE)) == 1


def test_on_to_ones_own_job_from_a_session_and_failed_logins_are_silent():
    """The ordinary way."""
    jobs = [job("job:1", "gpu0002", user="ada")]
    on = [login(LATER, "ada", HOME + "0", "login1"), login(LATER + 60, "ada", "10.0.0.1", "gpu0002")]
    failed = [login(LATER + at, "ada", ABROAD, "login1", status_id=2) for at in range(9)]
    assert both_ways(new_login_edge, [*usual(), *on, *failed], jobs, site=SITE) == []


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(new_login_edge)
