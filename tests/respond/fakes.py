"""Enforcers that are no real ones, each named by what is wrong with it, and evidence that is only kept in memory."""

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from ringfence.errors import EnforceError, StateError
from ringfence.segment.model import Artefact
from ringfence.store.journal.lines import Line


class FakeEnforcer:
    """A place that holds what it is told. `calls`: everything that was asked, in order."""

    def __init__(self, target: str, where: str, there: str = "") -> None:
        self.target, self.where, self.there = target, where, there
        self.calls: list[tuple[str, str]] = []

    def read(self) -> str:
        self.calls.append(("read", ""))
        return "" if self.target in ("flows", "sessions") else self.there

    def apply(self, artefact: Artefact) -> None:
        self.calls.append(("apply", artefact.text))
        self.put(artefact.text)

    def restore(self, before: str) -> None:
        self.calls.append(("restore", before))
        self.put(before)

    def put(self, text: str) -> None:
        self.there = text

    @property
    def applies(self) -> list[str]:
        return [text for what, text in self.calls if what == "apply"]


class FileEnforcer(FakeEnforcer):
    """The same in a file that outlives the process. `times`: how often it was really changed, kept with the text."""

    def __init__(self, target: str, where: str, folder: Path) -> None:
        self.file = folder / f"{target}-{where.replace('/', '_').replace(':', '_')}"
        self.target, self.where = target, where

    @property
    def there(self) -> str:
        return str(self._held()[0])

    @property
    def times(self) -> int:
        return int(self._held()[1])

    def read(self) -> str:
        return "" if self.target in ("flows", "sessions") else self.there

    def apply(self, artefact: Artefact) -> None:
        self.put(artefact.text)

    def restore(self, before: str) -> None:
        self.put(before)

    def put(self, text: str) -> None:
        beside = self.file.with_suffix(".next")
        beside.write_text(json.dumps([text, self.times + 1]))
        beside.replace(self.file)

    def _held(self) -> tuple[str, int]:
        return tuple(json.loads(self.file.read_text())) if self.file.exists() else ("", 0)


class HangingFake(FakeEnforcer):
    """Does not answer until it is let go."""

    def __init__(self, target: str, where: str) -> None:
        super().__init__(target, where)
        self.go, self.asked = threading.Event(), threading.Event()

    def put(self, text: str) -> None:
        self.asked.set()
        assert self.go.wait(60)
        super().put(text)


class LyingFake(FakeEnforcer):
    """Says that it did it, and did nothing, until it is `honest`."""

    honest = False

    def put(self, text: str) -> None:
        if self.honest:
            super().put(text)


class HalfFake(FakeEnforcer):
    """Does the half of what it is told, and then fails, until it is `whole`."""

    whole = False

    def __init__(self, target: str, where: str, half: Callable[[str], str]) -> None:
        super().__init__(target, where)
        self.half = half

    def put(self, text: str) -> None:
        super().put(text if self.whole else self.half(text))
        if not self.whole:
            raise EnforceError("the second half did not go", left=("half of it is there",))


class RaisingFake(FakeEnforcer):
    """Fails at all it is asked to do, as a driver's own fault would, `times` times."""

    def __init__(self, target: str, where: str, times: int) -> None:
        super().__init__(target, where)
        self.times = times

    def put(self, text: str) -> None:
        if self.times:
            self.times -= 1
            raise ZeroDivisionError("a fault of the driver")
        super().put(text)


class MemoryEvidence:
    """Lines in a list; while `full` it takes none."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.full = False
        self._seen: set[object] = set()

    def write(self, lines: Sequence[Line]) -> None:
        if self.full:
            raise StateError("the journal cannot grow: the disk is full")
        for one in lines:
            if one.detail["event"] not in self._seen:
                self._seen.add(one.detail["event"])
                self.lines.append(one)

    def whats(self) -> list[str]:
        return [one.what for one in self.lines]
