"""Slurm's secrets, by mode and salted hash → facts: where each lies, who may read it, what it opens."""

from collections.abc import Iterator, Sequence

from ringfence.collect.slurm_state import Place
from ringfence.estate import ids
from ringfence.estate.facts import Fact, Scalar
from ringfence.wire.slurm.small import Database, Key, Keys

_OWN = ("root", "munge", "slurm", "0")
"""Owners that are no ordinary account; anyone else reads as a user does."""


def keys(value: Keys, path: str, place: Place, current: frozenset[str]) -> Iterator[Fact]:
    """`stores_credential` for each, and what whoever holds it can do.

    `current` are the digests of munge keys that the cluster uses now; one of another digest is
    stale and opens nothing.
    """
    host = place.scope.host_of(path)
    for key in value.keys:
        entity = credential(key)
        yield Fact(host, "stores_credential", entity, _kept(key))
        if key.purpose in ("munge", "slurm"):
            if not current or key.digest in current:
                yield Fact(entity, "scheduler_key", place.entity, {"kind": key.purpose})
        else:
            yield Fact(entity, "in_cluster", place.entity)
            yield Fact(entity, "setting", f"purpose={key.purpose}")


def credential(key: Key) -> str:
    """`credential:munge/<salted hash>`: the capture script hashed it already."""
    return ids.of("credential", key.purpose, key.digest[:32])


def _kept(key: Key) -> dict[str, Scalar]:
    return {
        "readable_by": "user" if key.mode & 0o044 or key.owner.partition(":")[0] not in _OWN else "root",
        "path": ids.clean(key.path),
        "mode": f"{key.mode & 0o7777:04o}",
        "owner": ids.clean(key.owner),
    }


def current(found: Sequence[tuple[str, Keys]], controllers: Sequence[str], place: Place) -> frozenset[str]:
    """Digests of the keys on the controllers; empty (any may be current) if no controller was captured."""
    return frozenset(
        key.digest
        for path, value in found
        for key in value.keys
        if key.purpose in ("munge", "slurm") and place.scope.host_of(path) in controllers
    )


def database(value: Database, path: str, place: Place) -> Iterator[Fact]:
    """A slurmdbd.conf that was copied whole: the service, and its password as a salted hash only."""
    host = place.host(value.host) if value.host else place.scope.host_of(path)
    service = ids.service(host, "slurmdbd", value.port if value.port.isdigit() else "6819")
    yield Fact(service, "runs_on", host)
    yield Fact(service, "service_kind", "slurmdbd")
    yield Fact(service, "authenticates", "none" if value.auth == "auth/none" else "key")
    if value.secret:
        entity = ids.credential("slurmdbd", value.secret, place.scope.salt)
        yield Fact(host, "stores_credential", entity, {"path": "slurmdbd.conf", "readable_by": "root"})
        yield Fact(entity, "in_cluster", place.entity)
        yield Fact(entity, "setting", "purpose=slurmdbd")
