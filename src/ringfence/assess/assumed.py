"""Passes that rest on what was assumed: a host that nobody captured takes over the facts of one of its class.

Collecting marks such facts by the attribute `assumed` and by a source of that name (`collect/coverage.py`). A pass on
them is one as long as the sample holds for its class, so it is counted apart from those that were measured. An
assumption may open a finding, for unknown is not safe; it closes none that was measured.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ringfence.assess.judge import Judged
from ringfence.estate.estate import PREDICATE_NAME, Estate, Rows
from ringfence.estate.facts import Fact
from ringfence.estate.table import Table

MARK = "assumed"
_TEXT = f'"{MARK}":true'


def is_assumed(fact: Fact) -> bool:
    """Whether collecting took it over from another host."""
    return fact.source == MARK or fact.attributes.get(MARK) is True


def all_measured(facts: Iterable[Fact]) -> bool:
    """Whether none of them is an assumption."""
    return not any(map(is_assumed, facts))


def measured(estate: Estate) -> Estate:
    """The estate without what is assumed; the same where nothing is."""
    assumed = Assumed(estate)
    tables = {name: _without(table, assumed.of(table, np.arange(len(table)))) for name, table in estate.tables.items()}
    if all(tables[name] is table for name, table in estate.tables.items()):
        return estate
    return Estate(estate.terms, estate.attribute_texts, estate.sources, tables, estate.salt)


def _without(table: Table, gone: NDArray[np.bool_]) -> Table:
    if not gone.any():
        return table
    alive = ~gone if table.alive is None else table.alive & ~gone
    return Table(table.subject, table.object, table.attributes, table.source, table.observed, alive)


class Assumed:
    """What one estate assumes."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._source = estate.sources.find(MARK)
        texts = estate.attribute_texts.values
        self._attributes = np.array([code for code, text in enumerate(texts) if _TEXT in text], np.int32)

    def passes(self, judged: Judged) -> NDArray[np.bool_]:
        """Per subject of a check whether it passes, and at least one fact that this rests on is assumed."""
        found = np.zeros(len(judged.subjects), np.bool_)
        if self._source < 0 and not len(self._attributes):
            return found
        for when, first, every in zip(judged.check.rests, judged.resting, judged.covering, strict=True):
            terms, columns = every if when.every else first[:2]
            for column in columns:
                found |= np.isin(judged.subjects, terms[self._marked(column)])
        return found & ~judged.failed & (judged.missing < 0)

    def of(self, table: Table, at: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the facts at these places of a table are assumed."""
        told = table.source[at] == self._source if self._source >= 0 else np.zeros(len(at), np.bool_)
        marked: NDArray[np.bool_] = told | np.isin(table.attributes[at], self._attributes)
        return marked

    def _marked(self, rows: Rows) -> NDArray[np.bool_]:
        """Which of these facts, all of one predicate, are assumed."""
        if not len(rows):
            return np.zeros(0, np.bool_)
        return self.of(self._estate.table(PREDICATE_NAME[int(rows[0]) >> 32]), rows & 0xFFFFFFFF)
