"""Endpoints of one workflow on every plane, as groups.

A gang on hosts of its own is those hosts. Where gangs share a host, each is `job:…@host:…` there, and the host
itself (its daemons and mounts) stays in the groups of its cluster. Pods share their hosts by design: theirs is the
`pod` plane.
"""

from collections.abc import Iterable, Iterator

from ringfence.segment.model import Group, Residual
from ringfence.segment.scene import IB, ROCE, Scene
from ringfence.segment.workflow import Gang


def others(scene: Scene) -> Iterator[Group | Residual]:
    """A group per cluster for hosts without work; gangs on unknown hosts, and what two gangs on one host share."""
    for cluster, hosts in scene.nodes.items():
        free = [host for host in hosts if host not in scene.at]
        if free:
            yield group(f"idle:{_short(cluster)}", "idle", "", why=f"hosts of {cluster} in no job", ip=free)
    known = frozenset(scene.hosts)
    for gang in scene.gangs.values():
        for host in gang.hosts:
            if host not in known:
                yield cannot_tell(
                    "ip", gang.name, host, "its host is not in the estate: it has no address and no fence"
                )
    yield from _meetings(scene)
    yield from _holes(scene)


def compartment(scene: Scene, gang: Gang) -> Group:
    """The group of one gang, from facts about the gang and its hosts."""
    own = [host for host in gang.hosts if host not in scene.shared]
    apart = {host for host in gang.hosts if host in scene.shared}
    parts = [f"{job}@{host}" for job in gang.jobs for host in scene.seen.objects(job, "runs_on") if host in apart]
    alone = gang.jobs and len(gang.hosts) == 1
    fabric = [] if (alone and apart) or gang.pods else list(gang.hosts)
    return group(
        gang.name,
        "gang",
        gang.tenant,
        why=_why(scene, gang),
        ip=[*own, *parts],
        ib=[port for host in fabric for port in scene.ports[IB].get(host, ())],
        roce=[port for host in fabric for port in scene.ports[ROCE].get(host, ())],
        nvlink=gang.gpus,
        imex=() if gang.pods or scene.spanning.isdisjoint(gang.gpus) else gang.hosts,
        storage=() if gang.pods else gang.hosts,
        login=() if gang.pods else gang.hosts,
        pod=gang.pods,
    )


def _why(scene: Scene, gang: Gang) -> str:
    lines = sorted({scene.work_of[one].name for one in (*gang.reads, *gang.writes) if one in scene.work_of})
    who = ", ".join(one.partition(":")[2] for one in gang.accounts) or "an unknown account"
    what = f"{len(gang.pods)} pods" if gang.pods else f"{len(gang.jobs)} jobs" if len(gang.jobs) > 1 else "one job"
    return f"{what} of {who}" + (f" for {', '.join(lines)}" if lines else ", its data not known")


def _meetings(scene: Scene) -> Iterator[Residual]:
    """Where gangs share a host or an accelerator, planes that know no jobs cannot tell them apart."""
    held: dict[str, list[str]] = {}
    for gang in scene.gangs.values():
        for gpu in gang.gpus:
            held.setdefault(gpu, []).append(gang.name)
    for gpu, names in sorted(held.items()):
        if len(names) > 1:
            why = f"{', '.join(sorted(names))} share {gpu}: its memory is one"
            yield Residual("nvlink", "policy", f"on {gpu}", ", ".join(sorted(names)), -1, why, "give each a MIG slice")
    for host in sorted(scene.shared):
        names = [gang.name for gang in scene.at[host] if gang.jobs]
        many = [name for name in names if len(scene.gangs[name].hosts) > 1]
        why = f"{', '.join(names)} share {host}"
        if len(many) > 1 and host in scene.ports[IB]:
            told = f"{why}, and verbs know ports, not jobs: the port speaks for both"
            yield Residual("ib", "policy", f"on {host}", ", ".join(many), -1, told, "give multi-host jobs whole hosts")
        yield Residual(
            "storage",
            "policy",
            f"on {host}",
            ", ".join(names),
            -1,
            f"{why}, and a file server knows hosts, not jobs: each mounts what any of them may",
            "give the tenants' partitions whole hosts (OverSubscribe=EXCLUSIVE)",
        )


_ASPECTS = {"mounts": "storage", "addresses": "ip", "sockets": "ip", "users": "login", "gpu": "nvlink"}
"""What a host that did not answer leaves untold, and the plane on which its needs are cut for it."""


def _holes(scene: Scene) -> Iterator[Residual]:
    """Hosts that were not asked, or did not answer: what they need cannot be told, and what is not told is denied."""
    silent: dict[str, set[str]] = {}
    for one, aspect in scene.seen.where("asked", "answered", False):
        if aspect in _ASPECTS and one.startswith("host:"):
            silent.setdefault(aspect, set()).add(one)
    for aspect, hosts in sorted(silent.items()):
        why = f"they did not tell their {aspect}: what they need for want of it is cut"
        yield cannot_tell(_ASPECTS[aspect], _some(hosts), aspect, why)
    assumed = scene.seen.speaks("assumed_like", "host")
    if assumed:
        why = "they were not captured: their needs are taken from a host of the same class"
        yield cannot_tell(
            "ip", _some(assumed), "assumed", why, "capture them all, or learn their flows before enforcing"
        )


def _some(hosts: Iterable[str]) -> str:
    first, more = sorted(hosts)[:5], sorted(hosts)[5:]
    return ", ".join(first) + (f" and {len(more)} more" if more else "")


def group(name: str, kind: str, tenant: str, /, why: str = "", **members: Iterable[str]) -> Group:
    """A group with sorted members; planes without any are left out."""
    found = {plane: tuple(sorted(set(ends))) for plane, ends in members.items()}
    return Group(name, kind, tenant, {plane: ends for plane, ends in found.items() if ends}, why)


def cannot_tell(plane: str, source: str, target: str, why: str, remedy: str = "survey it") -> Residual:
    """Something that could not be decided. `target` is no endpoint of the plane: nothing is opened by it."""
    return Residual(plane, "policy", source, target, -1, why, remedy)


def _short(cluster: str) -> str:
    return cluster.partition(":")[2]
