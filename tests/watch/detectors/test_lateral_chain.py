"""D31: logins from host to host."""

from ringfence.watch.detectors import lateral_chain
from ringfence.wire.ocsf import classes
from tests.watch.events import FakeSite, both_ways, ended, event, job, started
from tests.watch.hostile import LATER, hostile

SITE = FakeSite(addresses={f"10.0.0.{at}": f"n{at}" for at in range(1, 9)})


def login(at: float, user: str, origin: str, host: str, **said):
    """A login that worked."""
    fields = {"user__name": user, "src_endpoint__ip": origin, "status_id": 1, "service__name": "sshd"}
    return event(classes.AUTHENTICATION, 1, at, host, **(fields | said))


def test_a_chain_over_hosts_that_nobody_goes_between_is_told():
    """Two hours between the hops."""
    hops = [login(LATER + at * 7200, "ada", f"10.0.0.{at + 1}", f"n{at + 2}") for at in range(3)]
    found = both_ways(lateral_chain, [login(1, "ada", "11.1.1.1", "n1"), *hops], site=SITE)
    assert len(found) == 2
    assert {"host:n2", "host:n3", "host:n4", "identity:ada"} <= set(found[-1].entities)
    assert "host:n4#user" in found[-1].holds


def test_a_hop_on_from_a_host_that_once_ran_jobs_is_nobodys_way():
    """People go to their jobs from login nodes; none is there now."""
    known = [login(at, "ops", "10.0.0.1", f"n{at}") for at in (2, 3)]
    ran = [started(9, "job:1", "n2"), ended(60, "job:1")]
    hops = [login(LATER, "ada", "10.0.0.1", "n2"), login(LATER + 3600, "ada", "10.0.0.2", "n3")]
    assert len(both_ways(lateral_chain, [*known, *ran, *hops], site=SITE)) == 1
    assert both_ways(lateral_chain, [*known, *hops], site=SITE) == []


def test_another_account_on_the_way_makes_it_surer():
    """A key was found there."""
    hops = [login(LATER, "ada", "10.0.0.1", "n2"), login(LATER + 60, "ben", "10.0.0.2", "n3")]
    found = both_ways(lateral_chain, [login(1, "ada", "11.1.1.1", "n1"), *hops], site=SITE)
    assert "under ada, ben" in found[0].why
    assert found[0].confidence >= 0.75


def test_operators_ways_own_jobs_and_old_logins_are_silent():
    """A desk, a login node, one's own job."""
    jobs = [job("job:1", "n5", user="ada")]
    way = [login(LATER, "ada", "11.1.1.9", "n1"), login(LATER + 60, "ada", "10.0.0.1", "n5")]
    sweep = [login(t + at, "ops", "10.0.0.1", f"n{at}") for t in (9, LATER + 900) for at in range(2, 8)]
    apart = [login(LATER, "eve", "10.0.0.6", "n7"), login(LATER + 5 * 3600, "eve", "10.0.0.7", "n8")]
    assert both_ways(lateral_chain, [*sweep[:6], *way, *sweep[6:]], jobs, site=SITE) == []
    assert both_ways(lateral_chain, [login(1, "x", "11.1.1.1", "n1"), *apart], site=SITE) == []


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(lateral_chain)
