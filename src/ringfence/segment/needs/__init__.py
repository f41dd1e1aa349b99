"""Who needs whom, and why: one file per part of the cluster, each from a `Scene` to groups, allows and residuals.

        Scene ──work, services, storage, people, queues──▶ Group | Allow | Residual

What no file asks for is denied. A need rests on what work must do (lineage, mounts, the scheduler's protocol), never
on what file modes or open ports happen to permit.
"""

from collections.abc import Callable, Iterator

from ringfence.segment.compartment import others
from ringfence.segment.model import Allow, Group, Residual
from ringfence.segment.needs import people, pods, queues, services, storage, work
from ringfence.segment.scene import Scene

Found = Group | Allow | Residual

NEEDS: tuple[Callable[[Scene], Iterator[Found]], ...] = (
    others,
    work.needs,
    services.needs,
    storage.needs,
    people.needs,
    queues.needs,
    pods.needs,
)
"""Every source of needs."""
