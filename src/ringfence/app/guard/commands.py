"""What people ask of the guard from outside: a plan, its doing, its undoing, how it stands.

A guard that runs on the folder carries out what is asked; where none runs, the command itself acts until all of it is
done or has failed.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ringfence.app.fence.ledger import Ledger
from ringfence.app.guard import approve, switch
from ringfence.app.guard.evidence import Book
from ringfence.app.guard.known import Known, digest_of, known_of
from ringfence.app.guard.person import person
from ringfence.app.guard.responder import Answer, Responder
from ringfence.app.guard.room import Reachable, Room, plannable, reachable
from ringfence.app.watch import incidents
from ringfence.errors import StateError, UsageError
from ringfence.estate.estate import Estate
from ringfence.respond import evidence
from ringfence.respond.act import Act, acts
from ringfence.respond.undo import Undo, chosen, stands, undo
from ringfence.respond.values import HOLD, SHADOW, Cut, Plan, action_id
from ringfence.store import actions
from ringfence.store.actions import Action
from ringfence.store.journal import Line

_WITHIN = 60.0
"""Seconds to wait for what was asked."""
_LOOK = 0.1
_UNDER_WAY = (actions.PLANNED, actions.DOING, actions.UNDOING)
_OVER = (actions.UNDONE, actions.LAPSED)
_TRIED = 3


class Site(msgspec.Struct, frozen=True):
    """Where everything is: the guard's folder, the watch's, the site file, the settings and the estate if named."""

    state: Path
    home: Path
    file: Path
    settings: Path | None = None
    estate: Path | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the estate's file, "" where none is named."""
        return digest_of(self.estate) if self.estate else ""


Instead = Callable[[Plan, Known], Plan]
"""What makes of our plan the one that is meant: `Responder`'s `instead`."""


def planned(site: Site, estate: Estate, id: str, instead: Instead = lambda made, _: made) -> Answer:
    """What would be done about an incident, and what would be held, just now. Changes nothing. `UsageError`.

    Without a site file it is planned as if enforcers were everywhere (`room.assumed`).
    """
    incident, _ = incidents.one(site.home, id)
    room = Room(site.state, site.settings)
    known = known_of(estate, plannable(site.file, estate), room.limits, digest=site.digest)
    return Responder(room, lambda: known, apply=True, instead=instead).think(incident)


def applied(
    site: Site, estate: Estate, id: str, why: str = "", instead: Instead = lambda made, _: made
) -> tuple[Answer, list[Action]]:
    """Do it: whoever asks approves the plan as it is now. Returns the plan, and how each action stands then.

    What needs a second person waits for one. Raises `UsageError`, also where no site file is, and `StateError`.
    """
    incident, _ = incidents.one(site.home, id)
    room = Room(site.state, site.settings).make()
    enforcers = reachable(site.file, estate)
    known = known_of(estate, enforcers, room.limits, digest=site.digest)
    book = room.book()
    with _acting(room, enforcers, book) as act:
        thinking = Responder(room, lambda: known, book, act, apply=True, instead=instead)
        held = [one.cut for one in thinking.think(incident).decisions if one.verdict in (HOLD, SHADOW)]
        if not site.file.exists():
            raise UsageError(f"no {site.file}: no enforcer can be asked", "--site names it; docs/guard.md shows one")
        if held:
            who, now = person(room.folder), time.time()
            approve.approve(room.folder, incident.id, held, who.uid, who.name, why)
            book.write([evidence.approved(incident.id, one, who.entity, now, why) for one in held])
        answer = thinking.take(incident, again=True)
        done = _wait(room, act, incident.id)
        book.flush()
    return answer, done


def taken_back(site: Site, estate: Estate | None, id: str = "", cut: Cut | None = None, why: str = "") -> Undo:
    """Undo an incident's cuts, one of them, or all of all incidents. Raises `UsageError`, `StateError`.

    The estate leads to the enforcers: none is needed where a guard runs that asks them.
    """
    room = there(site)
    who, database = person(room.folder), room.ledger.database
    for one in {row.incident: None for row in chosen(database, id, cut) if row.state not in _OVER}:
        of = [action_id(one, cut)] if cut else []
        approve.undone(room.folder, one, who.uid, who.name, why, of)
    enforcers = reachable(site.file, estate) if estate else {}
    with _acting(room, enforcers, room.book()) as act:
        undo(database, id, cut, who.name)
        _wait(room, act, id)
    return stands(database, id, cut)


def listed(site: Site, id: str = "") -> list[Action]:
    """Every action, or those of one incident, in the order of doing. Raises `UsageError` where nothing was kept."""
    return actions.listed(there(site).ledger.database, id)


def stopped(site: Site, why: str) -> None:
    """The global stop. Raises `StateError`, which says whether it is stopped all the same."""
    who = person(site.state)
    switch.stop(site.state, who.name, why, who.uid)
    noted(site, evidence.stopped(who.entity, time.time(), why), "it IS stopped")


def resumed(site: Site, why: str) -> None:
    """Let cuts be done again. Raises `StateError`, which says whether they are all the same."""
    who = person(site.state)
    switch.resume(site.state, who.name, why, who.uid)
    noted(site, evidence.resumed(who.entity, time.time(), why), "cuts ARE done again")


def noted(site: Site, line: Line, done: str) -> None:
    """Write down what a person did; `done` says in the `StateError` that it is so all the same."""
    try:
        Book(Ledger(site.state).make()).write([line])
    except StateError as error:
        raise StateError(f"{done}, but the journal does not have it: {error.what}", error.remedy) from None


def there(site: Site) -> Room:
    """The guard's folder. Raises `UsageError` where none is."""
    room = Room(site.state, site.settings)
    if not room.is_there:
        raise UsageError(f"nothing was done from {site.state}", "name the guard's folder with --state")
    return room


@contextmanager
def _acting(room: Room, enforcers: Reachable, book: Book) -> Iterator[Act | None]:
    """The one who acts; None where a guard runs that does."""
    if acts(room.ledger.database):
        yield None
        return
    with room.act(enforcers, book) as act:
        yield act


def _wait(room: Room, act: Act | None, id: str) -> list[Action]:
    """Until nothing of an incident is under way, or has failed some times."""
    end = time.monotonic() + _WITHIN
    while True:
        if act is not None:
            act.settle(_LOOK)
        rows = actions.listed(room.ledger.database, id)
        busy = [one for one in rows if one.state in _UNDER_WAY or (one.state == actions.FAILED and _again(one))]
        if not busy or time.monotonic() > end:
            return rows
        time.sleep(_LOOK)


def _again(one: Action) -> bool:
    return not one.final and one.tries < _TRIED
