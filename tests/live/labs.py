"""The lab for tests: one at a time on a machine, gone when the block ends."""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ringfence.app.lab import run
from ringfence.app.lab.layout import Layout
from ringfence.errors import MissingPart

_TURN = Path(tempfile.gettempdir()) / "ringfence-lab-tests.lock"


def need() -> None:
    """Skips, naming what is missing, where the lab cannot be."""
    try:
        run.need()
    except MissingPart as error:
        pytest.skip(f"missing-part: {error.what} ({error.remedy})")


@contextmanager
def place(gpus: int) -> Iterator[Layout]:
    """A folder for a lab, and this machine's turn to have one. Whatever is up there at the end is taken down."""
    need()
    with _TURN.open("w") as turn, tempfile.TemporaryDirectory(prefix="ringfence-lab-") as name:
        fcntl.flock(turn, fcntl.LOCK_EX)
        layout = Layout(Path(name) / "lab", gpus)
        Path(name).chmod(0o755)
        try:
            yield layout
        finally:
            run.down(layout)


@contextmanager
def lab(gpus: int = 4) -> Iterator[Layout]:
    """A lab that is up."""
    with place(gpus) as layout:
        run.up(layout, lambda _: None)
        yield layout
