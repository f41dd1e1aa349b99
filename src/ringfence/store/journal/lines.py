"""What Ringfence writes into its journal: one line per entry, canonical JSON."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.store.journal.layout import LONGEST_ENTRY


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who did what to what. No secret stands here: a journal is meant to be shown.

    `when` is in seconds since the epoch; `actor`, `subject` are entities (`identity:alice`,
    `host:gpu0001`); `what` is a verb (`fence.apply`); `receipt` is the id of the receipt that
    undoes it, empty where nothing changed.
    """

    when: float
    actor: str
    what: str
    subject: str
    detail: Mapping[str, Any] = {}
    receipt: str = ""


_DECODER = msgspec.json.Decoder(Line)


def encode(line: Line) -> bytes:
    """The one spelling of this line: keys sorted, no spaces. Raises `InputError` for a line beyond 65,535 bytes."""
    try:
        data = msgspec.json.encode(line, order="sorted")
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"this cannot stand in a journal: {error}") from None
    if len(data) > LONGEST_ENTRY:
        raise InputError(f"a line of {len(data)} bytes; a journal takes {LONGEST_ENTRY}", remedy="journal its hash")
    return data


def decode(entry: bytes) -> Line:
    """The line. Raises `InputError` for what is not one, or not in its one spelling."""
    try:
        line = _DECODER.decode(entry)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"not a line of the journal: {error}") from None
    if encode(line) != entry:
        raise InputError("a line of the journal that is not in its one spelling")
    return line
