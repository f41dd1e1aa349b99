"""What gangs need: their own ranks, the registry of their images, the server that keeps their models."""

from collections.abc import Iterator

from ringfence.segment.compartment import cannot_tell, compartment
from ringfence.segment.model import Allow, Group, Residual
from ringfence.segment.needs.known import Known
from ringfence.segment.scene import IB, ROCE, Scene, Service
from ringfence.segment.workflow import Gang

RANKS = {
    "ip": "ranks of one run meet at ports that they choose themselves",
    IB: "ranks of one run exchange gradients over verbs",
    ROCE: "ranks of one run exchange gradients over RDMA on Ethernet",
    "nvlink": "the accelerators of one run share memory",
    "imex": "trays of one run export memory to one another over one channel of their own",
    "pod": "replicas and ranks of one service meet at ports that they choose themselves",
}
"""Planes on which a gang talks to itself."""


def each(known: Known, gang: Gang) -> Iterator[Group | Allow | Residual]:
    """Its compartment, and the services that its images, data and models name."""
    own = compartment(known.scene, gang)
    yield own
    yield from ranks(own)
    for service, why in wanted(known.scene, gang):
        yield known.service(service)
        yield from _asks(gang, service, why)
    for entity in _nowhere(known.scene, gang):
        why = "its images, data or models come from there and nobody told where it runs: it is cut off from it"
        yield cannot_tell("ip", gang.name, entity, why, "capture its host, or name its network in an override")


def _nowhere(scene: Scene, gang: Gang) -> list[str]:
    """Services that it needs and of which no host is known, sorted."""
    kept = {of for one in (*gang.images, *gang.reads, *gang.writes) for of in scene.seen.objects(one, "pulled_from")}
    return sorted(one for one in kept if one not in scene.by_entity)


def ranks(own: Group) -> Iterator[Allow]:
    """A compartment with itself, on every plane on which it has two ends; workers of pods meet as workers on `ip`."""
    for plane, why in RANKS.items():
        if len(own.on(plane)) > 1 and not (own.on("pod") and plane == "ip"):
            yield Allow(own.name, own.name, plane, "any", why)


def wanted(scene: Scene, gang: Gang) -> Iterator[tuple[Service, str]]:
    """Registries and tracking servers from which its images, data and models come, or to which they go."""
    seen, by_name = scene.seen, scene.by_entity
    for image in gang.images:
        for entity in sorted(set(seen.objects(image, "pulled_from"))):
            if entity in by_name:
                yield by_name[entity], f"its image is pulled from {entity.partition(':')[2]}"
    told: set[str] = set()
    for one in (*gang.reads, *gang.writes):
        for entity in sorted(set(seen.objects(one, "pulled_from"))):
            if entity in by_name and entity not in told:
                told.add(entity)
                yield by_name[entity], f"{one} is kept by {entity.partition(':')[2]}"
    for entity in sorted({one for job in (*gang.jobs, *gang.pods) for one in seen.objects(job, "connects_to")}):
        if entity in by_name and entity not in told and gang.tenant and gang.tenant in _tenants(scene, entity):
            yield by_name[entity], f"it was seen to use {entity.partition(':')[2]}, which serves its tenant"


def _tenants(scene: Scene, service: str) -> set[str]:
    """Tenants whose data a service keeps: what others were seen to do there is no need of theirs."""
    kept = scene.seen.subjects("pulled_from", service)
    return {tenant for one in kept for tenant in scene.seen.objects(one, "in_tenant")}


def _asks(gang: Gang, service: Service, why: str) -> Iterator[Allow]:
    what = f"tcp/{service.port}" if service.port else "tcp"
    yield Allow(gang.name, service.entity, "ip", what, why)
    if gang.pods:
        yield Allow(gang.name, service.entity, "pod", what, why)
