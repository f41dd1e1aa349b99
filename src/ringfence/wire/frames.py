"""Frames of a channel: four bytes of length, most significant first, and one message of that many bytes.

        message ──encode──▶ length │ JSON, or MessagePack where it carries bytes ──decode──▶ message

MessagePack begins with a byte of 0x80 or more, JSON's object with `{`: the first byte tells which it is.
"""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec

from ringfence.errors import InputError

HEADER = 4

M = TypeVar("M")


class Codec(Generic[M]):
    """The messages `shapes` (a union of tagged structs) of a channel, none longer than `longest` bytes.

    `packed` are those that carry bytes. `name` stands in errors.
    """

    def __init__(self, name: str, shapes: Any, longest: int, packed: Sequence[type] = ()) -> None:
        self.name, self.longest = name, longest
        self._packed = tuple(packed)
        self._json: msgspec.json.Decoder[M] = msgspec.json.Decoder(shapes)
        self._pack: msgspec.msgpack.Decoder[M] = msgspec.msgpack.Decoder(shapes)

    def encode(self, message: M) -> bytes:
        """The whole frame, length first. Raises `InputError` where it would be too long for any peer."""
        packed = isinstance(message, self._packed)
        body = msgspec.msgpack.encode(message) if packed else msgspec.json.encode(message)
        if len(body) > self.longest:
            raise InputError(f"a message of {len(body):,} bytes, at most {self.longest:,} are sent")
        return len(body).to_bytes(HEADER, "big") + body

    def length(self, header: bytes, most: int = 0) -> int:
        """How many bytes follow a frame's first four. Raises `InputError` for none, or more than `most`.

        0 stands for the longest that the channel has.
        """
        size, most = int.from_bytes(header, "big"), most or self.longest
        if not 0 < size <= most:
            raise InputError(f"a frame of {size:,} bytes, at most {most:,} are taken")
        return size

    def decode(self, body: bytes) -> M:
        """The message in a frame's body. Raises `InputError`."""
        try:
            return (self._pack if self._packed and body[:1] >= b"\x80" else self._json).decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise InputError(f"not a message of the {self.name}: {error}"[:300]) from None
