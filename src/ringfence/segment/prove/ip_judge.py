"""One ruleset, asked per kind of packet what it lets through: every base chain on the way has to agree."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from ringfence.segment.prove.ip_matches import Packet
from ringfence.segment.prove.ip_regions import Region, inside
from ringfence.segment.prove.ip_space import Space
from ringfence.segment.prove.ip_walk import Bound, bounds
from ringfence.wire.nft.values import DORMANT, Chain, Ruleset, Table

_HOOKS = {"in": ("ingress", "prerouting", "input"), "out": ("output", "postrouting", "egress"), "through": ("forward",)}
_SEES_IP = ("inet", "ip", "ip6", "netdev")
_STATELESS = ("invalid", "untracked")
"""Beside `new`: states of a packet that belongs to no connection (conntrack follows it no further)."""

_ANSWERS = frozenset({"established", "related"})
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

    @property
    def tells_states(self) -> bool:
        """Whether some rule parts what no connection is known of (`new`, `invalid`, `untracked`)."""
        rules = (rule for table in self.ruleset.tables for chain in table.chains.values() for rule in chain.rules)
        found = (match for rule in rules for match in rule.matches if match.left == "ct state")
        return any(match.op != "==" or not _ANSWERS.issuperset(match.right) for match in found)

    def chains(self, direction: str) -> Iterator[tuple[Table, Chain]]:
        """The base chains that a packet of a direction passes; those of a dormant table hang on no hook."""
        for table in self.ruleset.tables:
            for chain in table.chains.values() if table.flags != DORMANT else ():
                if table.family in _SEES_IP and chain.hook in _HOOKS[direction] and chain.kind in _FILTERS:
                    yield table, chain


class Judge:
    """What one ruleset lets through, per kind of packet."""

    def __init__(self, here: Loaded, space: Space) -> None:
        self.here, self._space = here, space
        self._known: dict[Packet, tuple[Both, frozenset[str]]] = {}
        self._states = ("new", *_STATELESS) if here.tells_states else ("new",)

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
        return self.here.ruleset.ours is not None and not any(
            not any(bounds(self._space, table, chain, Packet("through", state))[0].regions for state in self._states)
            for table, chain in ours
            if not table.flags
        )

    def _asked(self, packet: Packet) -> tuple[Both, frozenset[str]]:
        if packet not in self._known:
            (most, least), marks = self._walked(packet)
            for state in self._states[1:] if packet.state == "new" else ():
                (more, _), marked = self._walked(msgspec.structs.replace(packet, state=state))
                most, marks = None if most is None or more is None else [*most, *more], marks | marked
            self._known[packet] = ((most, [] if self.here.unread else least), marks)
        return self._known[packet]

    def _walked(self, packet: Packet) -> tuple[Both, frozenset[str]]:
        """Of a table with a flag that is not known nobody can say that it holds anything back, or lets it through."""
        chains = list(self.here.chains(packet.direction))
        found = [(table.flags, bounds(self._space, table, chain, packet)) for table, chain in chains]
        most = _agreed(upper for flags, (upper, _) in found if not flags)
        marks = frozenset(mark for _, (upper, _) in found for mark in upper.marks)
        return (most, _agreed(lower for _, (_, lower) in found)), marks or frozenset({"0"})


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
