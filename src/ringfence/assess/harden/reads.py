"""What has to be read of a host before measures can say anything: paths, patterns and questions."""

from collections.abc import Iterator, Sequence

from ringfence.assess.harden.measure import (
    Assign,
    Device,
    Edit,
    Either,
    Holds,
    Measure,
    Need,
    Own,
    Permissions,
    Shown,
    Sysctl,
    There,
    Told,
)
from ringfence.assess.harden.shows import with_places
from ringfence.assess.harden.wants import AT_BOOT, PROGRAMS, asked, running


def paths(measures: Sequence[Measure]) -> tuple[str, ...]:
    """Paths and patterns, each once."""
    return tuple(dict.fromkeys(one for measure in measures for one in with_places(_paths(measure))))


def questions(measures: Sequence[Measure]) -> tuple[tuple[str, ...], ...]:
    """Commands that only print, each once."""
    devices = (want for measure in measures for want in measure.wants if isinstance(want, Device))
    return tuple(dict.fromkeys(asked(want) for want in devices))


def _paths(measure: Measure) -> Iterator[str]:
    for need in (*measure.needs, *measure.way):
        yield from _needed(need)
    for want in measure.wants:
        for need in getattr(want, "needs", ()):
            yield from _needed(need)
        match want:
            case Sysctl(key):
                yield from (running(want), AT_BOOT.format(key))
            case Own(path) | Edit(path) | Told(path):
                yield path
            case Assign(several):
                yield from several
            case Permissions(pattern):
                yield pattern
            case Device():
                yield PROGRAMS
            case Shown(folder):
                yield from (folder, f"{folder}/*", want.pattern)
        if getattr(want, "group", ""):
            yield "/etc/group"


def _needed(need: Need) -> Iterator[str]:
    match need:
        case There(paths):
            yield from paths
        case Holds(path):
            yield path
        case Either(needs):
            for one in needs:
                yield from _needed(one)
