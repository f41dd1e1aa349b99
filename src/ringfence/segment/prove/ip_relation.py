"""From rulesets to blocks: per artefact and scope what goes out and comes in, then per direction over all hosts.

Rules are walked once per artefact and per kind of packet, however many hosts load it. Endpoints that share a host
are judged pair by pair over its loopback, where a job is known by the mark of its connections.
"""

from collections.abc import Collection, Sequence

import numpy as np

from ringfence.segment.address import host_of
from ringfence.segment.inventory import Inventory
from ringfence.segment.prove.ip_judge import Judge, Loaded
from ringfence.segment.prove.ip_matches import Packet
from ringfence.segment.prove.ip_regions import ANY, Region, answers, covers
from ringfence.segment.prove.ip_space import Space
from ringfence.segment.relation import Block, Ints
from ringfence.segment.what import What

_PACKETS = (Packet("out", "new"), Packet("in", "new"), Packet("out", "established"), Packet("in", "established"))


def relations(
    loaded: Sequence[Loaded], space: Space, names: Sequence[str], inventory: Inventory, strangers: int = 0
) -> tuple[list[list[Block]], list[list[Block]]]:
    """The relations whose intersection is what passes: (at most, at least); the same object where they are equal.

    The last `strangers` of the names are addresses that are no endpoint's: only what has rules, or should, is judged by
    them.
    """
    places = _Places(names, inventory, strangers)
    sides = [_Side(space, places, packet) for packet in _PACKETS]
    for here in loaded:
        judge = Judge(here, space)
        here.forwards = judge.forwards
        for side in sides:
            side.add(judge)
    answers = [side for side in sides[2:] if not side.universal]
    most = [side.blocks(0) for side in sides[:2]]  # a packet that is never answered has left all the same
    if not answers and all(side.certain for side in sides):
        return most, most
    return most, [side.blocks(1) for side in (*sides[:2], *answers)]


class _Places:
    """Endpoints by host and control group."""

    def __init__(self, names: Sequence[str], inventory: Inventory, strangers: int) -> None:
        self.every = np.arange(len(names), dtype=np.int64)
        self.named = self.every[: len(names) - strangers]
        self.strangers = self.every[len(names) - strangers :]
        self.outside = np.array([at for at in self.named if names[at].startswith("network:")], np.int64)
        self.inside = np.setdiff1d(self.named, self.outside)
        self.of: dict[str, dict[str, list[int]]] = {}
        self.awaited = frozenset(inventory.enforcers.get("nftables", ()))
        self._touched: dict[tuple[int, ...], tuple[object, tuple[Ints, Ints]]] = {}
        for at, name in enumerate(names):
            if host := host_of(name):
                self.of.setdefault(host, {}).setdefault(inventory.cgroups.get(name, ""), []).append(at)

    def touched(self, space: Space, wide: Sequence[Ints | None]) -> tuple[Ints, Ints]:
        """Endpoints with some, and with all, of their addresses among these pieces. Many rules ask the same."""
        if any(one is None for one in wide):
            return self.every, self.every
        key = tuple(map(id, wide))
        if key not in self._touched:
            found = space.touched(np.unique(np.concatenate([one for one in wide if one is not None])))
            self._touched[key] = (wide, found)
        return self._touched[key][1]

    def on(self, hosts: Collection[str]) -> Ints:
        """The endpoints on some hosts, ascending."""
        return np.array(
            sorted(end for one in hosts for mine in self.of.get(one, {}).values() for end in mine), np.int64
        )

    def crowded(self, host: str) -> bool:
        """Whether several endpoints share the host."""
        return sum(map(len, self.of.get(host, {}).values())) > 1


