"""A folder of saved estates as a history: which window each is of.

The time of an estate is that in its name (`2026-03-01.estate`, `site-20260301T0700.estate`), else that of the newest
fact in it. Nothing else of a file counts, so that copying or touching it changes no answer.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from ringfence.app.estates import open_estate
from ringfence.errors import UsageError
from ringfence.estate.estate import Estate
from ringfence.estate.kinds import KINDS
from ringfence.estate.stamps import LATEST

_NAMED = re.compile(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})(?:[T_-](\d{2}):?(\d{2}))?")


def estates_in(folder: Path, identity: Path | None = None) -> Iterator[tuple[float, Estate]]:
    """(seconds, estate) of every `*.estate` in the folder, the earliest first; read one at a time.

    Raises `UsageError` where there is none, or two of one time.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", "name the folder that holds saved estates, one per survey")
    paths = sorted(folder.glob("*.estate"))
    if not paths:
        raise UsageError(
            f"{folder} holds no estate", "`ringfence collect --from DIR -o FOLDER/2026-03-01.estate` keeps one"
        )
    times: dict[float, Path] = {}
    for path in paths:
        at = named(path.name)
        at = newest(open_estate(path, identity)) if at is None else at
        if at in times:
            raise UsageError(f"{path.name} and {times[at].name} are of the same time", "keep one of them there")
        times[at] = path
    for at in sorted(times):
        yield at, open_estate(times[at], identity)


def named(name: str) -> float | None:
    """The time that a file's name says, seconds; None where it says none.

    >>> named("site-2026-03-01.estate")
    1772323200.0
    """
    found = _NAMED.search(name)
    if found is None:
        return None
    try:
        return datetime(*(int(part) for part in found.groups(default="0")), tzinfo=UTC).timestamp()  # type: ignore[arg-type, misc]
    except ValueError:
        return None


def newest(estate: Estate) -> float:
    """When the newest living fact was seen, seconds; times that no calendar shows do not count."""
    times = (table.observed[table.live] for table in estate.tables.values())
    return max((float(seen[seen <= LATEST].max(initial=0.0)) for seen in times), default=0.0)


def retired_hosts(path: Path | None) -> frozenset[str]:
    """The things named in a file, one id a line; a name without a kind is a host's. Raises `UsageError`."""
    if path is None:
        return frozenset()
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{path} cannot be read", "write the names of retired hosts, one a line") from None
    names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return frozenset(name if name.partition(":")[0] in KINDS else f"host:{name}" for name in names)
