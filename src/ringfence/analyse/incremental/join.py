"""New instances of moves from new facts: the plans, run by nested loops over chains of facts."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ringfence.analyse.incremental.arrays import roomy
from ringfence.analyse.incremental.plans import Plans
from ringfence.analyse.incremental.store import FactStore, find_slot
from ringfence.analyse.match import agrees
from ringfence.analyse.reach.adjacency import Ints
from ringfence.analyse.reach.jit import kernel
from ringfence.estate.estate import Estate

_FIRST = 4_096


class Joiner:
    """Runs plans. Keeps which attribute records and terms meet which condition."""

    def __init__(self, plans: Plans) -> None:
        self.plans = plans
        self._where = np.zeros((0, max(1, len(plans.conditions.wheres))), np.bool_)
        self._begins = np.zeros((0, max(1, len(plans.conditions.prefixes))), np.bool_)
        self._any_prefix = tuple(prefix for prefixes in plans.conditions.prefixes for prefix in prefixes)
        self._wheres = self._terms = 0
        self._because: Ints = np.zeros((_FIRST, 8), np.int32)
        self._ends = np.zeros((_FIRST, 4), np.int64)
        self._plan: Ints = np.zeros(_FIRST, np.int32)

    def run(self, estate: Estate, store: FactStore, begin: int, end: int) -> tuple[Ints, NDArray[np.int64], Ints]:
        """Instances with at least one of the facts numbered begin … end - 1.

        (plan of each, [three starts, target] as positions with -1 where unused, the facts it rests on by atom).
        """
        self.learn(estate)
        jobs = self._jobs(store, begin, end)
        while True:
            found = _join(
                jobs,
                self.plans.plan,
                self.plans.step,
                self.plans.differ,
                store.fact,
                store.following,
                store.alive,
                store.keys,
                store.heads,
                self._where,
                self._begins,
                begin,
                self._plan,
                self._ends,
                self._because,
            )
            if found <= len(self._plan):
                return self._plan[:found].copy(), self._ends[:found].copy(), self._because[:found].copy()
            self._plan, self._ends = roomy(self._plan, found), roomy(self._ends, found)
            self._because = roomy(self._because, found)

    def _jobs(self, store: FactStore, begin: int, end: int) -> Ints:
        """(plan, first fact, last + 1): new facts lie predicate by predicate."""
        predicates = store.fact[begin:end, 0]
        edges = [0, *(np.flatnonzero(np.diff(predicates)) + 1).tolist(), end - begin] if end > begin else [0]
        jobs = [
            (plan, begin + one, begin + other)
            for one, other in pairwise(edges)
            for plan in self.plans.by_predicate.get(int(predicates[one]), ())
        ]
        return np.array(jobs, np.int32).reshape(-1, 3)

    def learn(self, estate: Estate) -> None:
        """Test the attribute records and terms that are new since the last run."""
        records = len(estate.attribute_texts)
        self._where = roomy(self._where, records)
        having = _by_name(estate, range(self._wheres, records))
        for at, where in enumerate(self.plans.conditions.wheres):
            codes = min((having.get(name, []) for name in where), key=len)
            self._where[[code for code in codes if agrees(estate, where, code)], at] = True
        terms = estate.terms.values
        count = len(terms)
        self._begins = roomy(self._begins, count)
        prefixes = self.plans.conditions.prefixes
        for code in range(self._terms, count):
            if terms[code].startswith(self._any_prefix):
                self._begins[code] = [terms[code].startswith(prefix) for prefix in prefixes]
        self._wheres, self._terms = records, count


def _by_name(estate: Estate, records: range) -> dict[str, list[int]]:
    """The attribute records that have an attribute of each name."""
    found: dict[str, list[int]] = {}
    for code in records:
        for name in estate.attributes_of(code):
            found.setdefault(name, []).append(code)
    return found


# Kernels index whole arrays: a view of one row would be counted in and out at every use.


@kernel
def _meets(
    steps: Ints, step: int, facts: Ints, at: int, bound: Ints, where: NDArray[np.bool_], begins: NDArray[np.bool_]
) -> bool:
    """Whether a fact fits a step under the variables bound so far; binds those that the step frees."""
    for side in range(2):
        kind, arg, term = steps[step, 3 + 2 * side], steps[step, 4 + 2 * side], facts[at, 1 + side]
        if kind == 1 and bound[arg] != term:
            return False
        if kind == 2 and arg != term:
            return False
        if steps[step, 8 + side] >= 0 and not begins[term, steps[step, 8 + side]]:
            return False
    if steps[step, 10] == 1 and facts[at, 1] != facts[at, 2]:
        return False
    if steps[step, 7] >= 0 and not where[facts[at, 3], steps[step, 7]]:
        return False
    for side in range(2):
        if steps[step, 3 + 2 * side] == 0:
            bound[steps[step, 4 + 2 * side]] = facts[at, 1 + side]
    return True


@kernel
def _head(steps: Ints, step: int, keys: NDArray[np.int64], heads: Ints, bound: Ints) -> np.int64:
    """The first fact of the chain that a step follows."""
    side, term = np.int64(steps[step, 2]), np.int64(0)
    if side < 2:
        arg = steps[step, 4 + 2 * side]
        term = np.int64(bound[arg] if steps[step, 3 + 2 * side] == 1 else arg)
    at = find_slot(keys, np.int64(steps[step, 1]), side, term)
    return np.int64(heads[at]) if keys[at] != -1 else np.int64(-1)


@kernel
def _position(plans: Ints, number: int, column: int, bound: Ints) -> np.int64:
    if plans[number, column] == 3:
        return np.int64(-1)
    arg = plans[number, column + 1]
    term = bound[arg] if plans[number, column] == 1 else arg
    return np.int64(term) * 32 + np.int64(plans[number, column + 2])


@kernel
def _emit(
    plans: Ints,
    number: int,
    differ: Ints,
    bound: Ints,
    picked: Ints,
    at: int,
    plan: Ints,
    ends: NDArray[np.int64],
    because: Ints,
) -> int:
    """Write down one instance if there is room; 1, or 0 where it is none."""
    for pair in range(plans[number, 3], plans[number, 3] + plans[number, 4]):
        if bound[differ[pair, 0]] == bound[differ[pair, 1]]:
            return 0
    to = _position(plans, number, 17, bound)
    for slot in range(3):
        if _position(plans, number, 8 + 3 * slot, bound) == to:
            return 0
    if at < len(plan):
        plan[at] = number
        for slot in range(3):
            ends[at, slot] = _position(plans, number, 8 + 3 * slot, bound)
        ends[at, 3] = to
        for slot in range(8):
            because[at, slot] = picked[slot]
    return 1


@kernel
def _join(
    jobs: Ints,
    plans: Ints,
    steps: Ints,
    differ: Ints,
    fact: Ints,
    following: Ints,
    alive: NDArray[np.bool_],
    keys: NDArray[np.int64],
    heads: Ints,
    where: NDArray[np.bool_],
    begins: NDArray[np.bool_],
    begin: int,
    plan: Ints,
    ends: NDArray[np.int64],
    because: Ints,
) -> int:
    """How many instances there are; as many as there is room for are written down."""
    found = 0
    bound, picked, cursor = np.zeros(16, np.int32), np.full(8, -1, np.int32), np.zeros(9, np.int64)
    for job in range(jobs.shape[0]):
        number = jobs[job, 0]
        first, count, delta = plans[number, 0], plans[number, 1], plans[number, 2]
        picked[:] = -1
        for new in range(jobs[job, 1], jobs[job, 2]):
            if not alive[new] or not _meets(steps, first, fact, new, bound, where, begins):
                continue
            picked[delta] = new
            if count == 1:
                found += _emit(plans, number, differ, bound, picked, found, plan, ends, because)
                continue
            depth = 1
            cursor[1] = _head(steps, first + 1, keys, heads, bound)
            while depth > 0:
                here = cursor[depth]
                if here < 0:
                    depth -= 1
                    continue
                step = first + depth
                cursor[depth] = following[here, steps[step, 2]]
                if not alive[here] or (steps[step, 0] < delta and here >= begin):
                    continue
                if not _meets(steps, step, fact, here, bound, where, begins):
                    continue
                picked[steps[step, 0]] = here
                if depth + 1 == count:
                    found += _emit(plans, number, differ, bound, picked, found, plan, ends, because)
                else:
                    depth += 1
                    cursor[depth] = _head(steps, first + depth, keys, heads, bound)
    return found
