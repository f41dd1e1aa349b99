"""All files of one capture about a cloud, put together, with the ids that its parts get."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from ringfence.collect.base import Scope
from ringfence.estate import ids
from ringfence.wire.cloud.model import Cloud, Group, Machine, Role, Subnet


class Account:
    """The union of what the files describe. `name` is the account's number, "unknown" where none is told."""

    def __init__(self, clouds: Sequence[Cloud], scope: Scope) -> None:
        self.scope = scope
        self.name = next((cloud.account for cloud in clouds if cloud.account), "unknown")
        self.cluster = ids.of("cluster", "aws", self.name)
        self.subnets: dict[str, Subnet] = {each.id: each for cloud in clouds for each in cloud.subnets}
        self.groups: dict[str, Group] = {}
        for group in (each for cloud in clouds for each in cloud.groups):
            known = self.groups.get(group.id)
            self.groups[group.id] = Group(
                group.id,
                group.vpc or (known.vpc if known else ""),
                group.name,
                tuple(dict.fromkeys((*(known.rules if known else ()), *group.rules))),
            )
        self.machines: dict[str, Machine] = {each.id: each for cloud in clouds for each in cloud.machines}
        self.roles: dict[str, Role] = {each.arn: each for cloud in clouds for each in cloud.roles}
        self.profiles = dict(pair for cloud in clouds for pair in cloud.profiles)
        self.outward = {each for cloud in clouds for each in cloud.outward}
        self.buckets = {each.name for cloud in clouds for each in cloud.buckets}
        self._peers: dict[str, set[str]] = defaultdict(set)
        for one, other in (pair for cloud in clouds for pair in cloud.peered):
            self._peers[one].add(other)
            self._peers[other].add(one)
        self._names = Counter(each.name for each in self.machines.values())
        self._ranges = Counter(each.cidr for each in self.subnets.values())

    def host(self, machine: Machine) -> str:
        """By its name where only it has it; else as its system calls itself, `ip-10-0-1-5`."""
        if machine.name and self._names[machine.name] == 1:
            return self.scope.host(machine.name)
        return self.own_name(machine) or self.scope.host(machine.id)

    def own_name(self, machine: Machine) -> str:
        """What an instance calls itself unless told otherwise; empty without an address."""
        return self.scope.host("ip-" + machine.address.replace(".", "-")) if machine.address else ""

    def network(self, subnet: Subnet) -> str:
        """The subnet by its range, as its hosts see it; by its id where two have the same range."""
        if subnet.cidr and self._ranges[subnet.cidr] == 1:
            return ids.subnet(subnet.cidr)
        return ids.of("network", "aws", subnet.id)

    def joined(self, one: str, other: str) -> bool:
        """Whether addresses of one VPC mean the same machines in the other."""
        return not one or not other or one == other or other in self._peers[one]

    def role(self, profile: str) -> str:
        """The role behind an instance profile, given by name or ARN."""
        name = self.profiles.get(profile.rpartition("/")[2], "")
        return ids.of("role", "aws", self.name, name.rpartition("/")[2]) if name else ""
