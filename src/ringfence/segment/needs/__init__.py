"""Who needs whom, and why: one file per part of the cluster, from a `Scene` to groups, allows and residuals.

        Scene ─▶ Known ─┬─ SHARED: services, servers, people, queues ──▶ Group | Allow | Residual
                        └─ EACH: one gang, from facts about it ────────▶ Group | Allow | Residual

What no file asks for is denied. A need rests on what work must do (lineage, mounts, the scheduler's protocol), never
on what file modes or open ports happen to permit.
"""

from collections.abc import Callable, Iterator

from ringfence.segment.compartment import others
from ringfence.segment.model import Allow, Group, Residual
from ringfence.segment.needs import people, pods, queues, services, storage, work
from ringfence.segment.needs.known import Known
from ringfence.segment.workflow import Gang

Found = Group | Allow | Residual

SHARED: tuple[Callable[[Known], Iterator[Found]], ...] = (
    lambda known: others(known.scene),
    services.shared,
    storage.shared,
    people.shared,
    queues.shared,
    lambda known: pods.needs(known.scene),
)
"""Needs of the cluster's shared parts."""

EACH: tuple[Callable[[Known, Gang], Iterator[Found]], ...] = (work.each, storage.each, people.each)
"""Needs of one gang."""


def needs(known: Known) -> Iterator[Found]:
    """Everything that anybody needs."""
    for of_all in SHARED:
        yield from of_all(known)
    for gang in known.scene.gangs.values():
        yield from needs_of(known, gang)


def needs_of(known: Known, gang: Gang) -> Iterator[Found]:
    """What one gang needs. As it starts or ends on hosts of its own, nothing else changes but which hosts are idle."""
    for of_one in EACH:
        yield from of_one(known, gang)
