"""After a trial: the incidents that came of it are confirmed, which closes them, and their cuts are taken back."""

import time
from pathlib import Path

from ringfence.app.estates import open_estate
from ringfence.app.guard.commands import Site, taken_back
from ringfence.app.lab.layout import Layout
from ringfence.app.watch import incidents
from ringfence.errors import EnforceError, UsageError
from ringfence.watch.incident import OPEN

_WITHIN = 30.0


def site_of(layout: Layout, home: Path) -> Site:
    """Where the lab's guard and watch are."""
    return Site(layout.state, home, layout.state / "fence.toml", layout.state / "guard.toml")


def settle(layout: Layout, home: Path) -> None:
    """Until nothing is open and nothing of ours is in force. Raises `EnforceError` where that does not come about."""
    estate = open_estate(layout.estate, None)
    end = time.monotonic() + _WITHIN
    while opened := [one for one in incidents.listed(home) if one.state == OPEN]:
        for one in opened:
            incidents.judge(home, one.id, "confirmed", "a trial of the lab")
            try:
                undone = taken_back(site_of(layout, home), estate, one.id, why="a trial of the lab")
            except UsageError:  # nothing was done because of it
                continue
            if not undone.over:
                left = "; ".join(f"{action.verb} at {action.place}: {why}" for action, why in undone.left)
                raise EnforceError(f"not taken back: {left}", "`ringfence respond list` shows them")
        if time.monotonic() > end:
            raise EnforceError(f"{len(opened)} incidents stay open", "`ringfence incidents` lists them")
        time.sleep(0.2)
