"""A spool on disk: blocks of numbered lines wait here until the other side has them for good.

        put ─▶ │00000003.spool│00000004.spool│ ◀─ written        next ─▶ on its way ─▶ took
               └ oldest, dropped first when full                 rewind: from the last taken one again

Append only: records of length, CRC-32 and MessagePack in segments of 4 MiB, each begun with the numbers of every lane,
so that numbers outlive the records. What was written survives the process (kill -9); `sync` makes it survive the
machine. Bounded: over `most` bytes, or on a full disk, the oldest segment goes, counted by lane; when the disk takes
nothing at all, a little is kept in memory. Nothing here waits for the other side. One process owns the folder.

Numbers never come twice, but for a new spool and one that the machine took down with it (where the last numbers may
not have reached the disk): these count from 1 again, which the other side takes as a source that counts anew.
"""

import os
import zlib
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ringfence.errors import UsageError

SEGMENT = 4 << 20
MOST = 256 << 20
SPARE = 2 << 20
"""Bytes kept in memory while the disk takes nothing."""
_LONGEST = 1 << 20
_BEGIN = 8
NEW, KILLED, RESET, CLOSED = "new", "killed", "reset", "closed"
"""How the spool was found: never used, its process ended without closing it, the machine did, all in order."""


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """A block: its lane, the number of its first line, how many, the lines."""

    lane: str
    first: int
    count: int
    data: bytes


class _Head(msgspec.Struct, frozen=True, array_like=True, tag="head"):
    numbers: dict[str, int]
    boot: str
    closed: bool = False


class _Record(msgspec.Struct, frozen=True, array_like=True, tag="kept"):
    kept: Kept


_DECODER: msgspec.msgpack.Decoder[_Head | _Record] = msgspec.msgpack.Decoder(_Head | _Record)
_Place = tuple[int, int]


