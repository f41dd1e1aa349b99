"""The same signal again: told once a while, with how many it stands for."""

from collections.abc import Iterable, Iterator

import msgspec

from ringfence.watch.values import Signal

AGAIN = 300 * 1_000_000
"""Microseconds after which the same signal is passed on once more, if it still comes."""
MOST = 200_000


class Repeats(msgspec.Struct):
    """`name|key` → [when it was last passed on, how many since]."""

    seen: dict[str, list[int]] = {}
    forgotten: int = 0


def fresh(state: Repeats, signals: Iterable[Signal], now: int) -> Iterator[Signal]:
    """The signals that are news, each with the count of those that were held back before it."""
    for one in signals:
        key = f"{one.name}|{one.key}"
        before = state.seen.get(key)
        if before is not None and 0 <= one.time - before[0] < AGAIN:
            before[1] += one.count
            continue
        if before is None and len(state.seen) >= MOST:
            _forget(state, now)
        state.seen[key] = [one.time, 0]
        held = before[1] if before else 0
        yield msgspec.structs.replace(one, count=one.count + held) if held else one


def _forget(state: Repeats, now: int) -> None:
    """Room again: what is old goes, and when all is new, everything does."""
    kept = {key: value for key, value in state.seen.items() if now - value[0] < AGAIN}
    state.forgotten += len(state.seen) - len(kept)
    state.seen = kept if len(kept) < MOST else {}
