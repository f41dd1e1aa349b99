"""How a guard stands, and what of it needs a person: what `ringfence respond status` tells.

queue, switch, pages, guard-status.json, limits ─▶ Standing, with a sentence for each thing that somebody has to do
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from ringfence.app.guard import alerts, pages, settings, switch
from ringfence.app.guard.commands import Site, there
from ringfence.app.guard.screen_parts import ago
from ringfence.errors import InputError
from ringfence.estate.ids import clean
from ringfence.respond.act import acts
from ringfence.store import actions
from ringfence.store.actions import Action

_OPEN = (actions.HELD, actions.PLANNED, actions.DOING, actions.DONE, actions.FAILED, actions.UNDOING)
_BEGUN = (actions.PLANNED, actions.DOING, actions.DONE, actions.FAILED, actions.UNDOING)


class Lane(msgspec.Struct, frozen=True):
    """A place where something is not as it should be: how many actions, tried how often, and what is wrong."""

    target: str
    place: str
    actions: int
    tries: int
    why: str


class Paged(msgspec.Struct, frozen=True):
    """An open page: whom it is about, since when, whether anybody was reached, and the last answer."""

    incident: str
    since: float
    reached: bool
    answer: str


class Standing(msgspec.Struct, frozen=True):
    """All of it. `guard`: whether one runs, in words; `acts`: one that acts does; `told_at`: when one last said how it
    stands, 0 for never.

    `stopped`: why nothing new is cut, "" where it is. `counts`: state → actions. `held`:
    incident → cuts that wait for a person. `waiting`, `lost`: lines of evidence. `witnesses`: what each said last.
    `needs`: what needs a person, a sentence each.
    """

    guard: str
    acts: bool
    told_at: float
    stopped: str
    counts: dict[str, int]
    held: dict[str, int]
    lanes: tuple[Lane, ...]
    waiting: int
    lost: int
    witnesses: dict[str, str]
    pages: tuple[Paged, ...]
    needs: tuple[str, ...] = ()


def standing(site: Site, now: float | None = None) -> Standing:
    """How it stands. Raises `UsageError` where nothing was ever done, `StateError`, `InputError`."""
    when, room, status = time.time() if now is None else now, there(site), alerts.status(site.state)
    database = room.ledger.database
    rows = actions.listed(database, states=_OPEN)
    runs = acts(database)
    found = Standing(
        guard=_guard(runs, status, when),
        acts=runs,
        told_at=status.at if status else 0.0,
        stopped=switch.stopped(site.state),
        counts=actions.counted(database),
        held=dict(Counter(clean(one.incident) for one in rows if one.state == actions.HELD)),
        lanes=tuple(_lanes(rows)),
        waiting=status.waiting if status else 0,
        lost=status.lost if status else 0,
        witnesses=status.witnesses if status else {},
        pages=tuple(
            Paged(clean(one.incident), one.made_at, one.told_at > 0, clean(one.answer))
            for one in pages.listed(site.state)
            if not one.taken_by
        ),
    )
    begun = any(one.state in _BEGUN for one in rows)
    return msgspec.structs.replace(found, needs=(*_unread(site), *_needs(found, begun, status, when)))


def _unread(site: Site) -> Iterator[str]:
    """What is wrong with the settings, while there is time to mend it."""
    try:
        settings.telling(site.state, site.settings)
    except InputError as error:
        yield f"no guard can begin: {error.what}" + (f"; {error.remedy}" if error.remedy else "")


def _guard(runs: bool, status: alerts.Status | None, now: float) -> str:
    if runs:
        return "one runs, and acts"
    if status and not status.over and not status.silent(now) and not status.applies:
        return "one runs in shadow mode: it lists, and cuts nothing"
    return f"none runs; the last told how it stands {ago(now - status.at)}" if status else "none runs"


def _lanes(rows: Sequence[Action]) -> Iterator[Lane]:
    """Lanes in which something has failed, or was tried more than a few times."""
    bad = [one for one in rows if one.state == actions.FAILED or (one.state in _BEGUN and _stuck(one))]
    for target, place in sorted({one.lane for one in bad}):
        mine = [one for one in bad if one.lane == (target, place)]
        worst = max(mine, key=lambda one: one.tries)
        yield Lane(target, clean(place), len(mine), worst.tries, clean(worst.why))


def _stuck(one: Action) -> bool:
    return one.tries >= alerts.TRIED and one.state in (actions.DOING, actions.UNDOING)


def _needs(found: Standing, begun: bool, status: alerts.Status | None, now: float) -> Iterable[str]:
    if found.stopped:
        yield f"nothing new is cut: {found.stopped}; `ringfence resume` lets cuts begin again"
    for incident, count in found.held.items():
        yield f"{incident}: {count} wait for a person; `ringfence respond show {incident}`"
    for one in found.lanes:
        yield f"{one.target} at {one.place}: {one.actions} tried {one.tries} times: {one.why}"
    for page in found.pages:
        said = "nobody took the page" if page.reached else f"nobody was reached ({page.answer or 'not tried yet'})"
        yield f"{page.incident}: {said} of {ago(now - page.since)}; `ringfence respond ack {page.incident}`"
    if found.waiting or found.lost:
        yield f"{found.waiting} lines of evidence wait for room on disk, {found.lost} are lost; make room"
    for name, said in found.witnesses.items():
        if not said.startswith("kept"):
            yield f"witness {name}: {said}; `ringfence evidence verify` tells whether the journal was rewritten"
    if begun and not found.acts:
        yield "no guard runs that acts, and cuts are open: what lapses is not renewed; `ringfence guard … --apply`"
    elif status and status.silent(now):
        yield f"the guard last told how it stands {ago(now - status.at)}: it hangs, was killed, or its disk is full"
