"""Which jobs use an entity: whom a cut there would disturb."""

import numpy as np
from numpy.typing import NDArray

from ringfence.estate.estate import PREDICATE_NAME, Estate
from ringfence.estate.kinds import KINDS

_JOB = list(KINDS).index("job")

_VIA: tuple[tuple[str, ...], ...] = (
    ("runs_on",),
    ("runs_as",),
    ("uses_gpu",),
    ("uses_imex",),
    ("uses_image",),
    ("reads",),
    ("writes",),
    ("mounts",),
    ("in_cluster",),
    ("in_tenant",),
    ("runs_on", "mounts"),
    ("runs_on", "has_port"),
    ("runs_on", "has_port", "in_pkey"),
    ("runs_on", "in_partition"),
    ("runs_on", "attached_to"),
    ("uses_gpu", "nvlink_member"),
    ("uses_imex", "imex_of"),
    ("runs_on", "uses_imex"),
    ("runs_on", "uses_imex", "imex_of"),
    ("runs_as", "member_of"),
    ("in_namespace",),
    ("reads", "stored_on"),
    ("writes", "stored_on"),
    ("uses_image", "pulled_from"),
)
"""Chains of predicates from a job to what it needs."""


def jobs_of(estate: Estate, entities: NDArray[np.int64]) -> dict[int, set[int]]:
    """Per entity (term codes) the jobs (term codes) that use it, through any chain of `_VIA`.

    Walked backwards, so that the cost is that of the entities asked about.
    """
    wanted = entities.astype(np.int32)
    found: dict[int, set[int]] = {int(term): set() for term in wanted}
    for chain in _VIA:
        root, node = wanted, wanted
        for predicate in reversed(chain):
            table = estate.table(predicate)
            keys, order = table.by_object
            first = np.searchsorted(keys, node, "left")
            counts = np.searchsorted(keys, node, "right") - first
            offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            root = np.repeat(root, counts)
            node = table.subject[order[np.repeat(first, counts) + offset]]
        jobs = estate.kinds[node] == _JOB
        for term, job in set(zip(root[jobs].tolist(), node[jobs].tolist(), strict=True)):
            found[term].add(job)
    own = {int(term) for term in wanted if estate.kinds[term] == _JOB}
    for term in own:
        found[term].add(term)
    return found


def jobs_in_rows(estate: Estate, rows: NDArray[np.int64]) -> set[int]:
    """The jobs that these facts speak of; -1 among the rows is passed over."""
    rows = np.unique(rows[rows >= 0])
    found: set[int] = set()
    for code in np.unique(rows >> 32):
        table = estate.table(PREDICATE_NAME[code])
        at = rows[rows >> 32 == code] & 0xFFFFFFFF
        for ends in (table.subject[at], table.object[at]):
            found.update(ends[estate.kinds[ends] == _JOB].tolist())
    return found
