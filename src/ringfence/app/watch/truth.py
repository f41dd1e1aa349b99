"""What is true about labelled logs: one attack a line, as `{"id","kind","start","end","entities","loudness"}`."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ringfence.errors import InputError

_REMEDY = "docs/design/quality.md has the form of a line"


class Attack(msgspec.Struct, frozen=True):
    """One attack: who took part from when to when, in microseconds since the epoch."""

    id: str
    kind: str
    start: int
    end: int
    entities: frozenset[str]
    loudness: str = ""


class _Line(msgspec.Struct):
    id: str
    kind: str
    start: str
    end: str
    entities: list[str]
    loudness: str = ""


def read_truth(path: Path) -> tuple[Attack, ...]:
    """The attacks of a file of JSON lines. Raises `InputError` with the line that is wrong."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}", remedy="name a text file of JSON lines") from None
    found = tuple(_attacks(path, text))
    if len({one.id for one in found}) < len(found):
        raise InputError(f"{path}: two attacks have the same id", remedy="give each attack an id of its own")
    return found


def _attacks(path: Path, text: str) -> Iterator[Attack]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            said = msgspec.json.decode(line, type=_Line)
            start, end = _instant(said.start), _instant(said.end)
        except (ValueError, OverflowError) as error:
            raise InputError(f"{path}: {error}", line=number, remedy=_REMEDY) from None
        if end < start:
            raise InputError(f"{path}: {said.id} ends before it starts", line=number, remedy="exchange start and end")
        yield Attack(said.id, said.kind, start, end, frozenset(said.entities), said.loudness)


def _instant(text: str) -> int:
    """Microseconds since the epoch; a time without a zone is UTC."""
    when = datetime.fromisoformat(text)
    whole = when if when.tzinfo else when.replace(tzinfo=UTC)
    return round(whole.timestamp() * 1_000_000)
