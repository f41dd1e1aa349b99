"""Where a command may write: never over what it reads, nor over an estate that somebody kept.

Asked of every file that a command is told to write, before anything is read for long or written. Writing goes by
putting a new file in the place of an old one, so what was there is lost without a word, were it not for this.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from ringfence.errors import UsageError
from ringfence.store import plain
from ringfence.store.saved import is_saved

_READ = (".estate", ".json")
"""How files end that commands read out of folders: surveys, advisories, patterns."""


def pages(wanted: Mapping[str, Path | None], *reads: Path | None) -> None:
    """Check files that are no estates: reports, pictures, logs.

    `wanted`: option → file to be written, None where it was not asked for. `reads`: files and folders that the command
    reads. Raises `UsageError` where a file is read, is a saved estate, is no plain file, or is named twice.
    """
    named = {option: path for option, path in wanted.items() if path is not None}
    _once(named)
    for option, path in named.items():
        what = f"{option} {path}"
        _plain(what, path)
        for one in reads:
            _unread(what, path, one)
            if one is not None and path.suffix in _READ and _inside(path, one):
                raise UsageError(f"{what} would be one of the files that are read out of {one}", _ELSEWHERE)
        if is_saved(path):
            raise UsageError(f"{what} is a saved estate, and would be lost", _ELSEWHERE)


def estate(wanted: Path | None, *reads: Path | None, option: str = "-o") -> None:
    """Check an estate to be written; one that is there may be replaced, unless it is among `reads`.

    `reads` leaves out the estate that a command changes, where that may be done in its place. Raises `UsageError` where
    it is read, is no plain file, or is a file of a folder that is read and no estate.
    """
    if wanted is None:
        return
    what = f"{option} {wanted}"
    _plain(what, wanted)
    for one in reads:
        _unread(what, wanted, one)
        if one is not None and _inside(wanted, one) and wanted.exists() and not is_saved(wanted):
            raise UsageError(f"{what} is one of the files of {one}, which are read", _ELSEWHERE)


_ELSEWHERE = "name another file; nothing was written"


def _once(named: Mapping[str, Path]) -> None:
    before: list[tuple[str, Path]] = []
    for option, path in named.items():
        for other, there in before:
            if _same(path, there):
                raise UsageError(f"{other} and {option} name one file, {path}", "name one file for each")
        before.append((option, path))


def _plain(what: str, path: Path) -> None:
    try:
        found = plain.kind(os.stat(path).st_mode)
    except OSError:
        return  # not there yet; a folder that is not there is told where it is written to
    if found:
        raise UsageError(f"{what} is {found}", _ELSEWHERE)


def _unread(what: str, path: Path, read: Path | None) -> None:
    if read is not None and _same(path, read):
        raise UsageError(f"{what} is read by this command, and would be lost", _ELSEWHERE)


def _same(one: Path, other: Path) -> bool:
    """Whether both lead to one file, by whichever name, there or not."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return _whole(one) == _whole(other)


def _inside(path: Path, folder: Path) -> bool:
    return folder.is_dir() and _whole(folder) in _parents(path)


def _parents(path: Path) -> Iterable[Path]:
    """Of the name and of what it leads to: a link in a folder is read out of it, too."""
    return (*_whole(path).parents, *(_whole(path.parent) / path.name).parents)


def _whole(path: Path) -> Path:
    return Path(os.path.realpath(path))
