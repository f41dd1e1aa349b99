"""One event, as every reader yields it."""

from collections.abc import Mapping

import msgspec

Value = str | int | float


class Event(msgspec.Struct, frozen=True):
    """Something that a source saw.

    `class_uid` and `activity_id` as in `classes.CLASSES`. `time` in microseconds since the epoch, UTC, by the source's
    own clock; 0 where it tells none. `host` is a host's bare name, "" where not told. `logsource` is
    `product/category/service` as Sigma names log sources, any part empty. `fields` are further columns by name.
    `source` is who sent it and `seq` its number there, counted from 1: whoever received it fills them in, never the
    event's own text.
    """

    class_uid: int
    activity_id: int
    time: int
    host: str
    logsource: str
    fields: Mapping[str, Value] = {}
    source: str = ""
    seq: int = 0
