"""What is only assumed: a host that nobody captured takes over the facts of one of its class, told by this source.

An assumption may open a finding, for unknown is not safe. It closes none that was measured.
"""

from collections.abc import Iterable

import numpy as np

from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact
from ringfence.estate.table import Table

ASSUMED = "assumed"
"""The source of such facts, as collecting names it."""


def all_measured(facts: Iterable[Fact]) -> bool:
    """Whether none of them is an assumption."""
    return all(fact.source != ASSUMED for fact in facts)


def measured(estate: Estate) -> Estate:
    """The estate without what is assumed; the same where nothing is."""
    code = estate.sources.find(ASSUMED)
    if code < 0:
        return estate
    tables = {name: _without(table, code) for name, table in estate.tables.items()}
    return Estate(estate.terms, estate.attribute_texts, estate.sources, tables, estate.salt)


def _without(table: Table, source: int) -> Table:
    alive = table.source != source
    if alive.all():
        return table
    if table.alive is not None:
        alive &= table.alive
    return Table(table.subject, table.object, table.attributes, table.source, table.observed, np.asarray(alive))
