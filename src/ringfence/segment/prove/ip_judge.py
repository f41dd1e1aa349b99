"""One ruleset, asked per kind of packet what it lets through: every base chain on the way has to agree."""

from collections.abc import Iterable, Iterator, Sequence

from ringfence.segment.prove.ip_matches import Packet
from ringfence.segment.prove.ip_regions import Region, inside
from ringfence.segment.prove.ip_space import Space
from ringfence.segment.prove.ip_walk import Bound, bounds
from ringfence.wire.nft.values import Chain, Ruleset, Table

_HOOKS = {"in": ("ingress", "prerouting", "input"), "out": ("output", "postrouting", "egress"), "through": ("forward",)}
_SEES_IP = ("inet", "ip", "ip6", "netdev")
_FILTERS = ("filter", "route")
Both = tuple[list[Region] | None, list[Region] | None]
"""(at most, at least); None: everything."""


class Loaded:
    """One ruleset and the hosts that have it. `unread` says why it could not be read, "" if it was."""

    def __init__(self, ruleset: Ruleset, unread: str, hosts: Sequence[str]) -> None:
        self.ruleset, self.unread, self.hosts = ruleset, unread, tuple(hosts)
        self.forwards = False

    @property
    def name(self) -> str:
        """For people."""
        return f"the ruleset of {self.hosts[0]}" if self.hosts else "a ruleset"

    def chains(self, direction: str) -> Iterator[tuple[Table, Chain]]:
        """The base chains that a packet of a direction passes."""
        for table in self.ruleset.tables:
            for chain in table.chains.values():
                if table.family in _SEES_IP and chain.hook in _HOOKS[direction] and chain.kind in _FILTERS:
                    yield table, chain


class Judge:
    """What one ruleset lets through, per kind of packet."""

    def __init__(self, here: Loaded, space: Space) -> None:
        self.here, self._space = here, space
        self._known: dict[Packet, tuple[Both, frozenset[str]]] = {}

    def passes(self, packet: Packet) -> Both:
        """Peers and kinds on which every base chain agrees."""
        return self._asked(packet)[0]

    def marks(self, packet: Packet) -> frozenset[str]:
        """What may be written to the connection's mark on the way."""
        return self._asked(packet)[1]

    @property
    def forwards(self) -> bool:
        """Whether our own table lets a packet through that is neither from nor for the host."""
        ours = [(table, chain) for table, chain in self.here.chains("through") if table.ours]
        packet = Packet("through", "new")
        return self.here.ruleset.ours is not None and not any(
            not bounds(self._space, table, chain, packet)[0].regions for table, chain in ours
        )

    def _asked(self, packet: Packet) -> tuple[Both, frozenset[str]]:
        if packet not in self._known:
            found = [bounds(self._space, table, chain, packet) for table, chain in self.here.chains(packet.direction)]
            most, least = (_agreed(one[at] for one in found) for at in (0, 1))
            marks = frozenset(mark for one in found for mark in one[0].marks) or frozenset({"0"})
            self._known[packet] = ((most, [] if self.here.unread else least), marks)
        return self._known[packet]


def _agreed(found: Iterable[Bound]) -> list[Region] | None:
    agreed: list[Region] | None = None
    for one in found:
        if one.universal:
            continue
        if agreed is None:
            agreed = list(one.regions)
        else:
            agreed = [both for a in agreed for b in one.regions if not (both := inside(a, b)).empty]
    return agreed
