"""What goes into correlations and what comes out: points of hits, firings, and how many hits were left out and why."""

from collections.abc import Iterator

import msgspec

Value = str | int | float | tuple[str, ...]
Group = tuple[str, ...]


class Ref(msgspec.Struct, frozen=True, array_like=True):
    """The event behind a hit: its source and number there, and the entities that it is about, its host first."""

    source: str
    seq: int
    entities: tuple[str, ...] = ()


class Points(msgspec.Struct, frozen=True, array_like=True):
    """Hits of one rule as one correlation needs them, all lists of equal length, by time.

    `step` is the place of the rule in the correlation. `times` are microseconds since the epoch. `values` are those of
    the field for `value_…` types (numbers, or the texts of the fields), else empty. Hits without a value for a field to
    group by, or without the field's value, are not among them: `ungrouped` and `unmeasured` count those.
    """

    correlation: str
    step: int
    times: list[int] = []
    groups: list[Group] = []
    refs: list[Ref] = []
    values: list[Value] = []
    ungrouped: int = 0
    unmeasured: int = 0


def cut_up(points: Points, most: int) -> Iterator[Points]:
    """The same points in pieces of at most `most` bytes of MessagePack each, or of one hit."""
    if len(points.times) <= 1 or len(msgspec.msgpack.encode(points)) <= most:
        yield points
        return
    half = len(points.times) // 2
    for first, part in ((True, slice(0, half)), (False, slice(half, None))):
        piece = msgspec.structs.replace(
            points,
            times=points.times[part],
            groups=points.groups[part],
            refs=points.refs[part],
            values=points.values[part],
            ungrouped=points.ungrouped if first else 0,
            unmeasured=points.unmeasured if first else 0,
        )
        yield from cut_up(piece, most)


class Firing(msgspec.Struct, frozen=True):
    """A correlation that came true for a group.

    `time` is the hit at which it did, or the end of the window where only a whole window can tell; `since` the
    beginning of that window. `figure` is what was held against the condition. `early` says that hits before it may
    still come: it is true already, and is told again when nothing earlier can come; then `again` says that it was told.
    """

    correlation: str
    group: Group
    time: int
    since: int
    figure: float
    refs: tuple[Ref, ...] = ()
    early: bool = False
    again: bool = False


class Counts(msgspec.Struct):
    """Hits that did not count, by reason, and groups that were forgotten for want of room.

    `late` came after their time was settled, `ahead` were of a time that has not come, `ungrouped` lacked a field to
    group by, `unmeasured` the field's value, `shed` were the oldest of a group with too many, `evicted` are groups.
    """

    late: int = 0
    ahead: int = 0
    ungrouped: int = 0
    unmeasured: int = 0
    shed: int = 0
    evicted: int = 0
