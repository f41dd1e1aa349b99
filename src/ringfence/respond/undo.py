"""Taking back what was done: one cut, an incident, or all, until what is there equals what was there before.

        undo ─▶ rows `undoing` (what was not begun: `undone` at once) ─▶ act's lanes, the highest rank first
                                      ─▶ document without them, or what was there before us ─▶ read back ─▶ `undone`

A cut that another open incident wants too stays, and is told. An undo that was cut off goes on by itself: the rows say
so. It works while everything is stopped; a place that does not answer stays `undoing`, and is tried again.
"""

from collections.abc import Sequence
from time import time

import msgspec

from ringfence.errors import UsageError
from ringfence.respond.act_turn import SHARED, cut_of
from ringfence.respond.values import Cut
from ringfence.store import actions
from ringfence.store.actions import Action
from ringfence.store.state import Database

_BEGUN = (actions.DOING, actions.DONE, actions.FAILED, actions.UNDOING)
_LIVE = (actions.HELD, actions.PLANNED, *_BEGUN)


class Undo(msgspec.Struct, frozen=True):
    """How an undo stands. `left` are (action, why) not yet taken back; `stays` (action, what of it cannot be undone);
    `shared` (action, why): another incident wants the same cut. `never`: actions that had not been begun.
    """

    undone: tuple[Action, ...] = ()
    left: tuple[tuple[Action, str], ...] = ()
    stays: tuple[tuple[Action, str], ...] = ()
    shared: tuple[tuple[Action, str], ...] = ()
    never: tuple[Action, ...] = ()

    @property
    def over(self) -> bool:
        """Whether all is taken back that can be."""
        return not self.left


def undo(
    database: Database, incident: str = "", cut: Cut | None = None, who: str = "", now: float | None = None
) -> Undo:
    """Ask for it: of one incident or of all, of one cut or of all. Whoever acts on the queue (`Act`) does it.

    Raises `UsageError` where there is no such thing, `StateError` where the queue cannot be written.
    """
    rows = chosen(database, incident, cut)
    if not rows:
        raise UsageError(f"there is nothing of {incident or 'any incident'} to undo", "`ringfence respond` lists them")
    live = [one.id for one in rows if one.state in _LIVE]
    actions.take_back(database, live, f"taken back by {who}" if who else "", time() if now is None else now)
    return stands(database, incident, cut)


def stands(database: Database, incident: str = "", cut: Cut | None = None) -> Undo:
    """How far it is. Raises `StateError`."""
    rows = chosen(database, incident, cut)
    undone = tuple(one for one in rows if one.state in (actions.UNDONE, actions.LAPSED))
    begun = [one for one in undone if one.done_at is not None or one.tries]
    return Undo(
        undone,
        tuple((one, one.why or "not yet") for one in rows if one.state not in (actions.UNDONE, actions.LAPSED)),
        tuple((one, cut_of(one).about.undo) for one in begun if cut_of(one).about.undo),
        tuple((one, one.why) for one in undone if one.why.startswith(SHARED)),
        tuple(one for one in undone if one not in begun),
    )


def chosen(database: Database, incident: str = "", cut: Cut | None = None) -> list[Action]:
    """The rows that an undo is about, in its order: the reverse of doing."""
    rows: Sequence[Action] = actions.listed(database, incident)
    return [one for one in reversed(rows) if cut is None or cut_of(one) == cut]
