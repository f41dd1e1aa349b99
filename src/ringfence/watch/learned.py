"""What detectors keep of the past: bounded, plain, the same from the same input.

    Seen      key → when last                         what has been met before, how long ago
    Sums      key → slot of time → amount             how much in the last while
    Usual     key → this hour, the most before        how much is usual
    Among     key → item → when last                  how many different ones in the last while
    Spread    key → a few owners                      by how many different ones it was done
    Learning  since when                              whether enough has been seen to call something new

All are `msgspec.Struct`s of plain values, saved as they are. When one is full, what is oldest goes: whoever makes up
names can make a detector forget habits (then honest work is told as new) but not fill the memory nor hide himself.
"""

import heapq
from typing import TypeVar

import msgspec

from ringfence.watch.batch import Batch

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LEARN = 10 * HOUR
"""Habit is judged after this much: less, and all is new; more, and an intruder who is early is never seen."""

LONGEST = 300
"""Characters of a key; two that are alike so far count as one."""

_V = TypeVar("_V")


def clock(batch: Batch) -> int:
    """The time of a batch: that of its middle row, so that one odd clock does not move what is shared."""
    return int(batch.times[len(batch) // 2]) if len(batch) else 0


def cut(key: str) -> str:
    """A key as it is kept: names come from anybody and may be long."""
    return key if len(key) <= LONGEST else key[:LONGEST]


class Learning(msgspec.Struct):
    """Since when habits are learned: since the first event, or since the clock first spoke where none had come."""

    began: int = 0
    enough: bool = False
    heard: bool = False

    def done(self, now: int, need: int = LEARN) -> bool:
        """Whether enough time has been seen, by an event of this time. A clock that jumps back begins anew."""
        earlier = now < self.began and not self.heard  # the past is told to a watch that runs already
        if not self.began or earlier or now < self.began - DAY:
            self.began = now
        self.heard = True
        self.enough = now - self.began >= need
        return self.enough

    def passed(self, now: int) -> None:
        """Time passes, whether or not anything happens."""
        heard = self.heard
        self.done(now)
        self.heard = heard


class Seen(msgspec.Struct):
    """Keys and when each was last met."""

    most: int = 50_000
    at: dict[str, int] = {}

    def add(self, key: str, when: int) -> bool:
        """Whether it is new; from now on it is not."""
        key = cut(key)
        before = self.at.get(key)
        if before is None and len(self.at) >= self.most:
            _thin(self.at, self.at)
        self.at[key] = when if before is None else max(before, when)
        return before is None

    def within(self, key: str, when: int, span: int) -> bool:
        """Whether it was met in the time before."""
        before = self.at.get(cut(key))
        return before is not None and when - before <= span


class Sums(msgspec.Struct):
    """Amounts by key, in slots of `width`; what is older than `slots` of them is forgotten."""

    width: int
    slots: int
    most: int = 50_000
    of: dict[str, dict[int, float]] = {}

    def add(self, key: str, when: int, amount: float) -> float:
        """The sum of the slots up to this one, with this amount."""
        key, slot = cut(key), when // self.width
        mine = self.of.get(key)
        if mine is None:
            if len(self.of) >= self.most:
                _thin(self.of, {name: max(those, default=0) for name, those in self.of.items()})
            mine = self.of[key] = {}
        mine[slot] = mine.get(slot, 0.0) + amount
        if len(mine) > self.slots:
            for old in sorted(mine)[: -self.slots]:
                del mine[old]
        if len(mine) == 1:
            return mine[slot]
        return sum(value for at, value in mine.items() if slot - self.slots < at <= slot)


class Usual(msgspec.Struct):
    """How much by key in one slot of time: [slot, sum of it, the most of any before, how many before, when first]."""

    width: int
    most: int = 50_000
    of: dict[str, list[float]] = {}

    def add(self, key: str, when: int, amount: float) -> list[float]:
        """The key's numbers with this amount. The most of before fades by a twentieth a slot."""
        key, slot = cut(key), when // self.width
        mine = self.of.get(key)
        if mine is None:
            if len(self.of) >= self.most:
                _thin(self.of, {name: int(those[0]) for name, those in self.of.items()})
            mine = self.of[key] = [slot, 0.0, 0.0, 0, when]
        if slot > mine[0]:
            mine[2], mine[3] = max(mine[1], mine[2] * 0.95), mine[3] + 1
            mine[0], mine[1] = slot, 0.0
        mine[1] += amount
        return mine


class Among(msgspec.Struct):
    """Different items by key within `span`; at most `items` of them are told apart."""

    span: int
    items: int = 256
    most: int = 20_000
    of: dict[str, dict[str, int]] = {}

    def add(self, key: str, item: str, when: int) -> int:
        """How many different ones within the span, with this."""
        key, item = cut(key), cut(item)
        mine = self.of.get(key)
        if mine is None:
            if len(self.of) >= self.most:
                _thin(self.of, {name: max(those.values(), default=0) for name, those in self.of.items()})
            mine = self.of[key] = {}
        if item not in mine and len(mine) >= self.items:
            del mine[min(mine, key=lambda one: (mine[one], one))]
        mine[item] = max(when, mine.get(item, 0))
        if len(mine) > 1:
            for old in [one for one, at in mine.items() if when - at > self.span]:
                del mine[old]
        return len(mine)


class Spread(msgspec.Struct):
    """By how many different owners a thing was done: a few of them by name, and when last."""

    owners: int = 4
    most: int = 50_000
    of: dict[str, list[str]] = {}
    at: dict[str, int] = {}

    def add(self, key: str, owner: str, when: int) -> int:
        """How many owners before this one was counted; `owners` stands for that many or more."""
        key, owner = cut(key), cut(owner)
        mine = self.of.get(key)
        if mine is None:
            if len(self.of) >= self.most:
                _thin(self.of, self.at)
                self.at = {name: self.at[name] for name in self.of}
            mine = self.of[key] = []
        before = len(mine)
        if before < self.owners and owner not in mine:
            mine.append(owner)
        self.at[key] = max(when, self.at.get(key, 0))
        return before

    def count(self, key: str) -> int:
        """How many owners are known of it."""
        return len(self.of.get(cut(key), ()))

    def has(self, key: str, owner: str) -> bool:
        """Whether this owner did it before (one of the first few)."""
        return cut(owner) in self.of.get(cut(key), ())


def _thin(table: dict[str, _V], ages: dict[str, int]) -> None:
    """Room again: the oldest eighth goes."""
    for key in heapq.nsmallest(max(len(table) // 8, 1), table, key=lambda one: (ages[one], one)):
        del table[key]
