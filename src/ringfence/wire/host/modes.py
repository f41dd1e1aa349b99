r"""Owner and mode of device nodes, sockets, programs and folders.

Two forms: `find … -printf '%y %m %u %g %p\n'` ("c 666 root root /dev/nvidia0") and `ls -l`.
"""

import re

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_FIND = re.compile(r"^([bcdlpfsD]) (0?[0-7]{1,5}) (\S{1,64}) (\S{1,64}) (/[^\n]*)$")
_LS = re.compile(
    r"^([-bcdlps])([-r][-w][-xsS][-r][-w][-xsS][-r][-w][-xtT])[.+@]?\s+\d+\s+(\S+)\s+(\S+)\s+(?:\d+,\s*)?\d+\s+"
    r"(?:\S+\s+\S+\s+\S+|\d{4}-\d\d-\d\d\s+\S+(?:\s+[-+]\d{4})?)\s+(/?[^\n]+)$"
)


class Node(msgspec.Struct, frozen=True):
    """One file system object. `type` is f, d, c, b, s, p or l; `mode` the permission bits."""

    type: str
    mode: int
    owner: str
    group: str
    path: str


def looks_like(head: bytes) -> bool:
    """Its first lines are of either form."""
    lines = [line for line in head.decode("utf-8", "replace").splitlines() if line.strip()][:5]
    return any(_FIND.match(line) or _LS.match(line) for line in lines)


def nodes(data: bytes) -> tuple[Node, ...]:
    """Every object named. Headings of `ls -lR` ("/dev/infiniband:") give the folder. Raises `InputError`."""
    found = []
    folder = "/dev"
    for number, line in safe.lines(data):
        text = line.rstrip()
        if not text or text.startswith("total "):
            continue
        if match := _FIND.match(text):
            found.append(Node(match[1], int(match[2], 8), match[3], match[4], match[5]))
        elif match := _LS.match(text):
            path = match[5].partition(" -> ")[0]
            kind = "f" if match[1] == "-" else match[1]
            found.append(
                Node(kind, _bits(match[2]), match[3], match[4], path if path.startswith("/") else f"{folder}/{path}")
            )
        elif text.startswith("/") and text.endswith(":"):
            folder = text[:-1].rstrip("/")
        else:
            raise InputError("not `type mode owner group path`", line=number, remedy="run the capture script again")
    return tuple(found)


def _bits(text: str) -> int:
    mode = 0
    for letter in text:
        mode = mode << 1 | (letter not in "-ST")
    return mode
