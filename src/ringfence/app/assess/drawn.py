"""Attack trees on disk: an SVG, and the same as text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ringfence.assess.tree import Node
from ringfence.assess.tree_share import lines, shared
from ringfence.assess.tree_svg import svg
from ringfence.errors import UsageError
from ringfence.store.saved import write_private


def drawn(trees: Sequence[Node], path: Path) -> dict[str, Any]:
    """Write the picture, private to its owner: it is a thief's map. Returns the trees and their text."""
    if not trees:
        raise UsageError("there is no tree to draw", "no threat is open, or nothing here is of that name")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is not a folder", "make it first, or name another")
    write_private(path, svg(trees).encode())
    return {
        "trees": [msgspec.to_builtins(one) for one in trees],
        "lines": [text for one in shared(trees) for text in lines(one)],
    }
