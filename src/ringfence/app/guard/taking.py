"""Somebody takes the pages of an incident: no one else is woken for it, and the journal has who it was."""

import time
from pathlib import Path

from ringfence.app.fence.ledger import Ledger
from ringfence.app.guard import pages
from ringfence.app.guard.evidence import Book
from ringfence.app.guard.person import person
from ringfence.errors import StateError
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
