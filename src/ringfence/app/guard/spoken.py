"""What people changed beside a running guard, so that it looks again: words about incidents, and the stop.

words/said.json, switch/now.json ─▶ changed since the last look? ─▶ the incidents that are looked at again
"""

from collections.abc import Collection
from pathlib import Path

from ringfence.app.guard import approve, switch
from ringfence.errors import StateError
from ringfence.respond.spent import RELEASE, Word


class Spoken:
    """Of one guard's folder; what was said before this was made is no news."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._marks = self._look()
        self._words = self._said() or frozenset()

    def news(self) -> Collection[str] | None:
        """Ids of incidents about which something was said since the last call; None where it may concern each.

        So it is with the stop, with a host that was released, and with words that cannot be read.
        """
        before, self._marks = self._marks, self._look()
        if self._marks == before:
            return ()
        said = self._said()
        if said is None:
            return None
        fresh, self._words = said - self._words, said
        if self._marks[1] != before[1] or any(one.what == RELEASE for one in fresh):
            return None
        return {one.about for one in fresh}

    def _look(self) -> tuple[tuple[int, int], tuple[int, int]]:
        return approve.mark(self._folder), switch.mark(self._folder)

    def _said(self) -> frozenset[Word] | None:
        try:
            return frozenset(approve.words(self._folder))
        except StateError:
            return None
