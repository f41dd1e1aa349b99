"""The hot loop: likeliest ways in an AND/OR graph whose edges arrive in layers.

Knuth's generalisation of Dijkstra's algorithm over costs −log p: an edge costs its own and all of
its starts'. Edges only ever arrive, so costs only fall: each layer goes on from the last. Most moves
are work's own and cost nothing: what they lead to is as near as where they start, and waits in `near`, not in the heap.
"""

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.reach.jit import kernel

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
_LITTLE = 1e-12


@kernel
def likeliest(  # noqa: C901 - one loop, kept whole for speed
    first: Ints,
    incident: Ints,
    start: Ints,
    to: Ints,
    cost: Floats,
    layer: Ints,
    arriving: Ints,
    begins: Ints,
    footholds: Ints,
    targets: Ints,
) -> tuple[Floats, NDArray[np.bool_]]:
    """(per layer and target the cost of its likeliest way, which edges are on such a way in some layer).

    `layer` per edge: when it arrives, 0 first; `arriving[begins[k]:begins[k + 1]]` are those of layer k + 1; what
    arrives after the last layer never does. `first`, `incident`: edges by start.
    """
    n = len(first) - 2
    layers = len(begins)
    best = np.full(n, np.inf)
    parent = np.full(n, -1, np.int32)
    heap = np.empty(n, np.int32)
    place = np.full(n, -1, np.int32)
    near = np.empty(n, np.int32)
    waiting = 0
    found = np.full((layers, len(targets)), np.inf)
    used = np.zeros(len(to), np.bool_)
    stamp = np.full(n, -1, np.int32)
    stack = np.empty(n + 1, np.int32)
    size = 0
    for v in footholds:
        if place[v] < 0:
            best[v] = 0.0
            heap[size] = v
            place[v] = size
            size += 1
    for now in range(layers):
        if now > 0:
            for k in range(begins[now - 1], begins[now]):
                edge = arriving[k]
                total = cost[edge]
                for slot in range(start.shape[1]):
                    if start[edge, slot] >= 0:
                        total += best[start[edge, slot]]
                w = to[edge]
                if total < best[w] - _LITTLE:
                    best[w] = total
                    parent[w] = edge
                    at = place[w]
                    if at < 0:
                        at = size
                        size += 1
                    while at > 0 and best[heap[(at - 1) // 2]] > total:
                        heap[at] = heap[(at - 1) // 2]
                        place[heap[at]] = at
                        at = (at - 1) // 2
                    heap[at] = w
                    place[w] = at
        while size > 0 or waiting > 0:
            if waiting > 0:
                waiting -= 1
                v = near[waiting]
            else:
                v = heap[0]
                size -= 1
                place[v] = -1
                if size > 0:
                    last = heap[size]
                    at = 0
                    while True:
                        child = 2 * at + 1
                        if child >= size:
                            break
                        if child + 1 < size and best[heap[child + 1]] < best[heap[child]]:
                            child += 1
                        if best[heap[child]] >= best[last]:
                            break
                        heap[at] = heap[child]
                        place[heap[at]] = at
                        at = child
                    heap[at] = last
                    place[last] = at
            for k in range(first[v], first[v + 1]):
                edge = incident[k]
                if layer[edge] > now:
                    continue
                total = cost[edge]
                for slot in range(start.shape[1]):
                    if start[edge, slot] >= 0:
                        total += best[start[edge, slot]]
                w = to[edge]
                if total < best[w] - _LITTLE:
                    best[w] = total
                    parent[w] = edge
                    at = place[w]
                    if at < 0 and total <= best[v]:
                        near[waiting] = w
                        waiting += 1
                        continue
                    if at < 0:
                        at = size
                        size += 1
                    while at > 0 and best[heap[(at - 1) // 2]] > total:
                        heap[at] = heap[(at - 1) // 2]
                        place[heap[at]] = at
                        at = (at - 1) // 2
                    heap[at] = w
                    place[w] = at
        depth = 0
        for k in range(len(targets)):
            found[now, k] = best[targets[k]]
            if best[targets[k]] < np.inf and stamp[targets[k]] != now:
                stamp[targets[k]] = now
                stack[depth] = targets[k]
                depth += 1
        while depth > 0:
            depth -= 1
            edge = parent[stack[depth]]
            if edge < 0:
                continue
            used[edge] = True
            for slot in range(start.shape[1]):
                v = start[edge, slot]
                if v >= 0 and stamp[v] != now:
                    stamp[v] = now
                    stack[depth] = v
                    depth += 1
    return found, used


@kernel
def insiders(
    first: Ints,
    incident: Ints,
    start: Ints,
    to: Ints,
    allowed: NDArray[np.bool_],
    footholds: Ints,
    targets: Ints,
) -> NDArray[np.bool_]:
    """Per foothold and target, whether the foothold alone reaches it along allowed edges."""
    n = len(first) - 2
    stamp = np.full(n, -1, np.int32)
    queue = np.empty(n, np.int32)
    found = np.zeros((len(footholds), len(targets)), np.bool_)
    for one in range(len(footholds)):
        stamp[footholds[one]] = one
        queue[0] = footholds[one]
        filled, at = 1, 0
        while at < filled:
            v = queue[at]
            at += 1
            for k in range(first[v], first[v + 1]):
                edge = incident[k]
                w = to[edge]
                if not allowed[edge] or stamp[w] == one:
                    continue
                held = True
                for slot in range(start.shape[1]):
                    if start[edge, slot] >= 0 and stamp[start[edge, slot]] != one:
                        held = False
                if held:
                    stamp[w] = one
                    queue[filled] = w
                    filled += 1
        for k in range(len(targets)):
            found[one, k] = stamp[targets[k]] == one
    return found
