"""`inventory.toml` → facts: workstations and their people, zones, racks, tenants, federation, jewels."""

from collections.abc import Iterator

from ringfence.collect.base import CapturedFile, Collector, Found, Scope, each
from ringfence.errors import InputError
from ringfence.estate import ids
from ringfence.estate.facts import Fact, Scalar
from ringfence.estate.kinds import OUTSIDE, ZONES, kind_of
from ringfence.wire.host import inventory as wire
from ringfence.wire.host import sshkeys
from ringfence.wire.slurm import hostlist


def recognise(path: str, head: bytes) -> str:
    """One of "inventory" or "": for a file that says `inventory = 1`."""
    return "inventory" if wire.looks_like(head) else ""


def collect(form: str, files: list[CapturedFile], scope: Scope) -> Iterator[Found]:
    """Facts of every inventory; one that does not parse is left out whole."""
    yield from each(files, lambda file: _facts(wire.inventory(file.data), scope))


def _facts(found: wire.Inventory, scope: Scope) -> Iterator[Fact]:
    for station in found.workstation:
        yield from _workstation(station, scope)
    for network in found.network:
        yield from _network(network, scope)
    for zone in found.zone:
        if zone.name not in ZONES:
            raise InputError(f"no zone is called {zone.name!r}", remedy="one of: " + ", ".join(ZONES))
        yield from (Fact(host, "in_zone", zone.name) for host in _hosts(zone.hosts, scope))
    for rack in found.rack:
        yield from (Fact(host, "in_rack", ids.clean(rack.name)) for host in _hosts(rack.hosts, scope))
    for tenant in found.tenant:
        entity = ids.of("tenant", tenant.name)
        yield from (Fact(host, "in_tenant", entity) for host in _hosts(tenant.hosts, scope))
        yield from (Fact(ids.identity(name), "in_tenant", entity) for name in tenant.accounts)
    for group in found.federated:
        yield from _federated(group)
    for jewel in found.jewel:
        yield _jewel(jewel)
    if found.ringfence:
        yield from _server(found.ringfence, scope)


def _federated(group: wire.Federated) -> Iterator[Fact]:
    """A ring: whoever is one of the accounts becomes the next, so n accounts cost n facts."""
    for at, one in enumerate(group.accounts):
        other = group.accounts[(at + 1) % len(group.accounts)]
        if one != other:
            yield Fact(ids.identity(one), "federated_as", ids.identity(other))


def _jewel(jewel: wire.Jewel) -> Fact:
    if not kind_of(jewel.entity):
        raise InputError(f"{jewel.entity!r} is not an entity id", remedy="an id begins with its kind: model:x")
    attributes: dict[str, Scalar] = {"value": jewel.value, "marked_by": "user"}
    return Fact(ids.clean(jewel.entity), "jewel", ids.clean(jewel.reason), attributes)


def _hosts(names: tuple[str, ...], scope: Scope) -> Iterator[str]:
    for text in names:
        yield from (scope.host(name) for name in hostlist.expand(text))


def _workstation(station: wire.Workstation, scope: Scope) -> Iterator[Fact]:
    entity = ids.of("workstation", station.name)
    yield from (Fact(ids.identity(name), "logs_in_from", entity) for name in station.people)
    yield from (Fact(entity, "attached_to", ids.subnet(name, scope.site)) for name in station.networks)
    if station.outside:
        yield Fact(entity, "reaches_outside", OUTSIDE)
    for text in station.keys:
        for key in sshkeys.authorized_keys(text.encode()):
            credential = ids.credential("ssh", key.blob, scope.salt)
            yield Fact(entity, "stores_credential", credential, {"readable_by": "user"})


def _network(network: wire.Network, scope: Scope) -> Iterator[Fact]:
    entity = ids.subnet(network.name, scope.site)
    yield from (Fact(entity, "routes_to", ids.subnet(name, scope.site)) for name in network.routes_to)
    if network.outside:
        yield Fact(entity, "reaches_outside", OUTSIDE, {"mbit_s": network.mbit_s} if network.mbit_s else {})
    if network.zone:
        yield Fact(entity, "in_zone", ids.clean(network.zone))


def _server(found: wire.Server, scope: Scope) -> Iterator[Fact]:
    host = scope.host(found.server)
    service = ids.service(host, "ringfence", found.port)
    yield Fact(service, "runs_on", host)
    yield Fact(service, "service_kind", "ringfence")
    for predicate, names in (("enforced_by", found.enforces), ("watched_by", found.watches)):
        for name in names:
            subjects = [ids.clean(name)] if kind_of(name) == "cluster" else list(_hosts((name,), scope))
            yield from (Fact(subject, predicate, service) for subject in subjects)
    for key in found.signing_keys:
        keeper = scope.host(key.host)
        credential = ids.of("credential", "ringfence", keeper.partition(":")[2], key.path)
        yield Fact(credential, "signs_orders", service)
        yield Fact(
            keeper, "stores_credential", credential, {"readable_by": key.readable_by, "path": ids.clean(key.path)}
        )
        yield Fact(credential, "jewel", "signs Ringfence's orders", {"marked_by": "default"})


COLLECTOR = Collector("inventory", recognise, collect)
