"""Which hosts an NFS client specification means: an address, a network, a wildcard, a netgroup, or the world."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from ringfence.errors import InputError
from ringfence.segment.address import Index, Span, span
from ringfence.segment.inventory import Inventory

ADDRESS, NETWORK, WILDCARD, NETGROUP, WORLD = range(5)
"""In the order in which nfs-utils prefers them (support/export: MCL_FQDN before MCL_SUBNETWORK and so on)."""


class Clients:
    """The hosts of one plane, found by client specification."""

    def __init__(self, inventory: Inventory, hosts: Iterable[str]) -> None:
        self.all = frozenset(hosts)
        self._index = Index(inventory.addresses, sorted(self.all))
        self._by_name = {host.partition(":")[2]: host for host in self.all}

    def span(self, spec: str) -> Span | None:
        """The addresses that it says, if it says any."""
        try:
            return span(spec)
        except InputError:
            return None

    def kind(self, spec: str) -> int:
        """How specific it is, `ADDRESS` first."""
        if spec.startswith("@") or spec == "*":
            return NETGROUP if spec != "*" else WORLD
        said = self.span(spec)
        if said is None:
            return WILDCARD if any(mark in spec for mark in "*?[") else ADDRESS
        return ADDRESS if said[1] == said[2] else NETWORK

    def met(self, spec: str) -> frozenset[str]:
        """Every host that it may mean; a netgroup, whose members nobody captured, may mean all."""
        if self.kind(spec) in (NETGROUP, WORLD):
            return self.all
        said = self.span(spec)
        return frozenset(self._index.within(said)) if said else self._named(spec.lower())

    def _named(self, spec: str) -> frozenset[str]:
        """By name: host ids are short, so the pattern's first label decides."""
        short = spec.partition(".")[0]
        if not any(mark in short for mark in "*?["):
            return frozenset({self._by_name[short]} if short in self._by_name else ())
        return frozenset(host for name, host in self._by_name.items() if fnmatchcase(name, short))
