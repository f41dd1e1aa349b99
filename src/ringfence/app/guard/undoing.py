"""Which of the queue's actions an undo on the command line is about, and what would come of it."""

import msgspec

from ringfence.app.guard import commands
from ringfence.app.guard.commands import Site
from ringfence.errors import UsageError
from ringfence.estate.estate import Estate
from ringfence.respond.act import acts
from ringfence.respond.act_turn import cut_of
from ringfence.respond.undo import Undo
from ringfence.store import actions
from ringfence.store.actions import Action

_OVER = (actions.UNDONE, actions.LAPSED)
_NOT_BEGUN = (actions.HELD, actions.PLANNED)


class Dry(msgspec.Struct, frozen=True):
    """What an undo would do. `back`: taken back; `never`: not begun, and dropped; `stays`: (action, what of it cannot
    be undone); `shared`: (action, why): another incident wants the same cut.
    """

    back: tuple[Action, ...]
    never: tuple[Action, ...]
    stays: tuple[tuple[Action, str], ...]
    shared: tuple[tuple[Action, str], ...]


def whole(site: Site, incident: str) -> str:
    """The id of an incident with actions, of it or the beginning of it. Raises `UsageError`."""
    found = {one.incident for one in commands.listed(site) if one.incident.startswith(incident)}
    if incident in found or not incident:
        return incident
    if len(found) != 1:
        what = f"{len(found)} incidents begin with {incident}" if found else f"nothing was done because of {incident}"
        raise UsageError(what, "`ringfence respond list` has their ids")
    return found.pop()


def chosen(site: Site, incident: str, cut: str) -> list[Action]:
    """The actions of an incident, or the one whose id begins with `cut`. Raises `UsageError`."""
    rows = [one for one in commands.listed(site, whole(site, incident)) if one.id.startswith(cut)]
    if cut and len(rows) != 1:
        raise UsageError(f"{len(rows)} actions begin with {cut}", "`ringfence respond list --json` has their ids")
    return rows


def dry(site: Site, incident: str, cut: str) -> Dry:
    """What would be taken back, in that order. Changes nothing. Raises `UsageError`."""
    live = [one for one in reversed(chosen(site, incident, cut)) if one.state not in _OVER]
    begun = [one for one in live if one.state not in _NOT_BEGUN]
    going = {one.id for one in live}
    others: dict[tuple[str, str, str], str] = {
        (one.verb, one.place, one.subject): one.incident
        for one in commands.listed(site)
        if one.id not in going and one.state not in (*_OVER, actions.HELD, actions.UNDOING)
    }
    shared = [(one, others.get((one.verb, one.place, one.subject), "")) for one in begun]
    kept = {one.id for one, other in shared if other}
    return Dry(
        tuple(one for one in begun if one.id not in kept),
        tuple(one for one in live if one.state in _NOT_BEGUN),
        tuple((one, cut_of(one).about.undo) for one in begun if cut_of(one).about.undo),
        tuple((one, f"it stays: {other} wants it too") for one, other in shared if other),
    )


def guarded(site: Site) -> bool:
    """Whether a guard runs that takes back what it is asked to. Raises `UsageError`, `StateError`."""
    return acts(commands.there(site).ledger.database)


def taken_back(site: Site, estate: Estate | None, incident: str, cut: str, why: str) -> Undo:
    """Take them back. Raises `UsageError`, `StateError`."""
    if not cut:
        return commands.taken_back(site, estate, whole(site, incident), None, why)
    (only,) = chosen(site, incident, cut)
    return commands.taken_back(site, estate, only.incident, cut_of(only), why)
