"""Choke points: dominators and minimum cuts equal brute force, and a cut saves what it claims."""

import random
from itertools import combinations

import numpy as np
import pytest
from scipy.sparse import csr_array

from ringfence.analyse import choke


def random_network(seed, n=9):
    """A random digraph as (arcs, csr) with root 0."""
    draw = random.Random(seed)
    arcs = sorted({(draw.randrange(n), draw.randrange(n)) for _ in range(draw.randint(6, 24))})
    arcs = [(tail, head) for tail, head in arcs if tail != head]
    tails, heads = zip(*arcs, strict=True)
    return arcs, csr_array((np.ones(len(arcs), np.int32), (tails, heads)), shape=(n, n))


def reached(arcs, root, without=()):
    """Everything reached from root when some nodes are gone."""
    seen = {root} - set(without)
    grown = True
    while grown:
        new = {head for tail, head in arcs if tail in seen and head not in seen and head not in without}
        seen |= new
        grown = bool(new)
    return seen


@pytest.mark.parametrize("seed", range(200))
def test_a_node_dominates_what_cannot_be_reached_without_it(seed):
    """The dominator tree's ancestors are exactly the nodes that every way passes."""
    arcs, network = random_network(seed)
    idom = choke._dominators(network.indptr.astype(np.int32), network.indices.astype(np.int32), 0)
    for node in range(9):
        if node not in reached(arcs, 0):
            assert idom[node] == -1
            continue
        above, at = set(), node
        while at != 0:
            at = int(idom[at])
            above.add(at)
        every = {cut for cut in range(9) if cut != node and node not in reached(arcs, 0, {cut})}
        assert above - {0} == every - {0}


@pytest.mark.parametrize("seed", range(200))
def test_the_minimum_cut_is_a_cut_and_none_is_smaller(seed):
    """Removing it parts the root from the jewels; no smaller set does."""
    arcs, network = random_network(seed)
    jewels = np.array([7, 8])
    if not reached(arcs, 0) & {7, 8} or {(0, 7), (0, 8)} & set(arcs):
        return
    found = choke._minimum_cut(network, 0, jewels)
    assert not reached(arcs, 0, found) & {7, 8}
    for size in range(len(found)):
        for cut in combinations(range(1, 7), size):
            assert reached(arcs, 0, cut) & {7, 8}
