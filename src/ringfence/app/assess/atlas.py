"""The ATLAS layer on disk, and what a current ATLAS.yaml says about the ids that we use."""

from pathlib import Path
from typing import Any

import msgspec

from ringfence.app.assess.threats import Threats
from ringfence.assess.incidents import INCIDENTS
from ringfence.assess.layer import layer
from ringfence.assess.techniques import VERSION, moved, unsteady
from ringfence.errors import InputError, UsageError
from ringfence.store import plain
from ringfence.store.saved import write_private
from ringfence.wire import atlas


def write_layer(asked: Threats, path: Path) -> dict[str, Any]:
    """Write the layer, private to its owner: it says what is open. Returns it."""
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is not a folder", "make it first, or name another")
    made = layer(asked.exposed, live=asked.live())
    write_private(path, msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")
    return made


def compared(path: Path) -> dict[str, Any]:
    """Our ids against a file of ATLAS: its version, and what moved, was renamed, changed or is gone."""
    data = plain.read(path, atlas.LARGEST, "name an ATLAS.yaml")
    try:
        found = atlas.parse(data)
    except InputError as error:
        raise InputError(f"{path.name}: {error.what}", line=error.line, remedy=error.remedy) from None
    studies = {one.id: tuple(step.technique for step in one.steps) for one in INCIDENTS}
    told = [*moved(found), *unsteady(found, studies)]
    return {"ours": VERSION, "theirs": found.version, "moved": [msgspec.to_builtins(one) for one in told]}
