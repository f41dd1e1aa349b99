"""Which endpoints a host's rules can tell apart: its own processes, and each job that has a control group."""

from collections.abc import Iterable, Mapping

from ringfence.segment.address import host_of
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Policy


class Scopes:
    """Endpoints of the `ip` plane by the host that fences them. `hosts` are those with nftables, sorted."""

    def __init__(self, policy: Policy, inventory: Inventory) -> None:
        self.hosts = tuple(sorted(set(inventory.enforcers.get("nftables", ()))))
        self.groups: dict[str, list[str]] = {}
        for name in sorted(policy.groups):
            for end in policy.groups[name].on("ip"):
                self.groups.setdefault(end, []).append(name)
        self._of: dict[str, dict[str, list[str]]] = {host: {"": []} for host in self.hosts}
        for end in sorted(self.groups):
            if (host := host_of(end)) in self._of:
                self._of[host].setdefault(inventory.cgroups.get(end, ""), []).append(end)
        self._between: dict[tuple[str, str], set[str]] = {}
        for allow in policy.on("ip"):
            self._between.setdefault((allow.source, allow.target), set()).add(allow.what)

    def of(self, host: str) -> Iterable[tuple[str, list[str]]]:
        """(control group, endpoints) on a fenced host; "" is all that is in no job's control group."""
        return self._of[host].items()

    def together(self) -> Mapping[str, tuple[str, ...]]:
        """Endpoint → those, itself included, that its host cannot tell from it. Only fenced endpoints."""
        return {end: tuple(ends) for scopes in self._of.values() for ends in scopes.values() for end in ends}

    def shared(self) -> Iterable[dict[str, list[str]]]:
        """The scopes of each fenced host that several endpoints share."""
        return (scopes for scopes in self._of.values() if sum(map(len, scopes.values())) > 1)

    def groups_of(self, endpoints: Iterable[str]) -> tuple[str, ...]:
        """The groups that any of these is in, sorted."""
        return tuple(sorted({group for end in endpoints for group in self.groups[end]}))

    def local(self, host: str, path: str) -> tuple[tuple[str, str], ...]:
        """(control group, what) of other jobs on the host that may open connections to this one."""
        mine = self.groups_of(self._of[host][path])
        found = {
            (other, what)
            for other, ends in self._of[host].items()
            if path and other not in ("", path)
            for source in self.groups_of(ends)
            for target in mine
            for what in self._between.get((source, target), ())
        }
        return tuple(sorted(found))
