"""Machines by their addresses: who may stand behind an address or a network that a rule names."""

from collections import defaultdict
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from ringfence.estate.estate import Estate

_Net = IPv4Network | IPv6Network


class Places:
    """Hosts and workstations. One whose address is not known may have any of its network."""

    def __init__(self, estate: Estate) -> None:
        self._known: dict[_Net, list[str]] = defaultdict(list)
        self._loose: list[tuple[_Net, str]] = []
        for fact in estate.facts("attached_to"):
            if fact.subject.startswith(("host:", "workstation:")):
                self._add(fact.subject, str(fact.attributes.get("address", "")), fact.object.partition(":")[2])

    def _add(self, place: str, address: str, network: str) -> None:
        if known := _net(address):
            self._known[known].append(place)
        elif net := _net(network.rpartition("/")[0].rpartition("/")[2] + "/" + network.rpartition("/")[2]):
            self._loose.append((net, place))

    def behind(self, where: str) -> list[str]:
        """Who may send from `where`: an address, a network in CIDR notation, or a machine's own id."""
        wanted = _net(where)
        if wanted is None:
            return [where] if where.startswith(("host:", "workstation:")) else []
        if wanted.prefixlen == wanted.max_prefixlen:
            found = list(self._known.get(wanted, ()))
        else:
            found = [place for one, places in self._known.items() if _touch(one, wanted) for place in places]
        return list(dict.fromkeys([*found, *(place for net, place in self._loose if _touch(net, wanted))]))


class Networks:
    """Which networks a machine sends into: its own, and those that routes lead to from there."""

    def __init__(self, estate: Estate) -> None:
        self._on: dict[str, set[str]] = defaultdict(set)
        for fact in estate.facts("attached_to"):
            self._on[fact.subject].add(fact.object)
        self._to: dict[str, set[str]] = defaultdict(set)
        for fact in estate.facts("routes_to"):
            self._to[fact.subject].add(fact.object)
        everywhere = {fact.subject for fact in estate.facts("setting") if fact.object == "routed=everywhere"}
        unknown = {fact.subject for fact in estate.facts("asked") if fact.object == "routing"}
        for one in everywhere | unknown:
            self._to[one] |= everywhere | unknown

    def of(self, machines: Iterable[str]) -> set[str]:
        """Every network that traffic of one of these machines may come into."""
        found: set[str] = set()
        open_ = [net for one in machines for net in self._on.get(one, ())]
        while open_:
            net = open_.pop()
            if net not in found:
                found.add(net)
                open_ += self._to.get(net, ())
        return found


def _net(text: str) -> _Net | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _touch(one: _Net, other: _Net) -> bool:
    return one.version == other.version and one.overlaps(other)
