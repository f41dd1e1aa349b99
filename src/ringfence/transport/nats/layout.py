"""Streams and subjects: what is written where, how often it is copied, how much of it is kept.

Each partition has two lanes, `rf.events.<n>` and `rf.urgent.<n>`, in one stream: their order is one order, and whoever
reads it twice reads the same. The number of partitions is kept with the stream, so that all processes agree on it.
"""

import zlib

import msgspec

from ringfence.errors import UsageError

PARTITIONS = 64
EVENTS, ALL, JOINT, INCIDENTS, STATE = "RF_EVENTS", "RF_ALL", "RF_JOINT", "RF_INCIDENTS", "RF_STATE"
GIB = 1 << 30
LEAST = 64
"""Mebibytes that the streams take at the least."""
_KEPT_IN = {"events": EVENTS, "urgent": EVENTS, "*": EVENTS}
_KEPT_IN |= {"all": ALL, "joint": JOINT, "incidents": INCIDENTS, "state": STATE}


class Stream(msgspec.Struct, frozen=True):
    """One stream. `bytes` is its limit; a full one refuses what is new and never forgets what is old.

    `last` is how many messages of a subject are kept, 0 for all: then the oldest of the subject goes.
    """

    name: str
    subjects: tuple[str, ...]
    bytes: int
    last: int = 0


class Layout(msgspec.Struct, frozen=True):
    """How the streams are made where they are not there yet. `replicas` counts on a cluster; one server keeps one."""

    partitions: int = PARTITIONS
    replicas: int = 3
    event_bytes: int = 8 * GIB

    @classmethod
    def within(cls, mebibytes: int) -> "Layout":
        """Streams that take so much of each server, all of them together."""
        if mebibytes < LEAST:
            raise UsageError(f"{mebibytes} MiB is too little for the streams", f"the least is {LEAST} MiB")
        return cls(event_bytes=(mebibytes << 20) * 8 // 17)

    @property
    def streams(self) -> tuple[Stream, ...]:
        """All streams, the events' first."""
        return (
            Stream(EVENTS, ("rf.events.*", "rf.urgent.*"), self.event_bytes),
            Stream(ALL, ("rf.all",), max(self.event_bytes // 8, 1 << 20)),
            Stream(JOINT, ("rf.joint",), max(self.event_bytes // 4, 1 << 20)),
            Stream(INCIDENTS, ("rf.incidents.*",), max(self.event_bytes // 4, 1 << 20), 4),
            Stream(STATE, ("rf.state.>",), max(self.event_bytes // 2, 1 << 20), 4),
        )


def stream_of(subject: str) -> str:
    """The stream that keeps a subject."""
    return _KEPT_IN[subject.split(".")[1]]


def events(partition: int, urgent: bool = False) -> str:
    """The subject of a partition's events."""
    return f"rf.{'urgent' if urgent else 'events'}.{partition}"


def both(partition: int) -> str:
    """Both lanes of a partition, as a filter."""
    return f"rf.*.{partition}"


def nudge(subject: str) -> str:
    """The subject, not kept, on which readers of this one hear that there is something new."""
    _, kind, *rest = subject.split(".")
    return f"rf-new.{rest[0] if kind in ('events', 'urgent', '*') else kind}"


def partition_of(host: str, partitions: int) -> int:
    """The partition of a host: the same in every process and version."""
    return zlib.crc32(host.encode("utf-8", "surrogatepass")) % partitions
