"""Passes that rest on what was assumed: a host that nobody captured takes over the facts of one of its class.

Collecting marks such facts by the attribute `assumed` and by a source of that name (`collect/coverage.py`). A pass on
them is one as long as the sample holds for its class, so it is counted apart from those that were measured.
"""

import numpy as np
from numpy.typing import NDArray

from ringfence.assess.judge import Judged
from ringfence.estate.estate import PREDICATE_NAME, Estate, Rows
from ringfence.estate.facts import Fact

MARK = "assumed"
_TEXT = f'"{MARK}":true'


def is_assumed(fact: Fact) -> bool:
    """Whether collecting took it over from another host."""
    return fact.source == MARK or fact.attributes.get(MARK) is True


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

    def _marked(self, rows: Rows) -> NDArray[np.bool_]:
        """Which of these facts, all of one predicate, are assumed."""
        if not len(rows):
            return np.zeros(0, np.bool_)
        table, at = self._estate.table(PREDICATE_NAME[int(rows[0]) >> 32]), rows & 0xFFFFFFFF
        told = table.source[at] == self._source if self._source >= 0 else np.zeros(len(at), np.bool_)
        marked: NDArray[np.bool_] = told | np.isin(table.attributes[at], self._attributes)
        return marked
