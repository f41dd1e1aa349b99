"""The `lctl nodemap_…` commands that make nodemaps, one to a line, read to the maps that they make.

Source: lctl(8), lctl-nodemap_modify(8), lctl-nodemap_set_fileset(8) of Lustre 2.15 and later.
"""

import re
import shlex

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.storage.lustre import Nodemap, Nodemaps

_PROPERTIES = {"admin": "admin", "trusted": "trusted", "readonly_mount": "readonly", "deny_unknown": "deny_unknown"}
_RANGE = re.compile(r"\A(?:\d{1,3}|\[\d{1,3}-\d{1,3}\])(?:\.(?:\d{1,3}|\[\d{1,3}-\d{1,3}\])){3}@[a-z0-9]{1,16}\Z")
_REMEDY = "lctl would refuse the line as well"
Row = dict[str, object]


def commands(data: bytes) -> Nodemaps:
    """The maps that the commands leave. Raises `InputError` for any other command."""
    rows: dict[str, Row] = {"default": {}}
    active = False
    for number, line in safe.lines(data):
        words = _words(line, number)
        if not words:
            continue
        if words[:2] == ["lctl", "nodemap_activate"] and words[2:] in (["0"], ["1"]):
            active = words[2] == "1"
        elif words[:2] == ["lctl", "nodemap_add"] and len(words) == 3:
            rows[words[2]] = {}
        else:
            _change(rows, words, number)
    return Nodemaps(active, tuple(_nodemap(name, row) for name, row in sorted(rows.items())))


def octets(text: str) -> tuple[tuple[int, int], ...]:
    """`10.0.0.[1-5]@tcp` → the first and last value of each of the four parts. Raises `InputError`."""
    if not _RANGE.match(text):
        raise InputError(f"{text[:60]!r} is no range of NIDs", remedy=_REMEDY)
    found = []
    for part in text.partition("@")[0].split("."):
        low, _, high = part.strip("[]").partition("-")
        found.append((int(low), int(high or low)))
    return tuple(found)


def _words(line: str, number: int) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError as error:
        raise InputError(str(error), line=number, remedy=_REMEDY) from None


def _change(rows: dict[str, Row], words: list[str], number: int) -> None:
    options = dict(zip(words[2::2], words[3::2], strict=False))
    row = rows.get(options.get("--name", ""))
    verb = words[1] if words[0] == "lctl" and len(words) % 2 == 0 else ""
    if row is None or verb not in ("nodemap_modify", "nodemap_set_fileset", "nodemap_add_range", "nodemap_add_idmap"):
        raise InputError("no command that makes a known nodemap", line=number, remedy=_REMEDY)
    if verb == "nodemap_modify":
        key = _PROPERTIES.get(options.get("--property", ""))
        if key:
            row[key] = options.get("--value") == "1"
    elif verb == "nodemap_set_fileset":
        row["fileset"] = options.get("--fileset", "")
    elif verb == "nodemap_add_range":
        octets(options.get("--range", ""))
        row["ranges"] = (*row.get("ranges", ()), options["--range"])  # type: ignore[misc]  # only we write it
    else:
        row["idmap"] = int(str(row.get("idmap", 0))) + 1


def _nodemap(name: str, row: Row) -> Nodemap:
    return Nodemap(
        name,
        bool(row.get("trusted", name == "default")),
        bool(row.get("admin", name == "default")),
        str(row.get("fileset", "")),
        row.get("ranges", ()),  # type: ignore[arg-type]  # only we write it
        bool(row.get("readonly", False)),
        bool(row.get("deny_unknown", False)),
        int(str(row.get("idmap", 0))),
    )
