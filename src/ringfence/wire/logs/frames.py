"""Syslog over TCP, cut into messages (RFC 6587): by a count before each, or by line feeds where there is none.

    83 <34>1 2026-01-02T…        octet counting: line feeds inside belong to the message
    <34>Jan  2 03:04:05 …⏎       non-transparent framing

Each message says by its first byte which it is, as senders are told apart in practice.
"""

from collections.abc import Iterator

from ringfence.wire.logs.form import LONGEST_LINE

_LONGEST_COUNT = 8


class Frames:
    """One connection. A message that is longer than `most` comes once, cut one byte beyond."""

    def __init__(self, most: int = LONGEST_LINE) -> None:
        self._most = most
        self._rest = bytearray()
        self._skip = 0
        self._skipping_line = False
        self._seen = 0  # bytes of the rest in which there is no line feed, so that none is looked at twice

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that these bytes complete."""
        self._rest += data
        at = 0
        while True:
            at = self._passed(at)
            found = self._next(at)
            if found is None:
                break
            message, at = found
            if message:
                yield message
        del self._rest[:at]
        if at:
            self._seen = 0

    def end(self) -> Iterator[bytes]:
        """The last message, where a line feed was all that it lacked. One short of its count is cut."""
        if self._rest:
            yield bytes(self._rest)
            self._rest.clear()

    def _passed(self, at: int) -> int:
        """Where the remains of a message that was too long end."""
        if self._skip:
            passed = min(self._skip, len(self._rest) - at)
            self._skip -= passed
            at += passed
        elif self._skipping_line:
            end = self._rest.find(b"\n", at)
            self._skipping_line = end < 0
            at = len(self._rest) if end < 0 else end + 1
        return at

    def _next(self, at: int) -> tuple[bytes, int] | None:
        """The message that begins at `at` and where it ends; None where more bytes are needed."""
        if at >= len(self._rest):
            return None
        if 0x31 <= self._rest[at] <= 0x39:
            space = self._rest.find(b" ", at, at + _LONGEST_COUNT + 1)
            number = bytes(self._rest[at : space if space >= 0 else at + _LONGEST_COUNT])
            if number.isdigit():
                if space >= 0:
                    return self._counted(space + 1, int(number))
                if len(self._rest) - at < _LONGEST_COUNT:
                    return None
        return self._line(at)

    def _counted(self, start: int, size: int) -> tuple[bytes, int] | None:
        if size > self._most:
            if len(self._rest) - start <= self._most:
                return None
            self._skip = size - (self._most + 1)
            return bytes(self._rest[start : start + self._most + 1]), start + self._most + 1
        if len(self._rest) - start < size:
            return None
        return bytes(self._rest[start : start + size]).rstrip(b"\r\n"), start + size

    def _line(self, at: int) -> tuple[bytes, int] | None:
        end = self._rest.find(b"\n", at + self._seen if at == 0 else at)
        if end < 0:
            if len(self._rest) - at <= self._most:
                self._seen = len(self._rest) if at == 0 else 0
                return None
            self._skipping_line = True
            return bytes(self._rest[at : at + self._most + 1]), len(self._rest)
        return bytes(self._rest[at : min(end, at + self._most + 1)]).rstrip(b"\r"), end + 1
