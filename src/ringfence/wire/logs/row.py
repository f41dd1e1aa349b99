"""One event in the making: names go to the columns that hold them, and the rest under `unmapped.`, bounded.

        {"a": {"b": 1}, "Image": …}  ──flat──▶  a.b, Image  ──take──▶  unmapped.a.b, process.file.path

What a hostile record can cost is bounded here: depth, the number of its names and their length. What goes beyond is
kept whole as JSON in one column, `unmapped.more`, so that nothing is lost and no record makes thousands of columns.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from ringfence.estate import ids
from ringfence.wire.ocsf.columns import COLUMNS, UNMAPPED
from ringfence.wire.ocsf.event import Event, Value
from ringfence.wire.ocsf.names import NAMES

DEEPEST = 64
MOST_NAMES = 256
LONGEST_NAME = 120
MORE = UNMAPPED + "more"

_NO_NAMES: Mapping[str, str] = {}


class Row:
    """The fields of one event of class `uid`, while a reader fills them in."""

    __slots__ = ("_left", "_names", "_uid", "fields")

    def __init__(self, uid: int) -> None:
        self._uid = uid
        self._names = NAMES.get(uid, _NO_NAMES)
        self._left: dict[str, Any] = {}
        self.fields: dict[str, Value] = {}

    def put(self, column: str, value: object) -> bool:
        """Set a column; false, and nothing is set, where the value is absent or not of its type, or another stands."""
        if column in self.fields:
            return self.fields[column] == value
        fitted = _fitted(COLUMNS[column].type, value)
        if fitted is None:
            return False
        self.fields[column] = fitted
        return True

    def whole(self, column: str) -> bool:
        """Whether a column holds whole numbers."""
        return COLUMNS[column].type == "int"

    def take(self, name: str, value: object) -> None:
        """Put a value where its name belongs: the column of that name in this class, else `unmapped.<name>`."""
        if value is None:
            return
        column = self._names.get(name) or ("message" if name == "message" else None)
        if column is None or not self.put(column, value):
            self.keep(name, value)

    def take_all(self, record: Mapping[str, Any]) -> None:
        """`take` every scalar of a record, nested names joined by dots."""
        for name, value in flat(record):
            self.take(name, value)

    def keep(self, name: str, value: object) -> None:
        """`unmapped.<name>`, as text; a second value of the same name is joined to the first by a line feed."""
        if value is None:
            return
        if not isinstance(value, (str, int, float)):
            for inner, scalar in flat({name: value}):
                self.keep(inner, scalar)
            return
        column = UNMAPPED + name
        said = text(value)
        if len(name) > LONGEST_NAME or (column not in self.fields and len(self.fields) >= MOST_NAMES):
            self._left[name] = said
        elif column in self.fields:
            self.fields[column] = f"{self.fields[column]}\n{said}"
        else:
            self.fields[column] = said

    def event(self, time: int, host: str, logsource: str, activity: int = 0, seq: int = 0) -> Event:
        """The finished event. `host` may be a full name; what is cut off it stands under `unmapped.device.hostname`."""
        bare = ids.host_name(host) if host else ""
        if host and bare != host:
            self.keep("device.hostname", host)
        if self._left:
            self.fields[MORE] = msgspec.json.encode(self._left).decode()
        return Event(self._uid, activity, time, bare, logsource, self.fields, "", seq)


def flat(record: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, str | int | float]]:
    """(dotted name, scalar) of every value. A list of scalars is one text, a line each.

    A list of objects is kept as JSON under its own name, and the values of each of its names as such a list. Raises
    `ValueError` below `DEEPEST`.
    """
    if depth > DEEPEST:
        raise ValueError(f"nested more than {DEEPEST} deep")
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from flat(value, name + ".", depth + 1)
        elif isinstance(value, list):
            yield from _listed(name, value, depth)
        elif value is not None:
            yield name, text(value) if isinstance(value, bool) else value


def _listed(name: str, values: list[Any], depth: int) -> Iterator[tuple[str, str | int | float]]:
    if not values:
        return
    if not any(isinstance(value, (dict, list)) for value in values):
        said = [text(value) for value in values if value is not None]
        lines = any("\n" in each for each in said)
        yield name, msgspec.json.encode(said).decode() if lines else "\n".join(said)
        return
    yield name, msgspec.json.encode(values).decode()
    together: dict[str, list[str]] = {}
    for value in values:
        if isinstance(value, dict):
            for inner, scalar in flat(value, name + ".", depth + 1):
                together.setdefault(inner, []).append(text(scalar))
    for inner, said in together.items():
        yield inner, "\n".join(dict.fromkeys(said))


def text(value: object) -> str:
    """A scalar as rules compare it: `true` and `false` as JSON writes them."""
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _fitted(kind: str, value: object) -> Value | None:
    if kind == "text":
        return text(value) if isinstance(value, (str, int, float)) else None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        number = float(value)
        if kind == "real":
            return number if number - number == 0 else None
        whole = int(value) if not isinstance(value, str) or len(value) < 24 else None
    except (ValueError, OverflowError):
        return None
    if whole is None or abs(whole) >= 1 << 63 or (isinstance(value, str) and value.strip() != str(whole)):
        return None
    return whole


def part(name: object) -> str:
    """A foreign name as one part of a log source: no slash, nothing that is not shown, at most 64 characters."""
    return ids.clean(str(name or "")).replace("/", "_")[:64]


def base(path: str) -> str:
    """The last part of a path, whichever slash it has."""
    return path.rstrip("/\\").replace("\\", "/").rpartition("/")[2]


def micros(value: object) -> int:
    """Microseconds since the epoch of an RFC 3339 text (UTC where it names no zone) or of seconds; 0 where it is none.

    Digits below a microsecond are dropped.
    """
    if isinstance(value, bool) or value is None:
        return 0
    if isinstance(value, (int, float)):
        return _scaled(value)
    said = str(value).strip()[:48]
    if said.replace(".", "", 1).isdigit():
        return _scaled(float(said))
    try:
        when = datetime.fromisoformat(_short(said))
    except ValueError:
        return 0
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    since = when - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _scaled(number: float) -> int:
    """Seconds, or milli-, micro- or nanoseconds by their size, as microseconds."""
    if not 0 < number < 1e20:
        return 0
    for most, times in ((1e11, 1_000_000), (1e14, 1000), (1e17, 1)):
        if number < most:
            return round(number * times)
    return int(number // 1000)


def _short(said: str) -> str:
    """At most six digits of a second, which is what `datetime` reads."""
    whole, dot, rest = said.partition(".")
    if not dot:
        return said
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return f"{whole}.{rest[: min(digits, 6)]:0<6}{rest[digits:]}"
