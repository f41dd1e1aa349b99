"""How a guard stands: one that acts, and one in shadow mode on the same folder."""

from pathlib import Path

import msgspec
import pytest

from ringfence.app import files
from ringfence.app.guard import alerts
from ringfence.app.guard.alerts import Alerts, Where
from ringfence.app.guard.commands import Site
from ringfence.app.guard.room import Room
from ringfence.app.guard.screen_press import setup_of
from ringfence.app.guard.settings import Telling


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "state").make()


def ran(room: Room, site: str, *, applies: bool) -> None:
    """A guard that has said how it stands, and ended."""
    at = Where(str(room.folder), "/watch", site, "/estate")
    with Alerts(room.folder, Telling(), room.book(), lambda _: None, applies, at).running():
        pass


def test_a_shadow_guard_beside_one_that_acts_says_nothing_in_its_place(room):
    at = Where(str(room.folder), "/watch", "/acts.toml", "/estate")
    acting = alerts.Status(1.0, True, at)
    files.write(room.folder, alerts.STATUS, msgspec.json.encode(acting))
    ran(room, "/shadow.toml", applies=False)
    assert alerts.status(room.folder) == acting


def test_where_none_acts_that_of_the_shadow_guard_is_told_and_its_site_is_not_taken(room):
    ran(room, "/acts.toml", applies=True)
    site = Site(room.folder, Path("/watch"), Path("/fence.toml"))
    assert setup_of(site, alerts.status(room.folder))["RINGFENCE_SITE"] == "/acts.toml"
    ran(room, "/shadow.toml", applies=False)
    found = alerts.status(room.folder)
    assert found.where.site == "/shadow.toml"
    assert setup_of(site, found)["RINGFENCE_SITE"] == "/fence.toml"
