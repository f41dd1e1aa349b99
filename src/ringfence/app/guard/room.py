"""What respond's commands and the running guard share: one folder, its queue, journal, switch and words.

state (the fence's folder) ─▶ Ledger: database, journal ─▶ queue of actions, Book of evidence
fence.toml ─▶ enforcers by (target, place)              guard.toml ─▶ limits
"""

import time
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from pathlib import Path

from ringfence.app.fence.design import Design
from ringfence.app.fence.ledger import Ledger
from ringfence.app.fence.site import enforcers_of
from ringfence.app.guard import settings, switch
from ringfence.app.guard.evidence import Book
from ringfence.enforce.base import Enforcer
from ringfence.estate.estate import Estate
from ringfence.respond.act import Act, Options, known
from ringfence.respond.limits import Limits
from ringfence.respond.verbs import VERBS

ON_HOSTS = ("contain", "flows", "sessions", "keys")
"""Targets that every host with an enforcer of ours may have."""
ON_FABRICS = ("quarantine", "ports")
ON_CLUSTERS = ("scheduler", "bindings")
TARGETS = frozenset(one.target for one in VERBS.values())

Reachable = Mapping[tuple[str, str], Enforcer]


def reachable(site: Path, estate: Estate) -> Reachable:
    """The enforcers that can carry out a containment, by (target, place). Without a site file none. `InputError`."""
    if not site.exists():
        return {}
    hosts = [name for name in estate.terms.values if name.startswith("host:")]
    also = [(target, host) for target in ON_HOSTS for host in hosts]
    found = enforcers_of(site, Design(estate).inventory, also)
    return {key: one for key, one in found.items() if key[0] in TARGETS}


def everywhere(estate: Estate) -> frozenset[tuple[str, str]]:
    """(target, place) of an enforcer of every kind wherever one can be."""
    names = [estate.terms.values[int(at)] for at in estate.entities]
    kinds = {"host:": ON_HOSTS, "network:ib/": ON_FABRICS, "cluster:": ON_CLUSTERS}
    pairs = ((name, those) for name in names for kind, those in kinds.items() if name.startswith(kind))
    return frozenset((target, name) for name, those in pairs for target in those)


def plannable(site: Path, estate: Estate) -> Collection[tuple[str, str]]:
    """The (target, place) at which plans may cut: those of the site file, `everywhere` without one. `InputError`."""
    return reachable(site, estate) if site.exists() else everywhere(estate)


def assumed(site: Path) -> str:
    """What a plan takes for granted where no site file is, in a sentence; "" where one is."""
    return "" if site.exists() else f"no {site}: planned as if every host, fabric and cluster had an enforcer of ours"


class Room:
    """One guard's folder. Nothing is made on disk before `make`."""

    def __init__(self, folder: Path, named: Path | None = None) -> None:
        self.folder, self._named = folder, named
        self.ledger = Ledger(folder)

    @cached_property
    def limits(self) -> Limits:
        """The user's limits, read at first use: what only looks, stops or lists needs none. Raises `InputError`."""
        return settings.of(self.folder, self._named)

    @property
    def is_there(self) -> bool:
        """Whether anything was ever kept in it."""
        return (self.folder / "state.sqlite").exists()

    def make(self) -> "Room":
        """Make the folder, the queue and the switch if they are not there. Raises `StateError`."""
        self.ledger.make().ready()
        switch.begin(self.folder)
        return self

    def book(self, changed: Callable[[], None] = lambda: None) -> Book:
        """Where evidence goes."""
        return Book(self.ledger, changed)

    def stopped(self) -> str:
        """Why nothing new may be cut, "" where it may."""
        return switch.stopped(self.folder)

    def act(
        self, enforcers: Reachable, book: Book, clock: Callable[[], float] = time.time,
        pace: Callable[[], float] = time.monotonic,
    ) -> Act:  # fmt: skip
        """The one who acts on this folder's queue. Raises `StateError` where another does already.

        `enforcers` may grow meanwhile. `clock`: seconds since the epoch; `pace`: monotonic seconds.
        """
        options = Options(lasts=self.limits.lasts, on_full="act" if self.limits.on_full_journal == "act" else "wait")
        return Act(
            self.ledger.database,
            known(enforcers),
            book,
            keep=lambda place: self.limits.keep,
            stopped=lambda: bool(self.stopped()),
            clock=clock,
            pace=pace,
            options=options,
        )
