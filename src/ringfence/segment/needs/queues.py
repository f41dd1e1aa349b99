"""Work: on which hosts a tenant's jobs may start. No host of a shared partition holds two tenants at once: what
writes Slurm's partitions makes those that several tenants may use exclusive per user.
"""

from collections.abc import Iterator

from ringfence.estate.kinds import EVERYONE
from ringfence.segment.compartment import cannot_tell, group
from ringfence.segment.model import Allow, Group, Residual
from ringfence.segment.needs.known import Known
from ringfence.segment.scene import Scene
from ringfence.segment.seen import starting


def shared(known: Known) -> Iterator[Group | Allow | Residual]:
    """A group per tenant and per partition."""
    scene = known.scene
    for tenant in scene.tenants:
        yield group(f"submits:{tenant.partition(':')[2]}", "role", tenant, f"jobs of {tenant}", scheduler=[tenant])
    for partition, who in sorted(scene.seen.by("may_submit").items()):
        hosts = starting(scene.seen.subjects("in_partition", partition), "host")
        yield group(partition, "role", "", f"hosts of {partition}", scheduler=hosts)
        tenants = sorted({tenant for one in who for tenant in _tenants(scene, one)})
        for tenant in tenants if hosts else ():
            shared = "; one tenant at a time on a host" if len(tenants) > 1 else ""
            yield Allow(
                f"submits:{tenant.partition(':')[2]}", partition, "scheduler", "any", f"it may submit there{shared}"
            )
        if not tenants:
            why = f"none of {', '.join(sorted(set(who)))} works for a tenant that is known"
            yield cannot_tell("scheduler", partition, "tenants", why, "capture the scheduler's associations")


def _tenants(scene: Scene, who: str) -> list[str]:
    if who.startswith("tenant:"):
        return [who]
    if who == EVERYONE:
        return list(scene.tenants)
    return [tenant for one in scene.seen.members(who) for tenant in scene.seen.objects(one, "in_tenant")]
