"""Incidents into the database and out of it."""

from collections.abc import Iterable, Sequence

import msgspec

from ringfence.store import incidents
from ringfence.store.incidents import Kept
from ringfence.store.state import Database
from ringfence.watch.values import Incident


def keep(database: Database, changed: Iterable[Incident], log: str = "", number: int = 0) -> list[Incident]:
    """Keep incidents; those that are new, or newer than what was kept, in their order."""
    by_version = {(one.id, one.version): one for one in changed}
    new = incidents.put(database, [_kept(one) for one in by_version.values()], log, number)
    return [by_version[one.id, one.version] for one in new]


def kept(database: Database, states: Sequence[str] = ()) -> list[Incident]:
    """The incidents in these states (any, if none is named), the gravest first."""
    return [msgspec.json.decode(one.body, type=Incident) for one in incidents.listed(database, states)]


def _kept(one: Incident) -> Kept:
    opened, updated = one.opened / 1e6, one.updated / 1e6
    return Kept(one.id, one.version, one.state, one.severity, opened, updated, msgspec.json.encode(one))