class _Side:
    """One of the four questions, answered for all hosts: what goes out or comes in, to begin with or as an answer."""

    def __init__(self, space: Space, places: _Places, packet: Packet) -> None:
        self._space, self._places, self._packet = space, places, packet
        self._blocks: tuple[_Blocks, _Blocks] = (_Blocks(), _Blocks())
        self._done: set[str] = set()
        self.universal = self.certain = True

    def add(self, judge: Judge) -> None:
        """Take in one ruleset for the hosts that have it."""
        alone: dict[str, list[int]] = {}
        for host in judge.here.hosts:
            if host in self._done:
                continue
            self._done.add(host)
            for path, ends in self._places.of.get(host, {}).items():
                if self._places.crowded(host):
                    self._share(judge, host, path, ends)
                else:
                    alone.setdefault(path, []).extend(ends)
        for path, ends in alone.items():
            self._put(np.array(sorted(ends), np.int64), self._peers(judge, path))

    def _peers(self, judge: Judge, path: str) -> tuple[list[tuple[What, Ints]], ...]:
        both = judge.passes(self._with(path=path))
        self.universal = self.universal and both == (None, None)
        return tuple(self._ends(regions, at) for at, regions in enumerate(both))

    def _with(self, path: str, loopback: bool = False, mark: str = "0") -> Packet:
        return Packet(self._packet.direction, self._packet.state, path, loopback, mark)

    def _ends(self, regions: list[Region] | None, at: int) -> list[tuple[What, Ints]]:
        """Peers of which some (0) or all (1) addresses are let through, by kind of traffic."""
        if regions is None:
            return [(ANY[0], self._places.every)]
        if self._packet.state == "established":
            regions = [Region(one.pieces, answers(one.whats, least=bool(at))) for one in regions]
        found = []
        for what in dict.fromkeys(kind for one in regions for kind in one.whats):
            some, all_ = self._touched([one.pieces for one in regions if what in one.whats])
            if at and len(some) > len(all_):  # the rest of somebody's addresses may stand in a wider rule
                wide = [one.pieces for one in regions if any(covers(kind, what) for kind in one.whats)]
                all_ = self._touched(wide)[1]
            found.append((what, all_ if at else some))
        return found

    def _touched(self, wide: Sequence[Ints | None]) -> tuple[Ints, Ints]:
        return self._places.touched(self._space, wide)

    def _put(self, mine: Ints, peers: Sequence[list[tuple[What, Ints]]]) -> None:
        for blocks, found in zip(self._blocks, peers, strict=True):
            for what, others in found:
                blocks.add(mine, others, what)
        self.certain = self.certain and _equal(*peers)

    def _share(self, judge: Judge, host: str, path: str, ends: list[int]) -> None:
        """An endpoint that shares its host: others by the network, its neighbours over the loopback."""
        here = self._places.of[host]
        mine = np.array(ends, np.int64)
        neighbours = np.array(sorted(at for one in here.values() for at in one), np.int64)
        peers = [
            [(what, np.setdiff1d(others, neighbours, assume_unique=True)) for what, others in found]
            for found in self._peers(judge, path)
        ]
        self._put(mine, peers)
        for other, theirs in here.items():
            self._put(mine, self._locally(judge, path, other, np.array(theirs, np.int64)))

    def _locally(self, judge: Judge, path: str, other: str, theirs: Ints) -> list[list[tuple[What, Ints]]]:
        if self._packet.state == "established":
            marks = frozenset({"0"})
        elif self._packet.direction == "in":
            marks = judge.marks(Packet("out", "new", other, loopback=True))
        else:
            marks = frozenset({"0"})
        found = [judge.passes(self._with(path, loopback=True, mark=mark)) for mark in sorted(marks)]
        least = found if len(found) == 1 else []
        return [
            [(what, np.intersect1d(ends, theirs)) for one in bound for what, ends in self._ends(one[at], at)]
            for at, bound in enumerate((found, least))
        ]

    def blocks(self, at: int) -> list[Block]:
        """The relation at most (0) or at least (1), from whoever opens the connection to the other end."""
        places = self._places
        fenced, lost = places.on(self._done), places.on(places.awaited - self._done)
        free = np.setdiff1d(places.inside, fenced)
        judged = np.union1d(fenced, lost)
        pairs = (
            *((free, places.named), (lost, places.strangers)),
            *((places.outside, places.inside), (places.strangers, judged)),
        )
        open_ = [Block(sources, targets, ANY[0]) for sources, targets in pairs]
        found = self._blocks[at].made() + open_
        # what comes in is stated by the end that it comes to; so are the answers that go out
        turned = (self._packet.direction == "in") == (self._packet.state == "new")
        return [Block(one.targets, one.sources, one.what) for one in found] if turned else found


class _Blocks:
    """Blocks by their peers: hosts that reach the same peers become one block."""

    def __init__(self) -> None:
        self._found: dict[tuple[bytes, What], tuple[Ints, list[Ints]]] = {}

    def add(self, mine: Ints, others: Ints, what: What) -> None:
        if len(mine) and len(others):
            self._found.setdefault((others.tobytes(), what), (others, []))[1].append(mine)

    def made(self) -> list[Block]:
        return [
            Block(np.unique(np.concatenate(mine)), others, what) for (_, what), (others, mine) in self._found.items()
        ]


def _equal(most: list[tuple[What, Ints]], least: list[tuple[What, Ints]]) -> bool:
    return len(most) == len(least) and all(
        a == b and len(x) == len(y) and bool((x == y).all()) for (a, x), (b, y) in zip(most, least, strict=True)
    )
