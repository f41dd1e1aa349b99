"""Sets of whole numbers as sorted, disjoint, non-adjacent intervals; both ends belong to them.

Ports and addresses are both such sets. Every function takes and gives canonical tuples, so equality of sets is
equality of values.
"""

from collections.abc import Iterable
from itertools import pairwise

Interval = tuple[int, int]
Intervals = tuple[Interval, ...]


def union(*sets: Iterable[Interval]) -> Intervals:
    """Everything in any of them; also the way to make intervals in any order canonical."""
    done: list[Interval] = []
    for low, high in sorted(one for each in sets for one in each if one[0] <= one[1]):
        if done and low <= done[-1][1] + 1:
            if high > done[-1][1]:
                done[-1] = (done[-1][0], high)
        else:
            done.append((low, high))
    return tuple(done)


def intersection(first: Intervals, second: Intervals) -> Intervals:
    """What is in both."""
    done: list[Interval] = []
    at = other = 0
    while at < len(first) and other < len(second):
        low, high = max(first[at][0], second[other][0]), min(first[at][1], second[other][1])
        if low <= high:
            done.append((low, high))
        if first[at][1] < second[other][1]:
            at += 1
        else:
            other += 1
    return tuple(done)


def difference(first: Intervals, second: Intervals) -> Intervals:
    """What is in the first only."""
    done: list[Interval] = []
    at = 0
    for low, high in first:
        while at < len(second) and second[at][1] < low:
            at += 1
        cut = at
        while cut < len(second) and second[cut][0] <= high:
            if low < second[cut][0]:
                done.append((low, second[cut][0] - 1))
            low = second[cut][1] + 1
            cut += 1
        if low <= high:
            done.append((low, high))
    return tuple(done)


def partition(whole: Interval, blocks: Iterable[Interval]) -> Intervals:
    """`whole` cut at both ends of every block: the fewest intervals of which each block is a union."""
    cuts = {whole[0], whole[1] + 1}
    for low, high in blocks:
        cuts.update((max(low, whole[0]), min(high, whole[1]) + 1))
    edges = sorted(cut for cut in cuts if whole[0] <= cut <= whole[1] + 1)
    return tuple((low, after - 1) for low, after in pairwise(edges))
