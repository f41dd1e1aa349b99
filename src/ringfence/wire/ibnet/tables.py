"""Partition tables as they were read from ports, and where to ask for them."""

from collections.abc import Iterable

import msgspec

from ringfence.wire.ibnet.partitions import Tables
from ringfence.wire.ibnet.values import DEFAULT_PKEY, FULL_BIT, Topology


class Place(msgspec.Struct, frozen=True):
    """Where the two tables of one end port are asked for: LID of the port; LID and port number of its leaf switch."""

    guid: int
    lid: int
    switch: int
    leaf_lid: int
    leaf_port: int


class Seen(msgspec.Struct, frozen=True):
    """The tables of one fabric: of the end ports and of the leaf ports they are cabled to, by the end port's GUID.

    `unread`: ports that are there and of which a table did not come, or did not come whole; `absent`: ports that
    were asked for and that the fabric does not show.
    """

    ends: Tables
    leaves: Tables
    unread: tuple[int, ...] = ()
    absent: tuple[int, ...] = ()

    def keys(self) -> frozenset[int]:
        """The 15-bit keys that some table holds, the default one left out."""
        sides = (held for side in (self.ends, self.leaves) for held in side.values())
        return frozenset(key for held in sides for key in held) - {DEFAULT_PKEY}


def table(keys: Iterable[int]) -> dict[int, str]:
    """16-bit entries → 15-bit key → full or limited. A key that is there as both counts as full."""
    held: dict[int, str] = {}
    for key in sorted(keys):
        if number := key & ~FULL_BIT:
            held[number] = "full" if key & FULL_BIT else "limited"
    return held


def places(topology: Topology) -> tuple[Place, ...]:
    """Each end port that is cabled to a switch, by GUID."""
    switches = {node.guid: node.lid for node in topology.nodes if node.kind == "switch"}
    found = {
        link.guid: Place(link.guid, link.lid, link.peer, switches[link.peer], link.peer_port)
        for node in topology.nodes
        if node.kind != "switch"
        for link in node.links
        if link.peer in switches and link.lid and switches[link.peer]
    }
    return tuple(place for _, place in sorted(found.items()))
