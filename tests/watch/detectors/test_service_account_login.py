"""D32: a service's account logs in."""

from ringfence.watch.detectors import service_account_login
from ringfence.wire.ocsf import classes
from tests.watch.events import FakeSite, both_ways, event
from tests.watch.hostile import LATER, hostile

SITE = FakeSite(addresses={"10.0.0.1": "tracking1", "10.0.0.2": "login2"})


def login(at: float, user: str, origin: str, host: str, **said):
    """A login that worked."""
    fields = {"user__name": user, "src_endpoint__ip": origin, "status_id": 1, "service__name": "sshd"}
    return event(classes.AUTHENTICATION, 1, at, host, **(fields | said))


def test_a_new_origin_or_host_of_a_service_account_is_told():
    """The first surer than the second."""
    usual = login(60, "svc-t1", "10.0.0.1", "login1")
    found = both_ways(service_account_login, [usual, login(LATER, "svc-t1", "10.0.0.2", "login1")], site=SITE)
    assert [(one.entities, one.confidence) for one in found] == [(("host:login1", "identity:svc-t1"), 0.65)]
    assert found[0].confidence * found[0].severity >= 45
    found = both_ways(service_account_login, [usual, login(LATER, "svc-t1", "10.0.0.1", "gpu1")], site=SITE)
    assert [one.confidence for one in found] == [0.45]


def test_its_usual_way_and_people_are_silent():
    """Each night the same."""
    nights = [login(60 + at * 86400, "svc-t1", "10.0.0.1", "login1") for at in range(4)]
    people = [login(LATER + at, name, "11.1.1.1", "login1") for at, name in enumerate(("ada", "servan", "robotta"))]
    events = sorted([*nights, *people], key=lambda one: one.time)
    assert both_ways(service_account_login, events, site=SITE) == []


def test_from_where_hosts_are_administered_it_may_come():
    """A nightly task that is new."""
    rounds = [login(at * 60, "ops", "10.0.0.1", f"gpu{at}") for at in range(20)]
    assert both_ways(service_account_login, [*rounds, login(LATER, "svc-t9", "10.0.0.1", "login1")], site=SITE) == []


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(service_account_login)
