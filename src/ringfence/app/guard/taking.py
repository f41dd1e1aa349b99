"""Somebody takes the pages of an incident: no one else is woken for it, and the journal has who it was."""

import time
from pathlib import Path

from ringfence.app.fence.ledger import Ledger
from ringfence.app.guard import pages
from ringfence.app.guard.evidence import Book
from ringfence.app.guard.person import person
from ringfence.app.guard.screen_parts import ago, moment
from ringfence.errors import StateError
from ringfence.estate.ids import clean
from ringfence.respond import evidence


def acknowledged(state: Path, incident: str) -> tuple[list[pages.Page], str]:
    """The pages that were open, and who has taken them. Raises `UsageError` where nobody was paged for it.

    Raises `StateError`, which says whether they are taken all the same.
    """
    who, now = person(state), time.time()
    taken = pages.ack(state, incident, who.name, now)
    try:
        lines = [evidence.acknowledged(one.incident, one.id, who.entity, now) for one in taken]
        Book(Ledger(state).make()).write(lines)
    except StateError as error:
        raise StateError(f"it IS taken, but the journal does not have it: {error.what}", error.remedy) from None
    return taken, who.name


def before(state: Path, incident: str) -> str:
    """Who has taken the pages of an incident (its id, or the beginning of it) last, and when, in words."""
    known = [one for one in pages.listed(state) if one.incident.startswith(incident) and one.taken_by]
    last = max(known, key=lambda one: one.taken_at, default=None)
    if last is None:
        return f"{clean(incident)}: no page is open"
    now = time.time()
    when = f"{moment(last.taken_at, now)}, {ago(now - last.taken_at)}"
    return f"{clean(last.incident)}: {clean(last.taken_by)} has taken it already, {when}"
