"""Where the real inputs by other people are, when they are there."""

import os
from pathlib import Path

import pytest

_ROOT = Path(os.environ.get("RINGFENCE_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def shared(name: str) -> Path:
    """A file or folder of the real inputs; the test skips, naming it, where it is absent."""
    path = _ROOT / name
    if not path.exists():
        pytest.skip(f"shared-data: {name} is not here")
    return path
