"""What the guard knows of the cluster: made of an estate, and made anew when its file changes.

estate file ─▶ ground (moves, reach, who is where), sources (who may speak for whom), what is never cut
"""

import hashlib
import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import msgspec

from ringfence.app.guard.ground import ground_of
from ringfence.errors import RingfenceError
from ringfence.estate.estate import Estate
from ringfence.respond.ground import Ground
from ringfence.respond.limits import Limits, matching
from ringfence.respond.sources import Sources, of_estate

LOOK = 5.0
"""Seconds between two looks at the estate's file."""


class Known(msgspec.Struct, frozen=True):
    """What plans stand on, who may speak for whom, and which entities the user never wants cut."""

    ground: Ground
    sources: Sources
    never: frozenset[str] = frozenset()


def known_of(
    estate: Estate,
    places: Collection[tuple[str, str]],
    limits: Limits,
    relays: Mapping[str, Collection[str]] | None = None,
    open_doors: bool = False,
    digest: str = "",
) -> Known:
    """All of it from one estate: seconds on 10,000 nodes. `places`: the (target, place) at which one can cut.

    `digest`: SHA-256 of the estate's file; without it plans say that there is none.
    """
    held = {place for target, place in places if target == "quarantine"}
    names = (estate.terms.values[at] for at in estate.entities)
    never = frozenset(one for one in names if matching(limits.never, (one,))[0]) if limits.never else frozenset()
    sources = of_estate(estate, relays, held, open_doors)
    return Known(ground_of(estate, frozenset(places), digest, never), sources, never)


class Keeping:
    """The latest of what is known, while the estate's file may change. `make` opens the file, and what it leads to."""

    def __init__(self, file: Path, make: Callable[[Path, str], Known], told: Callable[[str], None]) -> None:
        self._file, self._make, self._told = file, make, told
        self._mark = _mark(file)
        self._known = make(file, digest_of(file))

    def __call__(self) -> Known:
        """What is known just now."""
        return self._known

    def follow(self, until: threading.Event, every: float, changed: Callable[[], None]) -> None:
        """Make it anew whenever the file has changed, and call `changed`; look `every` so many seconds.

        One that cannot be read leaves what was known, and is told.
        """
        while not until.wait(every):
            mark = _mark(self._file)
            if mark == self._mark:
                continue
            self._mark = mark
            try:
                made = self._make(self._file, digest_of(self._file))
                if _mark(self._file) != mark:  # replaced while it was read: what was made may be of both
                    continue
                self._known = made
                self._told(f"{self._file} was read again")
                changed()
            except (RingfenceError, OSError) as error:
                self._told(f"{self._file} has changed and cannot be read; what was known before stands: {error}")


def _mark(file: Path) -> tuple[int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return (0, 0, 0)
    return found.st_mtime_ns, found.st_size, found.st_ino


def digest_of(file: Path) -> str:
    """SHA-256 of an estate's file. Raises `OSError`."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
