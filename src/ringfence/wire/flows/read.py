"""From lines to flows, whatever tool wrote them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from ringfence.errors import Problem
from ringfence.wire.flows import conntrack, hubble, ndjson, zeek
from ringfence.wire.flows.values import Flow

FORMS: dict[str, str] = {
    "conntrack": "conntrack -L, conntrack -E, /proc/net/nf_conntrack",
    "zeek": "Zeek's conn.log, tab-separated or JSON",
    "hubble": "hubble observe -o json",
    "ndjson": "one JSON object a line: source, target, protocol, port",
}
"""The forms that are told apart by their own looks."""

LONGEST_LINE = 64 << 10
_ANY = msgspec.json.Decoder()


def read(name: str, lines: Iterable[str]) -> Iterator[Flow | Problem]:
    """Flows and problems as they come, so that a stream can be followed. `name` is the file's, for problems."""
    names: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if line.startswith("#"):
            names = zeek.fields(line) if line.startswith("#fields") else names
            continue
        try:
            found = _flow(line, number, names)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            yield Problem(name, number, f"not a flow: {_said(error)}", f"known are {'; '.join(FORMS.values())}")
            continue
        if found is not None:
            yield found


def _flow(line: str, number: int, names: list[str]) -> Flow | None:
    if len(line) > LONGEST_LINE:
        raise ValueError(f"a line of {len(line)} characters")
    if line.lstrip().startswith("{"):
        return _record(_ANY.decode(line), number)
    if conntrack.looks_like(line):
        return conntrack.flow(line, number)
    if names:
        return zeek.flow(names, line, number)
    raise ValueError("no form that is known")


def _record(record: Mapping[str, Any], number: int) -> Flow | None:
    if "flow" in record or "l4" in record:
        return hubble.of(record, number)
    if "id.orig_h" in record:
        return zeek.of(record, number)
    if "source" in record:
        return ndjson.of(record, number)
    raise ValueError("an object of no form that is known (a message of the tool?)")


def _said(error: Exception) -> str:
    return f"{error.args[0]} is missing" if isinstance(error, KeyError) and error.args else str(error)[:200]
