"""Which cable should be where: PTM's `topology.dot`, or a CSV with one cable a line.

"leaf01":"swp5" -- "gpu0001":"eth2";
leaf01,swp5,gpu0001,eth2
"""

import re
from collections.abc import Iterator

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_WORD = r'(?:"([^"]{1,120})"|([^\s":;,\[\]{}-][^\s":;,\[\]{}]{0,119}))'
_EDGE = re.compile(
    rf"\A\s*+{_WORD}\s*+:\s*+{_WORD}\s*+--\s*+{_WORD}\s*+:\s*+{_WORD}\s*+(?:\[[^\]]*+\])?\s*+;?\s*+(?:(?://|#).*)?\Z"
)
_FRAME = re.compile(
    r"\A\s*+(?:(?:strict\s++)?graph\s++\S{0,80}\s*+\{?|graph\s*+\{|[{}]++|(?://|#).*|\w++\s*+=[^;]*+;?)\s*+\Z"
)


class Cable(msgspec.Struct, frozen=True):
    """Two ends, each a device name and its port's name."""

    one: tuple[str, str]
    other: tuple[str, str]
    line: int


def read(data: bytes) -> tuple[Cable, ...]:
    """The cables. Raises `InputError` at a line that is none: a plan read by half would accuse good cables."""
    rows = list(safe.lines(data))
    dot = any("--" in line for _, line in rows)
    found = tuple(_dot(rows) if dot else _csv(rows))
    if not found:
        raise InputError("no cable in it", remedy='lines as "leaf01":"swp5" -- "gpu0001":"eth2";')
    return found


def _dot(rows: list[tuple[int, str]]) -> Iterator[Cable]:
    for number, line in rows:
        if not line.strip() or (len(line) < 400 and _FRAME.match(line)):
            continue
        match = _EDGE.match(line) if len(line) < 1000 else None
        if match is None:
            raise InputError(
                f"not a cable: {line.strip()[:60]!r}", line=number, remedy='"switch":"port" -- "host":"port"'
            )
        words = [match[at] or match[at + 1] for at in (1, 3, 5, 7)]
        yield Cable((words[0], words[1]), (words[2], words[3]), number)


def _csv(rows: list[tuple[int, str]]) -> Iterator[Cable]:
    for number, line in rows:
        text = line.partition("#")[0].strip()
        if not text:
            continue
        words = [word.strip().strip('"') for word in text.split(",")]
        if number == 1 and not any(letter.isdigit() for letter in text):
            continue
        if len(words) < 4 or not all(words[:4]):
            raise InputError(f"not a cable: {text[:60]!r}", line=number, remedy="switch,port,host,port")
        yield Cable((words[0], words[1]), (words[2], words[3]), number)
