"""State that a hostile source cannot grow: dictionaries with a most, names with a length, and "not again so soon"."""

from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

LONGEST_NAME = 200
"""Characters of a name that are kept; two names alike so far count as one."""


def cut(name: str) -> str:
    """A name as it is kept."""
    return name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME]


def put(kept: dict[Key, Value], key: Key, value: Value, most: int) -> None:
    """Keep a value under a key as the newest; when there are more than `most`, the oldest goes."""
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > most:
        del kept[next(iter(kept))]


def anew(told: dict[str, int], key: str, when: int, quiet: int, most: int = 20_000) -> bool:
    """Whether this was not told within `quiet` before or after `when`; if so, it is told now."""
    before = told.get(key)
    if before is not None and abs(when - before) < quiet:
        return False
    put(told, key, when, most)
    return True
