"""Egress budgets: how many bytes an hour may leave because of one jewel, whoever holds it.

A budget belongs to the jewel. Its holders get leases that together never exceed what is left of it: a share is
spent from the moment it is handed out, until the holder says how much of it was not used.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from ringfence.estate.kinds import JEWELS
from ringfence.segment.model import Allow, Budget, Group, Spared
from ringfence.segment.needs.files import data_groups
from ringfence.segment.needs.services import REGISTERED, parts, ports
from ringfence.segment.overrides import Raised
from ringfence.segment.scene import Scene

FLOOR = 10 * 2**30
"""Jewels below it get no byte budget: they would leave in an hour that nobody looks at."""

GOVERNING = {"ringfence": 0, "slurmctld": 0, "slurmdbd": 0, "kube-api": 4000, "dns": 1000, "ntp": 1000}
"""Kinds of services without which a host cannot be governed, and the bytes a second that pass uncounted to each.

0, all of it, where a host that is cut off could not be contained; what that leaves open is in segment.md. Any
rate for all senders together could be kept busy by an intruder, who would cut off his node by that. An API keeps
objects, and a resolver asks the outside: there a rate, and what is beyond it counts. Subnet managers are asked over
InfiniBand, which no quota sees.
"""

WORKING = {"slurmctld": "slurmd", "kube-api": "kubelet"}
"""Controllers, and the daemons on the hosts that answer them when they start and end work."""

PART = 200
"""One two-hundredth, 0.5 %, of a jewel may leave in an hour."""


def leases(budget: int, spent: int, holders: Sequence[str]) -> dict[str, int]:
    """Shares of `budget` bytes less `spent`, as equal as whole bytes allow; their sum is never more than that.

    `spent` counts what left, and every lease that is still out (`settled`).
    """
    names = sorted(set(holders))
    if not names:
        return {}
    share, rest = divmod(max(0, budget - spent), len(names))
    return {name: share + (at < rest) for at, name in enumerate(names)}


def settled(out: Mapping[str, int], used: Mapping[str, int]) -> int:
    """How much of leases counts as spent: what their holders say, and all of a lease of which nobody says anything."""
    return sum(used.get(name, lease) for name, lease in out.items())


def budgets(
    scene: Scene,
    groups: Mapping[str, Group],
    allows: Sequence[Allow],
    raised: Sequence[Raised] = (),
    floor: int = FLOOR,
) -> Iterator[Budget]:
    """A budget for each model, checkpoint and dataset, and for each key that is marked as a jewel."""
    holding = _Holding(scene, groups, allows)
    changed = {one.jewel: one for one in raised}
    sizes = scene.seen.of("size_bytes")
    for jewel in _jewels(scene):
        holders = holding.holders(jewel)
        size = max((int(text) for text in sizes.get(jewel, ()) if text.isascii() and text.isdigit()), default=0)
        each, why = _amount(jewel, size, floor)
        if jewel in changed:
            each, why = changed[jewel].bytes_per_hour, changed[jewel].why
        yield Budget(jewel, each, holders, holding.destinations(holders), why, holding.spared(holders))


def _jewels(scene: Scene) -> list[str]:
    data = {one for one in scene.seen.of("stored_on") if one.partition(":")[0] in JEWELS}
    return sorted(data | set(scene.work_of) | set(scene.seen.of("jewel")))


def _amount(jewel: str, size: int, floor: int) -> tuple[int, str]:
    if jewel.partition(":")[0] not in JEWELS:
        return 0, "a key is too small for any budget: named destinations only"
    if not size:
        return 0, "its size is not known: named destinations only"
    if size < floor:
        return 0, f"it is smaller than {floor:,} bytes: named destinations only"
    return size // PART, f"0.5 % of {size:,} bytes an hour"


class _Holding:
    """Who may read a jewel, and where its readers' bytes may go."""

    def __init__(self, scene: Scene, groups: Mapping[str, Group], allows: Sequence[Allow]) -> None:
        self.scene, self.groups = scene, groups
        self.readers: dict[str, list[str]] = {}
        self.reach: dict[str, set[str]] = {}
        self.governed: dict[str, set[Spared]] = {}
        governing = _governing(scene)
        for allow in allows:
            if allow.plane == "storage":
                self.readers.setdefault(allow.target, []).append(allow.source)
            elif allow.plane == "ip" and allow.source != allow.target and not allow.target.startswith("server:"):
                self.reach.setdefault(allow.source, set()).add(allow.target)
            for side, mine, other in (("out", allow.source, allow.target), ("in", allow.target, allow.source)):
                a_second = governing.get((other, side, allow.what))
                if allow.plane == "ip" and a_second is not None:
                    self.governed.setdefault(mine, set()).add(Spared(other, side, allow.what, a_second))
        self.groups_of: dict[str, set[str]] = {}
        for name in self.reach.keys() | self.governed.keys():
            for end in groups[name].on("ip"):
                self.groups_of.setdefault(end, set()).add(name)
        self.users: dict[str, list[str]] = {}
        for gang in scene.gangs.values():
            for one in {*gang.reads, *gang.writes}:
                self.users.setdefault(one, []).append(gang.name)
        self._targets, self._spared = cache(self._union), cache(self._governed)

    def holders(self, jewel: str) -> tuple[str, ...]:
        """Endpoints on `ip` of the gangs that may mount it or load it, of the services and hosts that keep it."""
        seen, found = self.scene.seen, set[str]()
        line = self.scene.work_of.get(jewel)
        names = [one for of in (data_groups(seen, line) if line else ()) for one in self.readers.get(of, ())]
        for name in (*names, *self.users.get(jewel, ())):
            found.update(self.groups[name].on("ip"))
        for service in seen.objects(jewel, "pulled_from"):
            if service in self.scene.by_entity:
                found.add(self.scene.by_entity[service].host)
        found.update(host for host in seen.subjects("stores_credential", jewel) if host.startswith("host:"))
        return tuple(sorted(found))

    def destinations(self, holders: Sequence[str]) -> tuple[str, ...]:
        """Groups that holders may send to: all but their own ranks and the file servers of their own work."""
        return self._targets(self._names(holders))

    def spared(self, holders: Sequence[str]) -> tuple[Spared, ...]:
        """What governs holders, and so never depends on what was spent."""
        return self._spared(self._names(holders))

    def _names(self, holders: Sequence[str]) -> frozenset[str]:
        return frozenset(name for one in holders for name in self.groups_of.get(one, ()))

    def _union(self, names: frozenset[str]) -> tuple[str, ...]:
        return tuple(sorted({target for name in names for target in self.reach.get(name, ())}))

    def _governed(self, names: frozenset[str]) -> tuple[Spared, ...]:
        return tuple(sorted({one for name in names for one in self.governed.get(name, ())}))


def _governing(scene: Scene) -> dict[tuple[str, str, str], int]:
    """(group of a service that governs hosts, side, what) → bytes a second that pass uncounted, 0 for all.

    Its own ports alone: a copy by SSH to a controller counts. `in`: the daemons by which it starts and ends work.
    """
    found: dict[tuple[str, str, str], int] = {}
    for one in scene.services.get("ringfence", ()):
        found[one.entity, "out", f"tcp/{one.port}" if one.port else REGISTERED["ringfence"]] = GOVERNING["ringfence"]
    for (part, _), made in parts(scene).items():
        if part in GOVERNING:
            whats = [("out", what) for what in ports(scene, part)]
            whats += [("in", what) for what in ports(scene, WORKING[part])] if part in WORKING else []
            found |= {(made.name, side, what): GOVERNING[part] for side, what in whats if "/" in what}
    return found