class Spool:
    """The spool in a folder. Raises `UsageError` where the folder cannot be used."""

    def __init__(self, folder: Path, most: int = MOST, segment: int = SEGMENT) -> None:
        self._folder, self._most, self._limit = folder, most, min(segment, most // 4)
        self._numbers: dict[str, int] = {}
        self._dropped: Counter[str] = Counter()
        self._spare: deque[Kept] = deque()
        self._way: deque[tuple[int, _Place | None]] = deque()
        self._gone: set[int] = set()
        self.found, self.since = NEW, 0.0
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            self._sizes = {int(one.stem): one.stat().st_size for one in sorted(folder.glob("????????.spool"))}
            self._mark = os.open(folder / "taken", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except (OSError, ValueError) as error:
            raise UsageError(f"{folder}: {error}", "name a folder that the agent can write") from None
        self._recover()
        self._reading: tuple[int, int] | None = None
        self._current = max(self._sizes, default=0)
        self._out = -1
        self._roll()
        self._taken = self._marked()
        self._at = self._taken
        self._sweep()

    def put(self, lane: str, data: bytes, count: int) -> int:
        """Keep a block; the number of its first line. Never fails: what finds no room is dropped and counted."""
        first = self._numbers.get(lane, 1)
        self._numbers[lane] = first + count
        kept = Kept(lane, first, count, data)
        if self._spare or not self._written(_Record(kept)):
            self._spared(kept)
        elif self._sizes[self._current] >= self._limit:
            self._roll()
        while len(self._sizes) > 1 and sum(self._sizes.values()) > self._most:
            self._drop_oldest()
        return first

    def next(self, number: int) -> Kept | None:
        """The block to be sent next, which `took(number)` will forget; None where all are on their way."""
        while True:
            segment, offset = self._at
            found = self._record(segment, offset)
            if found is None:
                later = [one for one in self._sizes if one > segment]
                if later:
                    self._at = (min(later), 0)
                    continue
                break
            value, end = found
            self._at = (segment, end)
            if isinstance(value, _Record):
                self._way.append((number, self._at))
                return value.kept
        waiting = len(self._spare) - sum(place is None for _, place in self._way)
        if waiting <= 0:
            return None
        self._way.append((number, None))
        return self._spare[len(self._spare) - waiting]

    def took(self, number: int) -> None:
        """The other side has this one. What was sent before it and is not taken yet keeps its place."""
        self._gone.add(number)
        moved = False
        while self._way and self._way[0][0] in self._gone:
            one, place = self._way.popleft()
            self._gone.discard(one)
            if place is None:
                self._spare.popleft()
            elif place > self._taken:
                self._taken, moved = place, True
        if moved:
            data = self._taken[0].to_bytes(8, "big") + self._taken[1].to_bytes(8, "big")
            os.pwrite(self._mark, data + zlib.crc32(data).to_bytes(4, "big"), 0)
            self._sweep()

    def rewind(self) -> None:
        """Begin again with the oldest that was not taken."""
        self._way.clear()
        self._gone.clear()
        self._at = self._taken

    @property
    def waiting(self) -> int:
        """Bytes that the other side does not have yet."""
        on_disk = sum(size for segment, size in self._sizes.items() if segment >= self._taken[0]) - self._taken[1]
        return max(0, on_disk) + sum(len(one.data) for one in self._spare)

    def dropped(self) -> Counter[str]:
        """Lines dropped since this was last asked, by lane."""
        found, self._dropped = self._dropped, Counter()
        return found

    def sync(self) -> None:
        """Have the disk keep what was written. Raises nothing: a disk that cannot is found at the next block."""
        try:
            os.fdatasync(self._out)
        except OSError:
            return

    def close(self) -> None:
        """Close in order: whatever happens to the machine then, the next to open it counts on."""
        self._written(_Head(self._numbers, _boot(), closed=True))
        self.sync()
        os.close(self._mark)
        for handle in (self._out, self._reading[1] if self._reading else -1):
            if handle >= 0:
                os.close(handle)

    def _written(self, value: _Head | _Record) -> bool:
        body = msgspec.msgpack.encode(value)
        frame = len(body).to_bytes(4, "big") + zlib.crc32(body).to_bytes(4, "big") + body
        for _ in range(2):
            if self._out >= 0 and self._fits(frame):
                self._sizes[self._current] += len(frame)
                return True
            if len(self._sizes) < 2:
                break
            self._drop_oldest()
        return False

    def _fits(self, frame: bytes) -> bool:
        at = self._sizes[self._current]
        try:
            if os.pwrite(self._out, frame, at) == len(frame):
                return True
            os.ftruncate(self._out, at)
        except OSError:
            return False
        return False

    def _spared(self, kept: Kept) -> None:
        self._spare.append(kept)
        on_way = sum(place is None for _, place in self._way)
        while len(self._spare) > on_way + 1 and sum(len(one.data) for one in self._spare) > SPARE:
            gone = self._spare[on_way]
            del self._spare[on_way]
            self._dropped[gone.lane] += gone.count

    def _roll(self) -> None:
        """A new segment, begun with the numbers of every lane. On a full disk the old one goes on."""
        try:
            path = self._path(self._current + 1)
            out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError:
            return
        if self._out >= 0:
            os.close(self._out)
        self._current, self._out = self._current + 1, out
        self._sizes[self._current] = 0
        self._written(_Head(self._numbers, _boot()))

    def _drop_oldest(self) -> None:
        oldest = min(self._sizes)
        if oldest >= self._taken[0]:
            start = self._taken[1] if oldest == self._taken[0] else 0
            for value in self._records(oldest, start):
                if isinstance(value, _Record):
                    self._dropped[value.kept.lane] += value.kept.count
        self._remove(oldest)
        first = (min(self._sizes), 0)
        self._taken, self._at = max(self._taken, first), max(self._at, first)

    def _sweep(self) -> None:
        for segment in [one for one in self._sizes if one < self._taken[0] and one != self._current]:
            self._remove(segment)

    def _remove(self, segment: int) -> None:
        del self._sizes[segment]
        if self._reading and self._reading[0] == segment:
            os.close(self._reading[1])
            self._reading = None
        self._path(segment).unlink(missing_ok=True)

    def _recover(self) -> None:
        """The numbers of every lane, from what is there; and how the last process ended."""
        self._reading = None
        boot, closed = "", False
        for segment in sorted(self._sizes):
            for value in self._records(segment, 0):
                closed = isinstance(value, _Head) and value.closed
                if isinstance(value, _Head):
                    boot = value.boot
                    self._numbers |= {lane: max(at, self._numbers.get(lane, 0)) for lane, at in value.numbers.items()}
                else:
                    after = value.kept.first + value.kept.count
                    self._numbers[value.kept.lane] = max(after, self._numbers.get(value.kept.lane, 0))
            self.since = max(self.since, self._path(segment).stat().st_mtime)
        if boot:
            self.found = CLOSED if closed else KILLED if boot == _boot() else RESET
        if self.found == RESET:
            self._numbers = {}

    def _marked(self) -> _Place:
        data, first = os.pread(self._mark, 20, 0), (min(self._sizes), 0)
        if len(data) < 20 or zlib.crc32(data[:16]) != int.from_bytes(data[16:], "big"):
            return first
        place = int.from_bytes(data[:8], "big"), int.from_bytes(data[8:16], "big")
        return max(place, first) if place[0] < self._current else first

    def _records(self, segment: int, offset: int) -> Iterator[_Head | _Record]:
        while found := self._record(segment, offset):
            value, offset = found
            yield value

    def _record(self, segment: int, offset: int) -> tuple[_Head | _Record, int] | None:
        """(value, where the next one begins) at a place; None at the end, and where what follows is damaged."""
        if segment not in self._sizes or offset + _BEGIN > self._sizes[segment]:
            return None
        if self._reading is None or self._reading[0] != segment:
            if self._reading:
                os.close(self._reading[1])
                self._reading = None
            try:
                self._reading = (segment, os.open(self._path(segment), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW))
            except OSError:
                return None
        begin = os.pread(self._reading[1], _BEGIN, offset)
        size = int.from_bytes(begin[:4], "big")
        if len(begin) < _BEGIN or size > _LONGEST:
            return None
        body = os.pread(self._reading[1], size, offset + _BEGIN)
        if len(body) < size or zlib.crc32(body) != int.from_bytes(begin[4:], "big"):
            return None
        try:
            return _DECODER.decode(body), offset + _BEGIN + size
        except msgspec.MsgspecError:
            return None

    def _path(self, segment: int) -> Path:
        return self._folder / f"{segment:08d}.spool"


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""
