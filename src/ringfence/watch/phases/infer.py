"""Which phase of training an interval of a job shows, by its own levels so far."""

from collections.abc import Mapping

import msgspec

LOAD, STEP, CHECKPOINT, EVALUATE, IDLE = "load", "step", "checkpoint", "evaluate", "idle"
PHASES = (LOAD, STEP, CHECKPOINT, EVALUATE, IDLE)

WRITES = 20e6
"""Bytes a second and host from which writing is more than a log."""
LINKED = 50e6
"""Bytes a second and host over the fabric from which ranks talk to one another."""
WORKS = 15.0
"""Percent of utilisation from which accelerators do anything to speak of."""
_FADE = 0.9995


class Levels(msgspec.Struct):
    """The highest that a job has shown, fading over hours; whether it has several hosts, and has stepped yet."""

    utilisation: float = 0.0
    fabric: float = 0.0
    gang: bool = True
    written: float = 0.0
    stepped: bool = False

    def rise(self, shown: Mapping[str, float]) -> None:
        """Take in an interval's means by host."""
        for name in ("utilisation", "fabric", "written"):
            setattr(self, name, max(getattr(self, name) * _FADE, shown[name]))


def phase(levels: Levels, shown: Mapping[str, float]) -> str:
    """The phase that an interval shows. `levels` have taken it in already."""
    busy = shown["utilisation"] >= 0.55 * max(levels.utilisation, WORKS)
    if shown["written"] >= max(WRITES, 0.1 * levels.written) and not busy:
        return CHECKPOINT
    if busy and (not levels.gang or levels.fabric < LINKED or shown["fabric"] >= 0.3 * levels.fabric):
        levels.stepped = True
        return STEP
    if shown["utilisation"] >= max(WORKS, 0.3 * levels.utilisation) and levels.stepped:
        return EVALUATE
    return IDLE if levels.stepped else LOAD
