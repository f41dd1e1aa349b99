"""What an undo would give back, before it does: each place with what was set and what stood there before."""

import hashlib

import msgspec

from ringfence.assess.harden.changes import Permit, Write, place
from ringfence.enforce.host import live
from ringfence.enforce.host.kept import Kept
from ringfence.enforce.host.theirs import difference
from ringfence.estate.ids import clean


class Back(msgspec.Struct, frozen=True):
    """One place. `ours`, `was`: the SHA-256 of a file, or the value; "" where nothing was.

    `difference`: lines of a file that go (`-`) and that come back (`+`).
    """

    place: str
    ours: str
    was: str
    difference: tuple[str, ...] = ()


def back(kept: Kept) -> Back:
    """From the receipt alone: what stands there now is not looked at."""
    change, was = kept.change, kept.was
    if isinstance(change, Write):
        lines = () if was.content is None else tuple(difference(change.content, was.content))
        before = "" if was.content is None else hashlib.sha256(was.content).hexdigest()
        return Back(place(change), hashlib.sha256(change.content).hexdigest(), before, lines)
    if isinstance(change, Permit):
        return Back(place(change), live.rights(change.mode, change.gid), live.rights(was.mode, was.gid))
    before = clean((was.content or b"").decode("utf-8", "replace").strip())
    return Back(place(change), change.value, before)


def told(one: Back) -> list[str]:
    """In lines."""
    if one.place.startswith("write ") and not one.was:
        return [f"{one.place}: taken away, for it was not there"]
    if one.place.startswith("write "):
        return [f"{one.place}: holds again what it held", *(f"  {line}" for line in one.difference)]
    return [f"{one.place}: {one.ours} → {one.was}"]
