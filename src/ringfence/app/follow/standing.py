"""The policy that stands now, kept job by job, and the part of it that some hosts must know.

the estate without jobs ─derive─▶ what all share ─┐
each gang ─segment's own functions─▶ its part ────┴─▶ whole()   equal to deriving from an estate with the jobs
                                                  └─▶ part(hosts)   what their rules depend on, and no more
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from ringfence.app.follow.scene import LiveScene
from ringfence.enforce.confine import group_of
from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact
from ringfence.segment.budget import budgets
from ringfence.segment.compartment import group
from ringfence.segment.decided import decide, in_force, tenancies
from ringfence.segment.inventory import Inventory
from ringfence.segment.inventory_of import inventory_of
from ringfence.segment.model import Allow, Group, Policy
from ringfence.segment.needs import needs_of
from ringfence.segment.needs.known import Known
from ringfence.segment.overrides import Override, Raised, Rule, agree
from ringfence.segment.policy import derive_policy

Part = tuple[Group | Allow, ...]


class Standing:
    """What is meant to be in force, as `overrides` change it until they end (`now`: seconds since the epoch).

    `fabrics`: names of those whose managers the follower itself drives.
    """

    def __init__(
        self,
        estate: Estate,
        fabrics: Collection[str] = (),
        overrides: Sequence[Override] = (),
        now: Callable[[], float] = time.time,
    ) -> None:
        agree(in_force(overrides, now())[0])
        self._overrides, self._now = tuple(overrides), now
        self.scene = LiveScene(estate.with_delta(added=tenancies(overrides)) if overrides else estate)
        bare = self.scene.seen.estate
        self._shared = derive_policy(bare)
        found = inventory_of(bare)
        managed = {"opensm": tuple(sorted({*found.enforcers.get("opensm", ()), *fabrics}))} if fabrics else {}
        self.inventory = msgspec.structs.replace(found, enforcers={**found.enforcers, **managed})
        self._asked = Known(self.scene)
        self._parts: dict[str, Part] = {}
        self._hosts = frozenset(self.scene.hosts)

    def tell(self, job: str, facts: Iterable[Fact]) -> tuple[str, ...]:
        """A job holds hosts. All hosts whose rules this changes."""
        before = set(self.hosts_of(job))
        return self._anew(self.scene.tell(job, facts), before | set(self.hosts_of(job)))

    def forget(self, job: str) -> tuple[str, ...]:
        """A job has ended. All hosts whose rules this changes."""
        before = set(self.hosts_of(job))
        return self._anew(self.scene.forget(job), before)

    def hosts_of(self, job: str) -> tuple[str, ...]:
        """The hosts that a job holds, sorted."""
        return tuple(sorted(fact.object for fact in self.scene.live.told(job) if fact.predicate == "runs_on"))

    def knows(self, host: str) -> bool:
        """Whether the estate says anything of a host."""
        return host in self._hosts

    def jobs_on(self, host: str) -> tuple[str, ...]:
        """The numbers of the jobs whose compartments a host's rules hold."""
        found = {job.rpartition("/")[2] for gang in self.scene.at.get(host, ()) for job in gang.jobs}
        return tuple(sorted(one for one in found if one.isdigit()))

    def whole(self) -> Policy:
        """The policy of everyone."""
        groups = dict(self._shared.groups)
        allows = {_key(one): one for one in self._shared.allows}
        for part in self._parts.values():
            for one in part:
                if isinstance(one, Group):
                    groups[one.name] = one
                else:
                    allows[_key(one)] = min(one, allows.get(_key(one), one))
        groups |= self._idle()
        found = {name: one for name, one in groups.items() if one.members}
        alive = in_force(self._overrides, self._now())[0]
        rules = [one for one in alive if isinstance(one, Rule)]
        left = decide(self.scene, found, list(allows.values()), rules)[0] if rules else allows.values()
        ordered = tuple(sorted(left, key=_key))
        spent = tuple(budgets(self.scene, found, ordered, [one for one in alive if isinstance(one, Raised)]))
        return Policy({name: found[name] for name in sorted(found)}, ordered, spent, self._shared.residuals)

    def part(self, policy: Policy, plane: str, hosts: Collection[str]) -> Policy:
        """What the rules of these hosts say on a plane: the groups that they are in, and whoever these may meet."""
        ends = frozenset(self._ends(hosts))
        own = {name for name, group in policy.groups.items() if not ends.isdisjoint(group.on(plane))}
        allows = tuple(one for one in policy.on(plane) if one.source in own or one.target in own)
        spent = tuple(one for one in policy.budgets if plane == "ip" and not ends.isdisjoint(one.holders))
        names = own | {one.source for one in allows} | {one.target for one in allows}
        names |= {one for budget in spent for one in (*budget.destinations, *(it.group for it in budget.spared))}
        return Policy({name: policy.groups[name] for name in sorted(names & policy.groups.keys())}, allows, spent)

    def inventory_for(self, target: str, hosts: Collection[str]) -> Inventory:
        """The inventory in which only these hosts obey a target: all others count as not looked at."""
        obey = tuple(sorted(set(self.inventory.enforcers.get(target, ())).intersection(hosts)))
        return msgspec.structs.replace(self.inventory, enforcers={target: obey}, cgroups=self._cgroups(hosts))

    def now(self) -> tuple[Policy, Inventory]:
        """The policy and the inventory of everyone, with the control groups of jobs that share a host."""
        return self.whole(), msgspec.structs.replace(self.inventory, cgroups=self._cgroups(self.scene.shared))

    def _anew(self, gangs: Iterable[str], hosts: set[str]) -> tuple[str, ...]:
        for name in gangs:
            hosts.update(self.scene.hosts_of(name))
            self._parts.pop(name, None)
            if name in self.scene.gangs:
                self._parts[name] = tuple(self._needs(name))
        return tuple(sorted(hosts))

    def _needs(self, name: str) -> Iterator[Group | Allow]:
        """What one gang needs, by the functions with which the whole is derived."""
        found = needs_of(self._asked, self.scene.gangs[name])
        return (one for one in found if isinstance(one, Group | Allow))

    def _idle(self) -> Mapping[str, Group]:
        """Per cluster, the hosts in no job."""
        found = {}
        for cluster, nodes in self.scene.nodes.items():
            name = f"idle:{cluster.partition(':')[2]}"
            free = [host for host in nodes if host not in self.scene.at]
            found[name] = group(name, "idle", "", why=f"hosts of {cluster} in no job", ip=free)
        return found

    def _ends(self, hosts: Collection[str]) -> Iterator[str]:
        for host in hosts:
            yield host
            for gang in self.scene.at.get(host, ()):
                yield from (f"{job}@{host}" for job in gang.jobs)

    def _cgroups(self, hosts: Iterable[str]) -> dict[str, str]:
        """Where jobs share a host, each has a control group of its own, made before the job starts."""
        return {
            f"{job}@{host}": group_of(job.rpartition("/")[2])
            for host in hosts
            if host in self.scene.shared
            for gang in self.scene.at[host]
            for job in gang.jobs
        }


def _key(allow: Allow) -> tuple[str, str, str, str]:
    return allow.source, allow.target, allow.plane, allow.what
