"""Artefacts as files, for people to read and for tools of their own to load."""

import os
from collections.abc import Iterable
from pathlib import Path

from ringfence.errors import InputError
from ringfence.segment.model import Compiled

WRITTEN = ".ringfence-plan"
"""Names the files that a plan wrote into its folder; the next plan takes them away first, and no others."""


def write_artefacts(folder: Path, compiled: Iterable[Compiled]) -> int:
    """Write `<target>/<artefact>` below `folder`, mode 0600, beside `loaded-by.txt`; how many artefacts.

    What an earlier plan wrote there goes. Raises `InputError` for a folder that holds something else, or cannot be
    written.
    """
    made = list(compiled)
    texts: dict[str, str] = {}
    for one in made:
        loaded = []
        for artefact in one.artefacts:
            name = artefact.name.replace("/", "_")
            texts[f"{one.target}/{name}"] = artefact.text
            loaded += [f"{where}\t{name}\n" for where in artefact.loaded_by]
        texts[f"{one.target}/loaded-by.txt"] = "".join(loaded)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _empty(folder)
        _put(folder / WRITTEN, "".join(f"{name}\n" for name in texts))
        for name, text in texts.items():
            (folder / name).parent.mkdir(mode=0o700, exist_ok=True)
            _put(folder / name, text)
    except OSError as error:
        remedy = "name another folder with -o"
        raise InputError(f"{error.filename or folder}: {error.strerror}", remedy=remedy) from None
    return sum(len(one.artefacts) for one in made)


def _empty(folder: Path) -> None:
    """Take away what an earlier plan wrote."""
    listed = folder / WRITTEN
    if not listed.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} holds files that no plan wrote", remedy="name a new or empty folder with -o")
    names = listed.read_text("utf-8", "replace").splitlines() if listed.exists() else []
    for name in names:
        target, _, file = name.partition("/")
        inside = target not in ("", ".", "..") and file not in ("", ".", "..") and "/" not in file
        if inside and not (folder / target).is_symlink():
            (folder / target / file).unlink(missing_ok=True)
    for target in {name.partition("/")[0] for name in names} - {"", ".", ".."}:
        if (folder / target).is_dir() and not any((folder / target).iterdir()):
            (folder / target).rmdir()


def _put(file: Path, text: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(file, flags, 0o600), "w", encoding="utf-8") as handle:
        os.fchmod(handle.fileno(), 0o600)
        handle.write(text)
