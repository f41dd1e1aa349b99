"""Looking at a sampler until it has told what a test waits for."""

import os
import time
from collections.abc import Callable

import pytest

from ringfence.collect.telemetry.samplers.base import Sampler
from ringfence.errors import MissingPart
from ringfence.wire.ocsf.event import Event


def need_root() -> None:
    """Skip where the kernel would not tell."""
    if os.geteuid():
        pytest.skip("missing-part: the kernel tells this to root only")


def started(sampler: Sampler) -> None:
    """Open it, or skip where this kernel has no such thing."""
    try:
        sampler.open()
    except MissingPart as error:
        pytest.skip(f"missing-part: {error.what}")


def until(sampler: Sampler, holds: Callable[[list[Event]], object], seconds: float = 30.0) -> list[Event]:
    """All events up to the look that made it hold."""
    found: list[Event] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found += sampler.look()
        if holds(found):
            return found
        time.sleep(0.01)
    raise AssertionError(f"not told: {found[-5:]}")
