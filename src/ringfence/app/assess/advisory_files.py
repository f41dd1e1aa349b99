"""Folders of advisories: what is one is read, what cannot be read told, what is validly something else counted."""

from collections.abc import Callable, Iterator
from pathlib import Path

from ringfence.collect.base import read_file
from ringfence.errors import InputError, Problem, UsageError
from ringfence.wire import advisory_file, csaf, cve_record
from ringfence.wire.advisory import Advisory

MOST_FILES = 500_000
TOLD = 3
"""Problems that the refusal of a whole folder names."""

_Read = Callable[[bytes], Advisory]
CSAF: tuple[_Read, bytes] = (csaf.read, b'"csaf_version"')
CVE: tuple[_Read, bytes] = (cve_record.read, b'"cveMetadata"')


class Files:
    """What became of the JSON files of some folders; one that two of them hold is told once."""

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}
        self._taken: set[Path] = set()
        self._passed: set[Path] = set()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Files that could not be read, and why."""
        return tuple(self._problems)

    @property
    def others(self) -> int:
        """JSON files that are no advisory: an index, a catalogue."""
        return len(self._passed - self._taken)

    def read(self, folder: Path, kind: tuple[_Read, bytes]) -> Iterator[Advisory]:
        """Every document of a kind, of a folder and its folders. Raises `UsageError` where there is no folder."""
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder", "name one that holds the publisher's JSON files")
        for at, path in enumerate(sorted(folder.rglob("*.json"))):
            if at == MOST_FILES:
                raise UsageError(f"{folder} holds more than {MOST_FILES:,} files", "name the publisher's own folder")
            file = read_file(path, folder)  # no link, no folder, no pipe
            if isinstance(file, Problem):
                self._problems[file] = None
                continue
            try:
                yield from self._one(path, advisory_file.text(file.data), kind)
            except InputError as error:
                self._problems[Problem.of(file.path, error)] = None

    def _one(self, path: Path, data: bytes, kind: tuple[_Read, bytes]) -> Iterator[Advisory]:
        read, mark = kind
        if mark in data:
            self._taken.add(path)
            yield read(data)
        else:
            advisory_file.check(data)
            self._passed.add(path)

    def none(self, folder: Path) -> UsageError:
        """That a folder holds no advisory, with what it holds instead."""
        remedy = "CSAF 2.0 documents and CVE records are JSON files"
        found = [str(problem) for problem in self.problems]
        told = "".join(f"; {one}" for one in found[:TOLD])
        told += f"; {len(found) - TOLD:,} more cannot be read" if len(found) > TOLD else ""
        told += f"; {self.others:,} JSON files in it are something else" if self.others else ""
        return UsageError(f"{folder} holds no advisory{told}", remedy)
