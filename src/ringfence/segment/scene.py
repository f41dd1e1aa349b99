"""The cluster as the derivation sees it: which host plays which part, who serves what, what lies where.

Everything is found from facts, nothing from names: a login host is one of the access zone, a node is what a
scheduler places work on, a shared host is one on which two gangs run.
"""

from collections.abc import Mapping
from functools import cached_property

import msgspec

from ringfence.errors import InputError
from ringfence.segment.address import span
from ringfence.segment.seen import Seen, starting
from ringfence.segment.workflow import Gang, Pipeline, gangs, pipelines

IB, ROCE = "ib", "roce"


class Service(msgspec.Struct, frozen=True, order=True):
    """A listening service. `port` 0 where nobody told it."""

    entity: str
    kind: str
    host: str
    port: int


class Scene:
    """What `Seen` says, in the words of the derivation. Every property is computed once, on demand."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen

    @cached_property
    def gangs(self) -> dict[str, Gang]:
        """Every gang, by name."""
        return gangs(self.seen)

    @cached_property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """Every pipeline."""
        return pipelines(self.seen, self.gangs)

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """Every host that anybody told something about, sorted."""
        told = ("in_zone", "in_cluster", "attached_to", "has_gpu", "asked", "has_port")
        return tuple(sorted({one for name in told for one in self.seen.speaks(name, "host")}))

    @cached_property
    def nodes(self) -> Mapping[str, tuple[str, ...]]:
        """Cluster → the hosts that it places work on."""
        by = self.seen.by("in_cluster")
        return {name: tuple(hosts) for name in sorted(by) if (hosts := starting(by[name], "host"))}

    @cached_property
    def slurm(self) -> frozenset[str]:
        """Clusters that Slurm runs: those with partitions."""
        of = self.seen.of("in_cluster")
        return frozenset(name for one in of if one.startswith("partition:") for name in of[one])

    @cached_property
    def login(self) -> tuple[str, ...]:
        """Hosts of the access zone, and hosts outside every partition on which people have sessions."""
        seen = self.seen
        zone = starting(seen.subjects("in_zone", "access"), "host")
        used = {one for hosts in seen.of("session_on").values() for one in hosts if one.startswith("host:")}
        other = {one for one in used if seen.first(one, "in_zone") in ("", "access")}
        return tuple(sorted({*zone, *(one for one in other if not seen.objects(one, "in_cluster"))}))

    @cached_property
    def at(self) -> Mapping[str, list[Gang]]:
        """Host → the gangs on it, by name."""
        found: dict[str, list[Gang]] = {}
        for name in sorted(self.gangs):
            for host in self.gangs[name].hosts:
                found.setdefault(host, []).append(self.gangs[name])
        return found

    @cached_property
    def shared(self) -> frozenset[str]:
        """Hosts on which two or more gangs of jobs run."""
        return frozenset(host for host, found in self.at.items() if sum(1 for one in found if one.jobs) > 1)

    @cached_property
    def services(self) -> Mapping[str, tuple[Service, ...]]:
        """Kind → its services, sorted."""
        seen, told = self.seen, self._ports
        found: dict[str, set[Service]] = {}
        for entity, kinds in seen.of("service_kind").items():
            host = min(starting(seen.objects(entity, "runs_on"), "host"), default="")
            if host:
                tail = entity.rpartition(":")[2]
                port = int(tail) if tail.isdigit() and len(tail) < 6 else told.get(entity, 0)
                for kind in kinds:
                    found.setdefault(kind, set()).add(Service(entity, kind, host, port))
        return {kind: tuple(sorted(found[kind])) for kind in sorted(found)}

    @cached_property
    def by_entity(self) -> Mapping[str, Service]:
        """Every service by entity; of two kinds the first."""
        return {one.entity: one for kind in reversed(list(self.services)) for one in self.services[kind]}

    @cached_property
    def _ports(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for service, _, shown in self.seen.rows("listens_on"):
            port = shown.get("port")
            if isinstance(port, int) and 0 < port < 65536:
                found[service] = min(port, found.get(service, port))
        return found

    @cached_property
    def ports(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """Plane (`ib`, `roce`) → host or storage → its fabric ports, sorted; switches are no end."""
        ether = {port for port, _ in self.seen.where("on_fabric", "link_layer", "Ethernet")}
        found: dict[str, dict[str, list[str]]] = {IB: {}, ROCE: {}}
        for owner, mine in self.seen.of("has_port").items():
            for port in mine if not owner.startswith("switch:") else ():
                found[ROCE if port in ether else IB].setdefault(owner, []).append(port)
        return {plane: {host: tuple(sorted(set(of[host]))) for host in of} for plane, of in found.items()}

    @cached_property
    def addresses(self) -> Mapping[str, dict[str, set[str]]]:
        """Host, workstation or controller → network → its addresses there; addresses that are none are left out."""
        found: dict[str, dict[str, set[str]]] = {}
        for subject, network, shown in self.seen.rows("attached_to"):
            mine = found.setdefault(subject, {}).setdefault(network, set())
            text = str(shown.get("address", ""))
            if _is_address(text):
                mine.add(text)
        return found

    @cached_property
    def over_ib(self) -> frozenset[str]:
        """Networks that an InfiniBand partition carries (IPoIB)."""
        of = self.seen.of("part_of")
        return frozenset(one for one in of if any(key.startswith("network:ib/") for key in of[one]))

    @cached_property
    def spanning(self) -> frozenset[str]:
        """Accelerators in NVLink domains of several hosts: `nvlink:<cluster>/<clique>`."""
        by = self.seen.by("nvlink_member")
        return frozenset(gpu for name in by if "/" in name for gpu in by[name])

    @cached_property
    def tenants(self) -> tuple[str, ...]:
        """Every tenant, sorted."""
        named = {one for found in self.seen.of("in_tenant").values() for one in found}
        return tuple(sorted(named | {one for one in self.seen.of("may_submit") if one.startswith("tenant:")}))

    @cached_property
    def work_of(self) -> Mapping[str, Pipeline]:
        """Data → its pipeline."""
        return {one: line for line in self.pipelines for one in line.data}


def _is_address(text: str) -> bool:
    try:
        _, low, high = span(text)
    except InputError:
        return False
    return low == high and "/" not in text
