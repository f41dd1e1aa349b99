"""Accounts, the machines that they come from, and the hosts that let them in."""

from collections.abc import Iterable
from functools import cached_property

from ringfence.segment.scene import Scene
from ringfence.segment.seen import starting


class People:
    """Accounts, and the machines that they come from."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.seen = scene, scene.seen

    @cached_property
    def from_(self) -> dict[str, tuple[str, ...]]:
        """Account → the addresses of its owner's workstations; their networks where no address is known."""
        found = {}
        for one, machines in self.seen.of("logs_in_from").items():
            found[one] = tuple(sorted({place for machine in machines for place in self._places(machine)}))
        return {one: found[one] for one in sorted(found) if found[one]}

    def _places(self, machine: str) -> list[str]:
        networks = self.scene.addresses.get(machine, {})
        return [place for name, known in networks.items() for place in known or [name.partition(":")[2]]]

    @cached_property
    def inside(self) -> dict[str, tuple[str, ...]]:
        """Login host → its addresses in networks in which nodes of Slurm are."""
        nodes = {host for name in self.scene.slurm for host in self.scene.nodes.get(name, ())}
        common = {name for host in nodes for name in self.scene.addresses.get(host, {})}
        return {
            host: tuple(sorted({one for name in mine.keys() & common for one in mine[name]}))
            for host in self.scene.login
            for mine in (self.scene.addresses.get(host, {}),)
        }

    @cached_property
    def admitted(self) -> dict[str, frozenset[str]]:
        """Login host → accounts that it admits, groups opened."""
        known: dict[str, set[str]] = {}
        found = {}
        for host in self.scene.login:
            subjects = self.seen.subjects("may_login", host)
            for one in subjects:
                if one not in known:
                    known[one] = self.seen.members(one)
            found[host] = frozenset(account for one in subjects for account in known[one])
        return found

    @cached_property
    def exposed(self) -> frozenset[tuple[str, str]]:
        """(host, account) where a key of the account lies readable to others."""
        owners = self.seen.of("unlocks")
        return frozenset(
            (host, account)
            for host, credential in self.seen.where("stores_credential", "readable_by", "user")
            if host.startswith("host:")
            for account in owners.get(credential, ())
        )

    @cached_property
    def operators(self) -> dict[str, frozenset[str]]:
        """Account with a workstation → hosts of which it may become superuser, or whose cluster it operates."""
        found: dict[str, set[str]] = {}
        for one, places in self.seen.of("may_sudo").items():
            hosts = self._hosts(places)
            for account in self.seen.members(one):
                found.setdefault(account, set()).update(hosts)
        for account, clusters in self.seen.of("operates").items():
            found.setdefault(account, set()).update(self._hosts(clusters))
        return {one: frozenset(found[one]) for one in sorted(found) if one in self.from_}

    def _hosts(self, places: Iterable[str]) -> set[str]:
        found = set()
        for one in set(places):
            if one.startswith("host:"):
                found.add(one)
            else:
                found |= {*self.scene.nodes.get(one, ()), *starting(self.seen.subjects("controls", one), "host")}
        return found


def host_network(place: str) -> str:
    """`network:10.0.0.5/32` of an address, `network:10.0.0.0/16` of a network."""
    return f"network:{place}" if "/" in place else f"network:{place}/{128 if ':' in place else 32}"
