"""NetworkPolicy (networking.k8s.io/v1): default deny in every fenced namespace, and what each compartment is allowed.

NetworkPolicies only ever add: whoever may write them in a namespace can open its pods to everyone. `admin` and
`cluster` write the tiers that keep namespace owners from that.
"""

from collections.abc import Iterable, Iterator

import msgspec

from ringfence.segment.compile.kubernetes.cells import Cell, Cells, Json
from ringfence.segment.compile.kubernetes.rules import (
    allowed,
    blocks,
    every_port,
    low,
    manifest,
    pod_networks,
    speaks,
)
from ringfence.segment.what import What

VERSION, KIND = "networking.k8s.io/v1", "NetworkPolicy"
DENY = "ringfence-default-deny"
_BOTH = ("Ingress", "Egress")
_GROUPS = "ringfence.io/groups"
_ENCODE = msgspec.json.Encoder().encode


def policies(cells: Cells) -> Iterator[Json]:
    """Every NetworkPolicy of a cluster, by namespace and name."""
    peers = Peers(cells)
    for namespace, here in cells.by_namespace.items():
        yield manifest(VERSION, KIND, DENY, {"podSelector": {}, "policyTypes": _BOTH}, namespace)
        for cell in here:
            if cell.groups:
                about = {_GROUPS: " ".join(cell.groups)[:1000]}
                yield manifest(VERSION, KIND, name_of(cell), specification(cells, cell, peers), namespace, about)


def name_of(cell: Cell) -> str:
    """The name of the policy of a cell."""
    return f"ringfence-{cell.value or 'unlabelled'}"


def specification(cells: Cells, cell: Cell, peers: "Peers") -> Json:
    """What a cell may accept and open; the same for its first and its secondary networks."""
    return {
        "podSelector": cell.selector,
        "policyTypes": _BOTH,
        "ingress": list(_rules(cells, cell, peers, inward=True)),
        "egress": list(_rules(cells, cell, peers, inward=False)),
    }


def _rules(cells: Cells, cell: Cell, peers: "Peers", *, inward: bool) -> Iterator[Json]:
    by_peers: dict[tuple[str, ...], list[What]] = {}
    for kind, groups in allowed(cells, cell.groups, inward).items():
        if speaks(kind):
            by_peers.setdefault(tuple(groups), []).append(kind)
    for names, kinds in by_peers.items():
        others = [peer for group in names for peer in peers.of(group)]
        if others:  # an empty list would mean everyone
            rule: dict[str, object] = {"from" if inward else "to": others}
            yield rule if any(kind.protocol == "any" for kind in kinds) else {**rule, "ports": list(_ports(kinds))}


def _ports(kinds: Iterable[What]) -> Iterator[Json]:
    for kind in kinds:
        port: dict[str, object] = {"protocol": kind.protocol.upper()}
        if not every_port(kind):
            port["port"] = low(kind)
            if kind.high > low(kind):
                port["endPort"] = kind.high
        yield port


class Peers:
    """The peers of each group, encoded once; blocks spare the addresses of pods, which labels select."""

    def __init__(self, cells: Cells) -> None:
        self._cells = cells
        self._known: dict[str, list[msgspec.Raw]] = {}
        self._pods = pod_networks(cells)

    def of(self, group: str) -> list[msgspec.Raw]:
        """The peers that together are this group."""
        if group not in self._known:
            self._known[group] = [msgspec.Raw(_ENCODE(one)) for one in self._peers(group)]
        return self._known[group]

    def _peers(self, group: str) -> Iterator[Json]:
        for namespaces, pods in self._cells.selectors(group):
            yield {"namespaceSelector": namespaces, "podSelector": pods}
        for block in dict.fromkeys(blocks(self._cells, group)):
            spared = [str(one) for one in self._pods if one.subnet_of(block) and one != block]
            yield {"ipBlock": {"cidr": str(block), **({"except": spared} if spared else {})}}
