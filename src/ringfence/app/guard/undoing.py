"""Which of the queue's actions an undo on the command line is about."""

from ringfence.app.guard import commands
from ringfence.app.guard.commands import Site
from ringfence.errors import UsageError
from ringfence.estate.estate import Estate
from ringfence.respond.act_turn import cut_of
from ringfence.respond.undo import Undo
from ringfence.store.actions import Action


def chosen(site: Site, incident: str, cut: str) -> list[Action]:
    """The actions of an incident, or the one whose id begins with `cut`. Raises `UsageError`."""
    rows = [one for one in commands.listed(site, incident) if one.id.startswith(cut)]
    if cut and len(rows) != 1:
        raise UsageError(f"{len(rows)} actions begin with {cut}", "`ringfence respond list --json` has their ids")
    return rows


def taken_back(site: Site, estate: Estate, incident: str, cut: str, why: str) -> Undo:
    """Take them back. Raises `UsageError`, `StateError`."""
    if not cut:
        return commands.taken_back(site, estate, incident, None, why)
    (only,) = chosen(site, incident, cut)
    return commands.taken_back(site, estate, only.incident, cut_of(only), why)
