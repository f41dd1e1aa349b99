"""Who administers the cluster, as far as logins show it."""

from ringfence.watch.administrators import AT_WORK, Administrators
from ringfence.watch.roster import Roster
from tests.watch.detectors.below import LONG, logged_in, operates
from tests.watch.events import batch, job, time, view

HOUR = 3600


def learned(*events, roster: Roster | None = None) -> Administrators:
    """What these logins teach."""
    found = Administrators()
    found.take(batch(*events), roster or Roster())
    return found


def test_who_logs_in_to_many_hosts_over_hours_is_one():
    """Not who does it in one sweep of minutes."""
    assert learned(*operates()).knows("ops")
    assert not learned(*(logged_in(at, "eve", f"n{at}") for at in range(50))).knows("eve")


def test_logins_to_ones_own_jobs_make_nobody_an_administrator():
    """However many ranks they have."""
    hosts = [f"n{at}" for at in range(20)]
    logins = [logged_in(HOUR * at, "ada", host) for at, host in enumerate(hosts)]
    assert not learned(*logins, roster=view([job("1", *hosts)]).roster).knows("ada")


def test_he_is_at_work_where_he_logged_in_a_moment_ago():
    """There, then, and under his own name."""
    found = learned(*operates(), logged_in(0, "ops", "a"))
    assert found.at("a", time(60))
    assert found.at("a", time(60), "ops")
    assert not found.at("a", time(60), "eve")
    assert not found.at("b", time(60))
    assert not found.at("a", time(0) + AT_WORK + 1)


def test_in_the_first_hours_whoever_comes_counts():
    """Nobody is known yet."""
    assert learned(logged_in(0, "new", "a")).at("a", time(60))
    assert not learned(logged_in(-9 * HOUR, "x", "b"), logged_in(0, "new", "a")).at("a", time(60))


def test_hostile_names_and_times_do_no_harm():
    """Long names, no names, before 1970."""
    found = learned(logged_in(-9e9, LONG, LONG), logged_in(0, "", ""), logged_in(9e9, "x", LONG))
    assert not found.knows(LONG)
