"""Loss is counted: gaps, replays, skew and silence of sources become events."""

from collections.abc import Iterable

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.wire.ocsf.event import Event


class Loss(msgspec.Struct):
    """What is known of each source."""

    seen: dict[str, list[int]] = {}


def take(state: Loss, batch: Batch) -> tuple[np.ndarray | None, Iterable[Event]]:
    """Which rows to keep (None: all), and what is to be told."""
    return None, ()


def tick(state: Loss, now: int) -> Iterable[Event]:
    """Silences."""
    return ()
