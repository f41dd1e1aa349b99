"""After a trial: the incidents that came of it are confirmed, which closes them, and their cuts are taken back."""

import time
from pathlib import Path

from ringfence.app.estates import open_estate
from ringfence.app.guard.commands import Site, listed, taken_back
from ringfence.app.lab.layout import Layout
from ringfence.app.watch import incidents
from ringfence.errors import EnforceError, UsageError
from ringfence.store import actions
from ringfence.store.actions import Action
from ringfence.watch.incident import OPEN

_WITHIN, _CALM = 60.0, 0.3
_OVER = (actions.HELD, actions.UNDONE, actions.LAPSED)


def site_of(layout: Layout, home: Path) -> Site:
    """Where the lab's guard and watch are."""
    return Site(layout.state, home, layout.state / "fence.toml", layout.state / "guard.toml")


def settle(layout: Layout, home: Path) -> None:
    """Until no incident is open and nothing of ours is in force, also of what was noticed late or by a guard before.

    Raises `EnforceError` where that does not come about.
    """
    estate, site = open_estate(layout.estate, None), site_of(layout, home)
    end, calm_since = time.monotonic() + _WITHIN, time.monotonic()
    while time.monotonic() - calm_since < _CALM:
        opened = [one.id for one in incidents.listed(home) if one.state == OPEN]
        for one in opened:
            incidents.judge(home, one, "confirmed", "a trial of the lab")
        left = standing(site)
        if left:
            taken_back(site, estate, why="a trial of the lab")
        if opened or left:
            calm_since = time.monotonic()
        if time.monotonic() > end:
            told = "; ".join(f"{action.verb} at {action.place}: {action.why}" for action in standing(site))
            raise EnforceError(f"not taken back: {told}", "`ringfence respond list` shows them")
        time.sleep(0.1)


def standing(site: Site) -> list[Action]:
    """What is in force of ours, or on its way there or back."""
    try:
        return [one for one in listed(site) if one.state not in _OVER]
    except UsageError:  # nothing was ever done
        return []
