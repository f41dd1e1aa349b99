"""How other libraries answer "which nodes reach this jewel?", each the way its own manual suggests.

A peer is given the edge list, builds what it needs, and returns (ask, close): `ask(jewel)` gives the
numbers of all nodes that reach it, in any order.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bench.graphs import Drawn
from ringfence.analyse.reach.jit import kernel

Nodes = NDArray[np.int64]
Peer = Callable[[Drawn], tuple[Callable[[int], Nodes], Callable[[], None]]]


def scipy_csgraph(drawn: Drawn) -> tuple[Callable[[int], Nodes], Callable[[], None]]:
    """`breadth_first_order` on the transposed CSR matrix."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import breadth_first_order

    ones = np.ones(len(drawn.source), np.int8)
    back = csr_matrix((ones, (drawn.target, drawn.source)), shape=(drawn.nodes, drawn.nodes))

    def ask(jewel: int) -> Nodes:
        order: Nodes = breadth_first_order(back, jewel, return_predecessors=False).astype(np.int64)
        return order

    return ask, lambda: None


def igraph_graph(drawn: Drawn) -> tuple[Callable[[int], Nodes], Callable[[], None]]:
    """`Graph.subcomponent(mode="in")`."""
    import igraph

    graph = igraph.Graph(n=drawn.nodes, edges=np.column_stack([drawn.source, drawn.target]), directed=True)
    return lambda jewel: np.array(graph.subcomponent(jewel, mode="in"), np.int64), lambda: None


def duckdb_query(drawn: Drawn, threads: int = 1) -> tuple[Callable[[int], Nodes], Callable[[], None]]:
    """A recursive query over a table of edges, on one core like ours; `threads` 0: on as many as it likes."""
    import duckdb

    base = duckdb.connect(config={"threads": threads} if threads else {})
    base.register("drawn", {"source": drawn.source, "target": drawn.target})
    base.execute("create table edge as select source, target from drawn")

    def ask(jewel: int) -> Nodes:
        answer = base.execute(
            "with recursive seen(node) as (select ?::integer union "
            "select edge.source from edge join seen on edge.target = seen.node) select node from seen",
            [jewel],
        ).fetchnumpy()["node"]
        nodes: Nodes = np.asarray(answer, np.int64)
        return nodes

    return ask, base.close


PEERS: dict[str, Peer] = {
    "scipy": scipy_csgraph,
    "igraph": igraph_graph,
    "duckdb": duckdb_query,
    "duckdb_all_cores": partial(duckdb_query, threads=0),
}


@kernel
def stream(values: NDArray[np.uint64]) -> np.uint64:
    """Read every word once, in order: the bandwidth that one core has."""
    total = np.uint64(0)
    for value in values:
        total ^= value
    return total
