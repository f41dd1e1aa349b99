"""`ringfence guard` from what its command line says: live until it is ended, or over what was recorded."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from ringfence.app.estates import open_estate
from ringfence.app.files import address
from ringfence.app.guard import settings
from ringfence.app.guard.alerts import Alerts, where
from ringfence.app.guard.commands import Site
from ringfence.app.guard.known import Keeping, Known, digest_of, known_of
from ringfence.app.guard.responder import Answer, Responder
from ringfence.app.guard.room import Reachable, Room, assumed, everywhere, plannable, reachable
from ringfence.app.guard.run import Guard, Told, run
from ringfence.app.watch.live import Live, listening
from ringfence.app.watch.made import Made
from ringfence.app.watch.read import forms_of
from ringfence.app.watch.run import watch_files
from ringfence.app.watch.vouched import COLLECTORS, relays_of
from ringfence.enforce.base import Enforcer
from ringfence.errors import Problem, UsageError
from ringfence.estate.estate import Estate
from ringfence.watch.incident import OPEN


class Wanted(msgspec.Struct, frozen=True):
    """What was asked for. `apply`: cuts are done; without it they are only listed."""

    site: Site
    estate: Path
    files: tuple[Path, ...] = ()
    server: Path | None = None
    address: str = "127.0.0.1:8444"
    on: tuple[str, ...] = ()
    follow: bool = False
    rules: tuple[Path, ...] = ()
    cluster: str = ""
    apply: bool = False
    only: tuple[str, ...] = ()


def start(wanted: Wanted, identity: Path | None, told: Told, answered: Callable[[Answer], None]) -> None:
    """Guard until SIGTERM or SIGINT. Raises `UsageError`, `StateError`, `InputError`, `MissingPart`."""
    if not (wanted.server or wanted.on or wanted.follow):
        raise UsageError("nothing to watch", "--server DIR hears agents; --on, --follow, or name recorded files")
    settings.telling(wanted.site.state, wanted.site.settings)  # before the estate, which takes seconds
    room = Room(wanted.site.state, wanted.site.settings).make()
    problems: list[Problem] = []
    made = Made(open_estate(wanted.estate, identity), wanted.rules, problems, wanted.only)
    for problem in problems:
        told(str(problem))
    doors = tuple(listening(wanted.on)) if wanted.on else ()
    agents = (wanted.server, address(wanted.address)) if wanted.server else None
    live = Live(wanted.site.home, doors, wanted.files, agents, forms=forms_of((), wanted.cluster))
    with guarding(room, wanted, identity, told) as guard, alerting(wanted, guard, told) as alerts:
        run(live, made, guard, told, alerts.heard(answered))


@contextlib.contextmanager
def alerting(wanted: Wanted, guard: Guard, told: Told) -> Iterator[Alerts]:
    """Who tells people and witnesses, while a guard runs. Raises `UsageError`, `InputError` for settings."""
    if guard.act and wanted.server and not (wanted.server / COLLECTORS).exists():
        said = "whoever is enrolled is believed about jobs and other hosts"
        told(f"warning: {wanted.server} has no {COLLECTORS}: {said}")
    at = where(wanted.site.state, wanted.site.home, wanted.site.file, wanted.estate)
    whom = settings.telling(wanted.site.state, wanted.site.settings)
    floor = guard.room.limits.severity
    with Alerts(guard.room.folder, whom, guard.book, told, guard.act is not None, at, floor).running() as alerts:
        yield alerts


@contextlib.contextmanager
def guarding(
    room: Room, wanted: Wanted, identity: Path | None, told: Told, others: Reachable | None = None,
    clock: Callable[[], float] = time.time, pace: Callable[[], float] = time.monotonic,
) -> Iterator[Guard]:  # fmt: skip
    """The parts of a guard, but for the watch. `others`: enforcers that take the place of those of the site file.

    `clock`: seconds since the epoch; `pace`: monotonic seconds. Raises as `start`.
    """
    reach: dict[tuple[str, str], Enforcer] = {}
    acts = wanted.apply or not room.limits.shadow
    supposed = "" if acts or others else assumed(wanted.site.file)

    def know(file: Path, digest: str) -> Known:
        estate = open_estate(file, identity)
        relays = relays_of(wanted.server) if wanted.server else {}
        found = {**reachable(wanted.site.file, estate), **(others or {})}
        reach.update(found)  # what an earlier estate led to stays: cuts may stand there
        places = everywhere(estate) if supposed else found
        return known_of(estate, places, room.limits, relays, bool(wanted.on or wanted.follow), digest)

    known, book = Keeping(wanted.estate, know, told), room.book()
    with contextlib.ExitStack() as stack:
        act = None
        if acts:
            act = stack.enter_context(room.act(reach, book, clock, pace))
            told(f"{len(reach)} enforcers can be asked; up to {room.limits.up_to} without a person")
        else:
            told("shadow mode: what would be cut is listed, and nothing is changed (--apply acts)")
            if supposed:
                told(supposed)
        responder = Responder(room, known, book, act, apply=act is not None, clock=clock, pace=pace)
        yield Guard(room, responder, act, book, known)


def recorded(wanted: Wanted, estate: Estate, problems: list[Problem]) -> list[Answer]:
    """What would have been cut for each incident that some logs end with, at the time of each. Changes nothing.

    Without a site file it is planned as if enforcers were everywhere (`room.assumed`).
    """
    room = Room(wanted.site.state, wanted.site.settings)
    places = plannable(wanted.site.file, estate)
    known = known_of(estate, places, room.limits, digest=digest_of(wanted.estate))
    made = Made(estate, wanted.rules, problems, wanted.only)
    found = watch_files(made.single(), wanted.files, problems, lambda one: None, forms_of((), wanted.cluster))
    responder = Responder(room, lambda: known)
    return [responder.think(one, now=one.updated / 1e6) for one in found.incidents if one.state == OPEN]
