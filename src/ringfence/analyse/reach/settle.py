"""Exact answers where the two bounds differ.

A position's exact reach is its lower bound plus whatever AND edges add. Which AND edges it can fire
depends only on *which starts of AND edges it reaches by OR edges*: its signature. So one sweep
with those starts as targets gives every position's signature, positions with equal signatures share
one answer, and for each different signature a small fixpoint over the AND edges alone is run: an
edge whose starts are all in the signature fires, and adds the signature and the jewels of its target.

Where the signatures would not fit in memory the AND/OR fixpoint runs on the whole graph, for 512
positions at once, one bit for each.
"""

from dataclasses import dataclass, replace
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.reach.adjacency import Ints
from ringfence.analyse.reach.bounds import Bounds
from ringfence.analyse.reach.jit import kernel
from ringfence.analyse.reach.sweep import Sets, Words, sweep_rows

_BLOCK = 512
_CHUNK = 64
MOST_BYTES = 1 << 30


@dataclass(frozen=True, eq=False)
class _Ands:
    """The AND edges between components of the lower graph, each kind once.

    `conditions`: components that some AND edge starts from; `start` (int32[k, 3]) indexes them, -1 where
    unused; `targets`: components that some AND edge leads to, `to` (int32[k]) indexes those.
    """

    conditions: Ints
    start: Ints
    targets: Ints
    to: Ints


