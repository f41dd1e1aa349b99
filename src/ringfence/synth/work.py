"""Who works on the cluster, and what runs there: users, pipelines, gangs of jobs, serving pods."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random

import msgspec

from ringfence.synth.plan import FIRST_UID, Host, Job, Pipeline, Pod, Tenant, User

GANGS = (1, 1, 1, 1, 2, 2, 4, 4, 8, 16)
"""Sizes of gangs after a tenant's training run, in hosts: many small, few large."""
BUSY = 0.85
MODEL_GB = (14, 16, 28, 60, 140, 280, 810)
_STAGES = ("train", "train", "evaluate", "prepare", "train", "debug")


def users(nodes: int, groups: Sequence[Tenant], staff: Mapping[str, int], random: Random) -> tuple[User, ...]:
    """Researchers and engineers of each tenant, its service account, and the operators. `staff` fixes numbers."""
    found: list[User] = []
    most = min(40, max(4, nodes // 8 // len(groups)))
    for group in groups:
        count = random.randint(max(3, most // 2), most)
        for at in range(staff.get(group.name, count)):
            role = "engineer" if at % 4 == 3 else "researcher"
            name = f"{role[:3]}-{len(found) + 1:03d}"
            found.append(User(name, FIRST_UID + len(found), group.name, role, f"{name}-ws"))
        found.append(User(f"svc-{group.name}", FIRST_UID + len(found), group.name, "service", ""))
    for at in range(2 + nodes // 1000):
        found.append(User(f"ops-{at + 1:02d}", FIRST_UID + len(found), "", "operator", f"ops-{at + 1:02d}-ws"))
    return tuple(found)


def pipelines(nodes: int, groups: Sequence[Tenant], people: Sequence[User], random: Random) -> tuple[Pipeline, ...]:
    """One to three pipelines per tenant, each owned by one of its engineers or researchers."""
    found: list[Pipeline] = []
    for group in groups:
        owners = [user.name for user in people if user.tenant == group.name and user.role != "service"]
        found.extend(
            Pipeline(
                f"{group.name}-p{number}",
                group.name,
                random.choice(owners),
                random.choice(MODEL_GB) * 1_000_000_000,
                random.randint(1, 3),
            )
            for number in range(1, 2 + min(2, nodes // 1000))
        )
    return tuple(found)


def jobs(
    found: Sequence[Host],
    groups: Sequence[Tenant],
    people: Sequence[User],
    lines: Sequence[Pipeline],
    one_channel: frozenset[str],
    random: Random,
) -> tuple[Job, ...]:
    """The running gangs, partition by partition. In the domains of `one_channel` all jobs share IMEX channel 0."""
    rooms: dict[tuple[str, str], list[Host]] = {}
    for host in found:
        if host.gpus and host.partition != "kube":
            rooms.setdefault((host.partition, host.domain), []).append(host)
    numbers = iter(range(41_000 + random.randint(0, 900), 1 << 31))
    channels: dict[str, int] = {}
    out = []
    for (partition, domain), room in rooms.items():
        for job in _gangs(partition, room, groups, people, lines, numbers, random):
            channel = -1
            if domain:
                channel = 0 if domain in one_channel else channels.get(domain, 0)
                channels[domain] = channel + 1
            out.append(msgspec.structs.replace(job, imex=channel))
    return tuple(out)


def _gangs(
    partition: str,
    room: Sequence[Host],
    groups: Sequence[Tenant],
    people: Sequence[User],
    lines: Sequence[Pipeline],
    numbers: Iterator[int],
    random: Random,
) -> Iterator[Job]:
    free = list(room)
    owner = room[0].tenant
    first = True
    while len(free) > (1 - BUSY) * len(room):
        tenant = owner or random.choice(groups).name
        own = [line for line in lines if line.tenant == tenant]
        line = own[0] if first and owner else random.choice(own)
        stage = "train" if first and owner else random.choice(_STAGES)
        size = max(1, len(room) // 2) if first and owner else 1 if not owner else random.choice(GANGS)
        taken, free = free[:size], free[size:]
        if not taken:
            return
        members = [user.name for user in people if user.tenant == tenant and user.role != "service"]
        yield Job(
            number=next(numbers),
            name=f"{stage}-{line.name}",
            user=line.owner if stage == "train" else random.choice(members),
            tenant=tenant,
            partition=partition,
            stage=stage,
            pipeline=line.name,
            hosts=tuple(host.name for host in taken),
            gpus=taken[0].gpus if owner else random.choice((1, 2, 4, 8)),
        )
        first = False


def pods(found: Sequence[Host], lines: Sequence[Pipeline], random: Random) -> tuple[Pod, ...]:
    """Serving pods on the Kubernetes part: each host serves one or two models."""
    out = []
    for host in found:
        for half in range(2 if host.partition == "kube" else 0):
            line = random.choice(lines)
            name = f"serve-{line.name}-{host.name}-{half}"
            out.append(Pod(name, line.tenant, line.tenant, host.name, line.name, 4, 4 * half))
    return tuple(out)
