"""The reader of every form whose records are JSON objects that tell all by themselves."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from ringfence.wire.ocsf.event import Event

_ANY = msgspec.json.Decoder()


class Objects:
    """One object at a time, made events by a function of the form; no state."""

    def __init__(self, made: Callable[[dict[str, Any]], Event | Iterable[Event]]) -> None:
        self._made = made

    def feed(self, line: str, number: int) -> Iterable[Event]:
        """The events of one object."""
        found = _ANY.decode(line)
        if not isinstance(found, dict):
            raise ValueError("no JSON object")
        made = self._made(found)
        return (made,) if isinstance(made, Event) else made

    def end(self) -> Iterable[Event]:
        """Nothing is ever open."""
        return ()


def inside(record: object, *names: str) -> Any:
    """The value under nested names; None where one of them is not there."""
    for name in names:
        if not isinstance(record, dict):
            return None
        record = record.get(name)
    return record
