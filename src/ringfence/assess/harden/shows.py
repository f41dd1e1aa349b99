"""Which place would show a path, were it there: only where that was seen does a missing path say anything.

path missing ─▶ its place seen ──yes──▶ this host has none
                               └─no──▶ nobody looked: an empty folder, or a part of a host's tree
"""

from collections.abc import Iterator

from ringfence.wire.host.entry import Seen

_SYSCTL = "/proc/sys/"
_PLACES = {
    "/proc/": ("/proc/modules", "/proc/version"),
    "/sys/": ("/sys/kernel",),
    "/dev/": ("/dev/null",),
    "/etc/": ("/etc",),
    "/usr/": ("/usr",),
}
"""Beginning of a path → what every host has beside it, one of which has to be seen; of other paths nothing is asked.

`/proc`, `/sys` and `/dev` themselves are empty folders in an image of a host.
"""


def places(path: str) -> tuple[str, ...]:
    """What has to be seen for a missing path to mean that there is none; one of them is enough.

    >>> places("/proc/sys/kernel/kptr_restrict")
    ('/proc/sys/kernel',)
    """
    if path.startswith(_SYSCTL):
        return (_SYSCTL + path.removeprefix(_SYSCTL).partition("/")[0],)
    return next((found for begin, found in _PLACES.items() if path.startswith(begin)), ())


def unseen(path: str, seen: Seen) -> str:
    """The place that would show a path and was not seen; "" where it was."""
    needed = places(path)
    if not needed or any(entry.there for place in needed for entry in seen.at(place)):
        return ""
    return " or ".join(needed)


def with_places(paths: Iterator[str]) -> Iterator[str]:
    """Paths, each followed by what would show it."""
    for path in paths:
        yield path
        yield from places(path)
