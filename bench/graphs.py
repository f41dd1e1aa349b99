"""Seeded synthetic attack graphs for the benches: 19 kinds of position, 39 kinds of edge, with hubs.

Nodes of a kind stand together, as positions do in a real estate. Nodes also belong to sites: edges
stay within a site, but for a few that lead to a later one. Inside a site control planes,
networks and shared storage close cycles, so that the shares of the sites set the sizes of the
strongly connected components.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]

KINDS: dict[str, float] = {
    "workstation": 0.02, "identity": 0.05, "credential": 0.06, "cluster": 0.0001, "host_user": 0.08,
    "host_root": 0.08, "bmc": 0.04, "service": 0.05, "gpu": 0.16, "nvlink": 0.01, "ibport": 0.10,
    "pkey": 0.0005, "partition": 0.0002, "job": 0.09, "container": 0.1092, "storage": 0.002,
    "image": 0.038, "dataset": 0.05, "model": 0.06,
}  # fmt: skip
"""Kind → share of the nodes."""

EDGES: tuple[tuple[str, str, float, str], ...] = (
    ("workstation", "identity", 1, "own"), ("workstation", "service", 2, "any"),
    ("workstation", "credential", 1, "own"),
    ("identity", "cluster", 1, "hub"), ("identity", "partition", 2, "hub"), ("identity", "host_user", 5, "hub"),
    ("identity", "dataset", 3, "any"), ("identity", "model", 2, "any"), ("credential", "identity", 2, "own"),
    ("credential", "host_root", 1, "hub"), ("cluster", "host_root", 1, "any"), ("partition", "host_user", 3, "any"),
    ("service", "host_user", 2, "own"), ("service", "credential", 1, "hub"), ("host_user", "host_root", 1, "own"),
    ("host_user", "gpu", 4, "own"), ("host_user", "storage", 2, "hub"), ("host_user", "service", 4, "any"),
    ("host_root", "host_user", 3, "own"), ("host_root", "gpu", 6, "own"), ("host_root", "ibport", 4, "own"),
    ("host_root", "job", 5, "own"), ("host_root", "container", 5, "own"), ("host_root", "bmc", 1, "own"),
    ("host_root", "credential", 3, "any"), ("bmc", "host_root", 2, "own"), ("gpu", "nvlink", 5, "own"),
    ("nvlink", "gpu", 6, "own"), ("gpu", "model", 5, "any"), ("ibport", "pkey", 5, "hub"), ("pkey", "ibport", 3, "any"),
    ("job", "host_user", 4, "own"), ("job", "identity", 3, "hub"), ("job", "gpu", 4, "own"),
    ("container", "image", 3, "hub"), ("container", "service", 3, "any"), ("storage", "dataset", 4, "any"),
    ("storage", "model", 4, "any"), ("dataset", "model", 3, "any"),
)  # fmt: skip
"""(from, to, weight, how the target is chosen): own = its own neighbourhood, hub = few get most, any = evenly."""

ONE_GREAT_SITE = (0.93, 0.03, 0.015, 0.01, 0.005, 0.005, 0.005)
MANY_SITES = (0.18, 0.16, 0.14, 0.12, 0.1, 0.08, 0.07, 0.06, 0.05, 0.04)
_ELSEWHERE = 0.02


class Drawn(msgspec.Struct, frozen=True):
    """A graph as an edge list in no order, and its jewels. `second` is another start of each AND edge, else -1."""

    nodes: int
    source: Ints
    target: Ints
    second: Ints
    jewels: NDArray[np.int64]


def draw(nodes: int, edges: int, jewels: int, seed: int, sites: tuple[float, ...], and_share: float = 0.0) -> Drawn:
    """The graph of these sizes; the same for the same arguments."""
    random = np.random.default_rng(seed)
    bounds = np.floor(np.cumsum([0.0, *KINDS.values()]) / sum(KINDS.values()) * nodes).astype(np.int64)
    block = {kind: (bounds[at], bounds[at + 1]) for at, kind in enumerate(KINDS)}
    weights = np.array([edge[2] for edge in EDGES])
    counts = np.floor(np.cumsum([0.0, *weights]) / weights.sum() * edges).astype(np.int64)
    source, target = np.empty(edges, np.int32), np.empty(edges, np.int32)
    cuts = np.cumsum([0.0, *sites])
    for (one, other, _, how), begin, end in zip(EDGES, counts[:-1], counts[1:], strict=True):
        source[begin:end], target[begin:end] = _edges(random, block[one], block[other], how, int(end - begin), cuts)
    second = np.full(edges, -1, np.int32)
    if and_share:
        chosen = np.flatnonzero(random.random(edges) < and_share)
        second[chosen] = random.integers(*block["identity"], len(chosen))
    low, high = block["dataset"][0], block["model"][1]
    return Drawn(nodes, source, target, second, np.sort(random.choice(np.arange(low, high), jewels, replace=False)))


def _edges(
    random: np.random.Generator,
    one: tuple[int, int],
    other: tuple[int, int],
    how: str,
    count: int,
    cuts: NDArray[np.float64],
) -> tuple[Ints, Ints]:
    site = np.searchsorted(cuts, random.random(count), "right") - 1
    site = np.minimum(site, len(cuts) - 2)
    later = np.minimum(site + random.integers(1, len(cuts), count), len(cuts) - 2)
    site_to = np.where(random.random(count) < _ELSEWHERE, later, site)
    here, share = random.random(count), random.random(count)
    if how == "hub":
        share = share**4
    if how == "own":
        share = np.clip(here + (share - 0.5) * 1e-4, 0, 1 - 1e-9)
    return _node(cuts, site, here, one), _node(cuts, site_to, share, other)


def _node(
    cuts: NDArray[np.float64], site: NDArray[np.int64], share: NDArray[np.float64], block: tuple[int, int]
) -> Ints:
    """The node at `share` (0 … 1) of the part of a kind's block that belongs to the site."""
    bounds = block[0] + np.round(cuts / cuts[-1] * (block[1] - block[0])).astype(np.int64)
    size = np.maximum(bounds[site + 1] - bounds[site], 1)
    node: Ints = np.minimum(bounds[site] + (share * size).astype(np.int64), block[1] - 1).astype(np.int32)
    return node
