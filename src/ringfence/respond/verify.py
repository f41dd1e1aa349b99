"""Whether what is there is what is to be there: documents (`wire.contain`) compared thing by thing.

        wanted ─▶ holdings ─┐
                            ├─▶ missing: wanted, and not there    extra: there, and not wanted
        read   ─▶ holdings ─┘

Things are compared by what they mean, since drivers read back from the kernel, from slurmctld, from a fabric: an
address alone is a network of one, a GUID is a number, a key is its fingerprint, and "isolated" has no name.
"""

import binascii
import hashlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any, cast

import msgspec

from ringfence.errors import InputError
from ringfence.wire import contain
from ringfence.wire.contain import Document, Until

SHAPES: Mapping[str, type[Document]] = {
    "contain": contain.OnHost,
    "flows": contain.OnHost,
    "sessions": contain.Sessions,
    "keys": contain.Keys,
    "quarantine": contain.OnFabric,
    "ports": contain.Ports,
    "scheduler": contain.OnScheduler,
    "bindings": contain.Bindings,
}
"""Target → the shape of its document."""

Thing = tuple[str, str]
"""(field of the document, what), in a form in which equal things are equal."""

SLACK = 5
"""Seconds by which what lapses may lapse earlier than was asked: clocks and roundings."""

_HELD = (
    "counted", "throttled", "blocked", "users", "jobs", "isolated", "addresses", "revoked", "ports", "off", "nodes",
)  # fmt: skip


class Compared(msgspec.Struct, frozen=True):
    """What differs. `early`: there, but for less long than is wanted (it counts as missing too)."""

    missing: frozenset[Thing] = frozenset()
    extra: frozenset[Thing] = frozenset()
    early: frozenset[Thing] = frozenset()

    @property
    def holds(self) -> bool:
        """Whether nothing differs."""
        return not (self.missing or self.extra)


def document(target: str, text: str) -> Document:
    """The document of a target in a text. Raises `InputError`."""
    shape: Any = SHAPES[target]
    return cast("Document", contain.decode(text, shape))


def thing(field: str, what: str) -> Thing:
    """One thing in the form in which it is compared."""
    made = _FORMS.get(field)
    return (field, made(what) if made else what)


def holdings(found: Document, now: float) -> dict[Thing, int]:
    """Thing → until when it is held (0: until it is taken back), without what has lapsed by `now`."""
    held: dict[Thing, int] = {}
    for field in _HELD:
        for one in getattr(found, field, ()):
            what, until = (one.what, one.until) if isinstance(one, Until) else (one, 0)
            if until == 0 or until > now:
                key = thing(field, what)
                held[key] = later(held.get(key, until), until)
    return held


def later(one: int, other: int) -> int:
    """The later of two `until`; 0 is never."""
    return max(one, other) if one and other else 0


def compare(target: str, wanted: str, found: str, now: float) -> Compared:
    """How what was read differs from what is wanted. Raises `InputError` where what was read is no document.

    What was read is there, whatever its `until` says: it may come from another clock.
    """
    mine, there = holdings(document(target, wanted), now), holdings(document(target, found), 0.0)
    early = {one for one in mine.keys() & there.keys() if _early(mine[one], there[one])}
    missing, extra = mine.keys() - there.keys(), there.keys() - mine.keys()
    return Compared(frozenset(missing | early), frozenset(extra), frozenset(early))


def same(target: str, before: str, found: str, now: float) -> tuple[str, ...]:
    """How two read-backs differ as sets, in lines; () if they are equal. `until` is not compared."""
    if before == found:
        return ()
    try:
        was, there = holdings(document(target, before), now), holdings(document(target, found), now)
    except InputError as error:
        return (f"what was read is not what was read before the first action: {error.what}",)
    return tuple(
        [f"{field} {what} was there before, and is not there" for field, what in sorted(was.keys() - there.keys())]
        + [f"{field} {what} is there, and was not there before" for field, what in sorted(there.keys() - was.keys())]
    )


def _early(wanted: int, found: int) -> bool:
    """Whether a thing is held for less long than is wanted; also where it would never lapse and is to."""
    return (wanted == 0) != (found == 0) or found < wanted - SLACK


def _address(what: str) -> str:
    try:
        return str(ip_network(what, strict=False))
    except ValueError:
        return what


def _port(what: str) -> str:
    try:
        return f"{int(what, 16):#018x}"
    except ValueError:
        return what


def _key(what: str) -> str:
    """The fingerprint of a public key as OpenSSH writes it (ssh-keygen(1), `-l`); what is none stays."""
    parts = what.split()
    if len(parts) < 2 or what.startswith("SHA256:"):
        return what
    try:
        blob = b64decode(parts[1], validate=True)
    except (binascii.Error, ValueError):
        return what
    return "SHA256:" + b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


_FORMS: dict[str, Callable[[str], str]] = {
    "counted": _address,
    "throttled": _address,
    "blocked": _address,
    "addresses": _address,
    "ports": _port,
    "off": _port,
    "revoked": _key,
    "isolated": lambda _: "",
}
"""Field → the form of what it holds; others are compared as they are."""
