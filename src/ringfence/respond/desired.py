"""What a place is to hold: one document of all that all incidents want there, however they came about.

        actions of incident 1 ─┐
        actions of incident 2 ─┼─▶ the union; of the same thing the latest `until` ─▶ text
        …                     ─┘

The text depends on the set of actions alone, not on their order; taking an incident back is the text without its
actions. A thing that two incidents want stays until neither does.
"""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address

import msgspec

from ringfence.errors import InputError
from ringfence.respond.values import Cut
from ringfence.respond.verify import SHAPES, Thing, later, thing
from ringfence.wire import contain
from ringfence.wire.contain import LONGEST, OnHost, OnScheduler, Until

REASON = "ringfence: contained"
RATE = 1 << 20
"""Bytes a second that a throttled address gets."""
_FOLLOWS = {"flows": "contain"}
"""Target → the one of the same host whose document it gets."""
MOMENTARY = frozenset({"flows", "sessions"})
"""Targets that do a thing once and hold nothing: their document has what is asked now, not what was done."""


class Wanted(msgspec.Struct, frozen=True, order=True):
    """A cut that is to stand, until when (seconds since the epoch; 0: until it is taken back), and whose it is."""

    cut: Cut
    until: int = 0
    incident: str = ""


def thing_of(cut: Cut) -> Thing:
    """What a cut puts into its document, as `verify.compare` names it."""
    return thing(_field(cut), cut.subject)


def desired(
    target: str, place: str, wanted: Iterable[Wanted], keep: Sequence[str] = (), now: float = 0.0, rate: int = RATE
) -> str:
    """The document of a target at a place: of all that is wanted, what belongs there and has not lapsed by `now`.

    `flows` gets the document of the host's `contain`: give it those actions too; "" where no flow is to be ended.
    Raises `InputError` for what a document cannot say.
    """
    mine = [one for one in wanted if one.cut.place == place and (not one.until or one.until > now)]
    if target in _FOLLOWS:
        asked = any(one.cut.target == target for one in mine)
        return desired(_FOLLOWS[target], place, mine, keep, now, rate) if asked else ""
    shape = SHAPES[target]
    held: dict[str, dict[str, Until]] = {}
    for one in sorted(mine):
        if one.cut.target == target:
            _put(held.setdefault(_field(one.cut), {}), one)
    expires = {name for name, kind in shape.__annotations__.items() if "Until" in str(kind)}
    fields = {
        name: tuple(sorted(things.values())) if name in expires else tuple(sorted(one.what for one in things.values()))
        for name, things in held.items()
    }
    try:
        made = msgspec.convert(msgspec.to_builtins(fields) | _said(target, keep, rate), shape)
    except msgspec.ValidationError as error:
        raise InputError(f"{target} at {place}: this cannot be said: {error}"[:300]) from None
    return contain.encode(made)


def unsayable(cut: Cut) -> str:
    """Why no document can say a cut; "" if one can."""
    try:
        if not cut.subject or any(ord(one) < 32 or ord(one) == 127 for one in cut.subject):
            return "what is to be cut has no name, or one with control characters"
        desired(cut.target, cut.place, [Wanted(cut)])
    except InputError as error:
        return error.what
    return ""


def _field(cut: Cut) -> str:
    """The field of the document; SSH logins are told by their client's address where the subject is one."""
    if cut.target != "sessions":
        return cut.about.field
    try:
        ip_address(cut.subject)
    except ValueError:
        return "users"
    return "addresses"


def _put(things: dict[str, Until], one: Wanted) -> None:
    """The first spelling by name stays; the latest `until` wins, though never beyond what a document may say."""
    key = thing_of(one.cut)[1]
    there = things.get(key)
    until = one.until if there is None else later(there.until, one.until)
    things[key] = Until(there.what if there else one.cut.subject, until)


def _said(target: str, keep: Sequence[str], rate: int) -> dict[str, object]:
    """What a document says beside what it holds."""
    if SHAPES[target] is OnHost:
        return {"keep": sorted(set(keep)), "rate": rate}
    return {"reason": REASON} if SHAPES[target] is OnScheduler else {}


def clipped(until: int, now: float) -> int:
    """No further than a document may say: a clock that is wrong cuts for a day at most."""
    return min(until, int(now) + LONGEST)
