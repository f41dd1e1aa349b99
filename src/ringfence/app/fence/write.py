"""Artefacts as files, for people to read and for tools of their own to load."""

import os
from collections.abc import Iterable
from pathlib import Path

from ringfence.segment.model import Compiled


def write_artefacts(folder: Path, compiled: Iterable[Compiled]) -> int:
    """Write `<target>/<artefact>` below `folder`, mode 0600, beside `loaded-by.txt`; how many. Raises `OSError`."""
    count = 0
    for one in compiled:
        place = folder / one.target
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        loaded = []
        for artefact in one.artefacts:
            name = artefact.name.replace("/", "_")
            with os.fdopen(os.open(place / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(artefact.text)
            loaded += [f"{where}\t{name}\n" for where in artefact.loaded_by]
            count += 1
        (place / "loaded-by.txt").write_text("".join(loaded))
    return count
