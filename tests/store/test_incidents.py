"""Incidents in the state database."""

import pytest

from ringfence.errors import StateError, UsageError
from ringfence.store import incidents
from ringfence.store.incidents import Kept
from ringfence.store.state import Database


@pytest.fixture
def database(tmp_path):
    with Database.open(tmp_path / "watch.db") as opened:
        yield opened


def kept(id="RF-1", version=1, severity=50, state="open", updated=10.0):
    return Kept(id, version, state, severity, 1.0, updated, b"{}")


def test_a_version_is_new_once(database):
    """Whoever reads the log again puts the same again, and an older version changes nothing."""
    assert incidents.put(database, [kept(), kept(version=2)]) == [kept(), kept(version=2)]
    assert incidents.put(database, [kept(), kept(version=2)]) == []
    assert incidents.get(database, "RF-1") == kept(version=2)


def test_the_gravest_stand_first_and_states_can_be_asked(database):
    """`listed` sorts by severity."""
    incidents.put(database, [kept("RF-1", severity=10), kept("RF-2", severity=90), kept("RF-3", state="closed")])
    assert [one.id for one in incidents.listed(database)] == ["RF-2", "RF-3", "RF-1"]
    assert [one.id for one in incidents.listed(database, ("open",))] == ["RF-2", "RF-1"]


def test_an_incident_is_found_by_the_beginning_of_its_id(database):
    """Where that is enough; `%` and `_` are letters like others."""
    incidents.put(database, [kept("RF-ab1"), kept("RF-ab2"), kept("RF-ab")])
    assert incidents.get(database, "RF-ab1").id == "RF-ab1"
    assert incidents.get(database, "RF-ab").id == "RF-ab"
    assert incidents.get(database, "RF-%") is None
    with pytest.raises(UsageError, match="several"):
        incidents.get(database, "RF-a")


def test_verdicts_are_kept_with_who_and_why(database):
    """In the order in which they were given; of an incident that is there."""
    incidents.put(database, [kept()])
    incidents.verdict(database, "RF-1", "unknown", "ana", 5.0, "looking")
    said = incidents.verdict(database, "RF-1", "benign", "ana", 6.0, "nightly backup")
    assert incidents.verdicts(database, "RF-1")[-1] == said
    with pytest.raises(StateError, match="no incident"):
        incidents.verdict(database, "RF-9", "confirmed", "ana", 7.0, "")
    with pytest.raises(UsageError, match="not a verdict"):
        incidents.verdict(database, "RF-1", "maybe", "ana", 7.0, "")


def test_a_log_is_read_on_from_where_its_incidents_were_kept(database):
    """The number is kept with them, and never goes back."""
    assert incidents.position(database, "rf.incidents") == 0
    incidents.put(database, [kept()], "rf.incidents", 7)
    incidents.put(database, [], "rf.incidents", 3)
    assert incidents.position(database, "rf.incidents") == 7


def test_what_is_over_and_old_is_forgotten(database):
    """What is open stays, however old."""
    incidents.put(database, [kept("RF-1"), kept("RF-2", state="closed"), kept("RF-3", state="closed", updated=99.0)])
    incidents.verdict(database, "RF-2", "confirmed", "ana", 6.0, "")
    assert incidents.forget(database, 50.0) == 1
    assert {one.id for one in incidents.listed(database)} == {"RF-1", "RF-3"}
    assert incidents.verdicts(database) == []
