"""Sentences put together: nothing is said twice."""

from collections.abc import Iterable, Sequence


def said_once(parts: Iterable[str]) -> str:
    """The parts joined, without those whose words another part holds in the same order.

    >>> said_once(["it asks nobody, and is heard on a network", "it asks nobody", "it is old"])
    'it asks nobody, and is heard on a network; it is old'
    """
    told = [part for part in dict.fromkeys(parts) if part]
    words = [_words(part) for part in told]
    return "; ".join(
        part
        for at, part in enumerate(told)
        if not any(
            _within(words[at], other) and (len(other) > len(words[at]) or before < at)
            for before, other in enumerate(words)
            if before != at
        )
    )


def _words(part: str) -> list[str]:
    return [word.strip(",.:;()") for word in part.split()]


def _within(few: Sequence[str], many: Sequence[str]) -> bool:
    rest = iter(many)
    return all(word in rest for word in few)
