"""Secrets as a capture shows them: `mode owner sha256:HEX path`, one a line, never the secret.

The hash is SHA-256 over the capture's salt (its hexadecimal text) followed by the file's bytes, so
equal secrets of one capture match and nobody without the salt can try guesses.
"""

import hashlib
import re

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_LINE = re.compile(r"(0?[0-7]{3,4}) (\S{1,64}) sha256:([0-9a-f]{64}) (/[^\n]*)")


class Secret(msgspec.Struct, frozen=True):
    """One secret file. `mode` holds the permission bits."""

    mode: int
    owner: str
    digest: str
    path: str

    @property
    def shared(self) -> bool:
        """Whether accounts other than the owner may read it, by group or by everyone."""
        return bool(self.mode & 0o044)


def looks_like(head: bytes) -> bool:
    return bool(_LINE.match(head.lstrip()[:1024].partition(b"\n")[0].decode("utf-8", "replace")))


def secrets(data: bytes) -> tuple[Secret, ...]:
    """Every line. Raises `InputError` with the line."""
    found = []
    for number, line in safe.lines(data):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.rstrip())
        if not match:
            raise InputError("not `mode owner sha256:… path`", line=number, remedy="run the capture script again")
        found.append(Secret(int(match[1], 8), match[2], match[3], match[4]))
    return tuple(found)


def salted(secret: bytes, salt: bytes) -> str:
    """What the capture script prints for a secret: 64 hexadecimal digits."""
    return hashlib.sha256(salt.hex().encode() + secret).hexdigest()
