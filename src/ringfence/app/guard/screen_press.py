"""What a person can press about an incident, and what makes the commands find their folders.

incident, its rows, open pages ─▶ commands, what is asked of a person first
"""

import shlex
from collections.abc import Iterable, Sequence

import msgspec

from ringfence.app.guard import alerts, pages
from ringfence.app.guard.commands import Site
from ringfence.estate.ids import clean
from ringfence.respond.spent import felt
from ringfence.respond.values import Planned
from ringfence.store import actions
from ringfence.store.actions import Action
from ringfence.watch.incident import OPEN
from ringfence.watch.values import Incident

_NOT_THERE = (actions.HELD, actions.UNDONE, actions.LAPSED)


class Press(msgspec.Struct, frozen=True):
    """A command, and what it is for."""

    what: str
    command: str


def setup_of(site: Site, status: alerts.Status | None) -> dict[str, str]:
    """Variables that lead every command to the same folders, from wherever it is typed.

    The site file is that of a guard that acts: one in shadow mode may have been given none, or another.
    """
    at = alerts.where(site.state, site.home, site.file, site.file)
    known = status.where if status else alerts.Where()
    acting = known.site if status and status.applies else ""
    found = {
        "RINGFENCE_STATE": at.state,
        "RINGFENCE_WATCH": at.home,
        "RINGFENCE_SITE": acting or at.site,
        "RINGFENCE_ESTATE": known.estate,
    }
    return {name: value for name, value in found.items() if value}


def press_of(site: Site, incident: Incident, rows: Sequence[Action], held: bool) -> Iterable[Press]:
    """What to press next: what is asked of a person first. `held`: something waits for one, or is only listed."""
    named = incident.id
    live = [one for one in rows if one.state not in _NOT_THERE]
    open_pages = [one for one in pages.listed(site.state, named) if not one.taken_by]
    if open_pages:
        yield Press("seen: wake nobody else", f"ringfence respond ack {named}")
    if held:
        yield Press("do what waits", f"ringfence respond apply {named} --apply")
    if live:
        yield Press("take it all back", f"ringfence respond undo {named} --apply")
        yield Press("one cut back", f"ringfence respond undo {named} --cut {live[0].id[:8]} --apply")
    if incident.state == OPEN and not live and not held:
        yield Press("what could be cut", f"ringfence respond plan {named}")
    hosts = sorted({host for one in live for host in _felt(one) if host.startswith("host:")})
    if hosts:
        only = shlex.quote(clean(hosts[0].removeprefix("host:"))) if len(hosts) == 1 else "HOST"
        yield Press("open the host", f"ringfence release {only}")
    if incident.state == OPEN:
        yield Press("was harmless", f'ringfence incidents {named} --verdict benign --why "…"')
    if live or held:
        yield Press("no new cut, anywhere", 'ringfence stop "…"')
    if rows:
        yield Press("proof", f"ringfence evidence export {named} -o {named}.evidence")
        yield Press("the account of it", f"ringfence postmortem {named} -o .")


def _felt(row: Action) -> tuple[str, ...]:
    planned = msgspec.json.decode(row.body, type=Planned)
    return felt(planned.cut, planned.hosts)