def settle(bounds: Bounds, seconds: float = 2.0, most_bytes: int = MOST_BYTES) -> Bounds:
    """Decide the pairs on which the bounds differ, exactly, until `seconds` are spent.

    What stays undecided keeps its old bounds. `most_bytes` limits the table of signatures.
    """
    open_rows = bounds.undecided()
    if not len(open_rows):
        return bounds
    deadline = monotonic() + seconds
    component = bounds.tight.component
    sources = np.unique(component[open_rows])
    ands = _ands(bounds)
    words = -(-len(ands.conditions) // _BLOCK) * 8
    if (len(sources) + len(ands.targets)) * words * 8 <= most_bytes:
        gains, done = _by_signature(bounds, ands, sources, words, deadline)
    else:
        gains, done = _by_fixpoint(bounds, sources, deadline)
    member = np.zeros(bounds.tight.count, np.int64)
    member[component] = np.arange(len(component))
    lower = bounds.lower.expand()[member]
    upper = bounds.upper.expand()[member]
    lower[sources[done]] |= gains[done]
    upper[sources[done]] = lower[sources[done]]
    jewels = len(bounds.jewels)
    return replace(bounds, lower=Sets(component, lower, jewels), upper=Sets(component, upper, jewels))


def _ands(bounds: Bounds) -> _Ands:
    graph, component = bounds.graph, bounds.tight.component
    edges = graph.and_edges[~bounds.left_out[graph.and_edges]]
    start = np.where(graph.start[edges] >= 0, component[graph.start[edges]], -1)
    rows = np.unique(np.column_stack([np.sort(start, axis=1), component[graph.to[edges]]]), axis=0)
    conditions = np.unique(rows[:, :3][rows[:, :3] >= 0])
    targets = np.unique(rows[:, 3])
    at = np.where(rows[:, :3] >= 0, np.searchsorted(conditions, rows[:, :3]), -1)
    return _Ands(conditions, at.astype(np.int32), targets, np.searchsorted(targets, rows[:, 3]).astype(np.int32))


def _by_signature(
    bounds: Bounds, ands: _Ands, sources: Ints, words: int, deadline: float
) -> tuple[Words, NDArray[np.bool_]]:
    """(jewels gained by each source component, whether it was answered)."""
    signatures = np.zeros((len(sources), words), np.uint64)
    adds = np.zeros((len(ands.targets), words), np.uint64)
    for begin in range(0, len(ands.conditions), _BLOCK):
        rows = sweep_rows(bounds.tight, ands.conditions[begin : begin + _BLOCK], 8)
        signatures[:, begin // 64 : begin // 64 + 8] = rows[sources]
        adds[:, begin // 64 : begin // 64 + 8] = rows[ands.targets]
    chosen, same = _distinct(signatures)
    first_node = np.zeros(bounds.tight.count, np.int64)
    first_node[bounds.tight.component] = np.arange(len(bounds.tight.component))
    given = bounds.lower.expand()[first_node[ands.targets]]
    gains = np.zeros((len(chosen), given.shape[1]), np.uint64)
    answered = 0
    while answered < len(chosen):
        here = slice(answered, answered + _CHUNK)
        _fire(ands.start, ands.to, signatures[chosen[here]], adds, given, gains[here])
        answered = min(answered + _CHUNK, len(chosen))
        if monotonic() > deadline:
            break
    return gains[same], same < answered


def _distinct(rows: Words) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(one index of each different row, for every row which of those it equals)."""
    mixed = np.zeros(len(rows), np.uint64)
    for column in rows.T:
        mixed = (mixed ^ column) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    _, chosen, same = np.unique(mixed, return_index=True, return_inverse=True)
    if np.array_equal(rows[chosen[same]], rows):
        return chosen, same
    _, chosen, same = np.unique(rows, axis=0, return_index=True, return_inverse=True)  # two rows mixed to one number
    return chosen, same.reshape(-1)


@kernel
def _fire(start: Ints, to: Ints, held: Words, adds: Words, given: Words, gains: Words) -> None:
    """For each signature in `held`: fire AND edges until none is left to fire; jewels go to `gains`."""
    done = np.full(len(adds), -1, np.int32)
    for row in range(len(held)):
        more = True
        while more:
            more = False
            for edge in range(len(to)):
                target = to[edge]
                if done[target] == row:
                    continue
                fires = True
                for slot in range(3):
                    at = start[edge, slot]
                    if at >= 0 and (held[row, at >> 6] >> np.uint64(at & 63)) & np.uint64(1) == 0:
                        fires = False
                if fires:
                    done[target] = row
                    more = True
                    for word in range(held.shape[1]):
                        held[row, word] |= adds[target, word]
                    for word in range(gains.shape[1]):
                        gains[row, word] |= given[target, word]


def _by_fixpoint(bounds: Bounds, sources: Ints, deadline: float) -> tuple[Words, NDArray[np.bool_]]:
    """The same answer from the whole graph, 512 components at a time."""
    graph, component = bounds.graph, bounds.tight.component
    node = np.zeros(bounds.tight.count, np.int32)
    node[component] = np.arange(len(component))
    need = graph.need.copy()
    need[bounds.left_out] = 0
    gains = np.zeros((len(sources), bounds.lower.rows.shape[1]), np.uint64)
    done = np.zeros(len(sources), np.bool_)
    for begin in range(0, len(sources), _BLOCK):
        here = slice(begin, begin + _BLOCK)
        block = node[sources[here]]
        found = _fixpoint_of_many(
            *graph.forward, graph.start, graph.to, need, bounds.loose.component, *bounds.loose.members, block
        )
        for jewel, at in enumerate(bounds.jewels.tolist()):
            if at >= 0:
                bits = np.unpackbits(found[at].view(np.uint8), bitorder="little")[: len(block)].astype(np.uint64)
                gains[here, jewel // 64] |= bits << np.uint64(jewel % 64)
        done[here] = True
        if monotonic() > deadline:
            break
    return gains, done


@kernel
def _fixpoint_of_many(  # noqa: C901 - one loop, kept whole for speed
    first: Ints,
    incident: Ints,
    start: Ints,
    to: Ints,
    need: NDArray[np.int8],
    component: Ints,
    member_first: Ints,
    members: Ints,
    sources: Ints,
) -> Words:
    """uint64[n, 8]: bit i of a position's row says that sources[i] alone reaches it, AND edges obeyed.

    Bits never mix, so that 512 fixpoints run in one. Edges lead to components of equal or lower
    number: components are taken from the top, each repeated until it is still. need 0: edge unused.
    """
    n = len(component)
    rows = np.zeros((n, 8), np.uint64)
    waiting = np.zeros(n, np.bool_)
    for i in range(len(sources)):
        rows[sources[i], i // 64] |= np.uint64(1) << np.uint64(i % 64)
        waiting[sources[i]] = True
    stack = np.empty(n, np.int32)
    for c in range(len(member_first) - 3, -1, -1):
        size = 0
        for at in range(member_first[c], member_first[c + 1]):
            if waiting[members[at]]:
                stack[size] = members[at]
                size += 1
        while size > 0:
            size -= 1
            v = stack[size]
            waiting[v] = False
            for k in range(first[v], first[v + 1]):
                edge = incident[k]
                if need[edge] == 0:
                    continue
                w = to[edge]
                grew = False
                for word in range(8):
                    bits = rows[v, word]
                    if need[edge] > 1:
                        for slot in range(start.shape[1]):
                            if start[edge, slot] >= 0:
                                bits &= rows[start[edge, slot], word]
                    if bits & ~rows[w, word] != 0:
                        rows[w, word] |= bits
                        grew = True
                if grew and not waiting[w]:
                    waiting[w] = True
                    if component[w] == c:
                        stack[size] = w
                        size += 1
    return rows
