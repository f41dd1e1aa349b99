"""Targets compiled and proven side by side, one process a processor: they have nothing to do with one another.

The processes are forked, so that the policy and the inventory are there already; what comes back are artefacts and
verdicts. A program with threads is not forked (a lock that another thread holds would never be given back), and a
small estate is not worth it.
"""

import gc
import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor

from ringfence.app.fence.design import METERED, Design
from ringfence.segment.model import Compiled, Proof

LARGE = 500_000
"""Facts from which on forking pays."""

_Worked = tuple[Compiled, dict[str, Proof]]
_design: Design | None = None


def work_out(design: Design, large: int = LARGE) -> Design:
    """The same design, its artefacts and proofs worked out, if it is `large` (in facts) and no thread runs."""
    if len(design.estate) < large or threading.active_count() > 1 or len(os.sched_getaffinity(0)) < 2:
        return design
    _ = design.policy, design.inventory
    found = _forked(design)
    design.__dict__["compiled"] = {name: found[name][0] for name in design.targets}
    design.__dict__["proofs"] = {name: proof for one in design.targets for name, proof in found[one][1].items()}
    return design


def _forked(design: Design) -> dict[str, _Worked]:
    global _design
    _design = design
    order = sorted(design.targets, key=lambda name: name != METERED)  # the longest first
    context = multiprocessing.get_context("fork")
    gc.freeze()  # a collection in a child would touch, and so copy, all that it shares with us
    try:
        with ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=context) as pool:
            return dict(zip(order, pool.map(_one, order), strict=True))
    finally:
        gc.unfreeze()
        _design = None


def _one(target: str) -> _Worked:
    assert _design is not None
    alone = _design.with_policy(_design.policy, (target,))
    return alone.compiled[target], alone.proofs
