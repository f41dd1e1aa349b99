"""Answers what compiled code leaves open, once for every distinct text.

(row, rule, question) ──by question──▶ texts of the rows ──distinct──▶ asker ──▶ answers
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfence.watch.sigma import code
from ringfence.watch.sigma.confirm import Tables
from ringfence.watch.sigma.memory import View

_KEPT, _SHORT = 4096, 1024
"""Answers that are remembered for one question, and the longest text whose answer is."""


class Outside:
    """The answers to a program's open questions, remembered."""

    def __init__(self, program: code.Program) -> None:
        self._program = program
        self._known: tuple[dict[str, bool], ...] = tuple({} for _ in program.askers)

    def answers(
        self, waiting: np.ndarray, tables: Tables, names: Mapping[str, int], views: Sequence[View]
    ) -> np.ndarray:
        """The answer to every (row, rule, question), as booleans."""
        asked = self._program.questions[waiting[:, 2], code.FROM]
        found = np.zeros(len(waiting), np.bool_)
        for one in np.unique(asked):
            places = np.flatnonzero(asked == one)
            rows = waiting[places, 0]
            field = self._program.asked_field[one]
            if field == code.KEYWORD:
                found[places] = self._of_events(int(one), rows, tables, views)
            else:
                columns = tables.columns[tables.spans[field] : tables.spans[field + 1]]
                found[places] = self._of_texts(int(one), _first([views[at] for at in columns], rows))
        return found

    def _of_events(self, asker: int, rows: np.ndarray, tables: Tables, views: Sequence[View]) -> np.ndarray:
        """A keyword: asked of the message, or where there is none of every text."""
        message, *others = (int(at) for at in tables.keyword)
        found = np.zeros(len(rows), np.bool_)
        without = np.arange(len(rows))
        if message < len(views):
            texts = _first([views[message]], rows)
            without = np.flatnonzero(pc.is_null(texts).to_numpy(zero_copy_only=False))
            found = self._of_texts(asker, texts)
        for at in others:
            if len(without):
                found[without] |= self._of_texts(asker, _first([views[at]], rows[without]))
        return found

    def _of_texts(self, asker: int, texts: pa.Array) -> np.ndarray:
        """The answers for some texts; no for null."""
        coded = texts.dictionary_encode()
        known = np.array([*self._told(asker, coded.dictionary), False], np.bool_)
        codes = coded.indices.fill_null(len(known) - 1).to_numpy(zero_copy_only=False)
        found: np.ndarray = known[codes]
        return found

    def _told(self, asker: int, distinct: pa.Array) -> list[bool]:
        ask, known = self._program.askers[asker], self._known[asker]
        told = []
        for raw in distinct.cast(pa.binary()).to_pylist():
            text = raw.decode("utf-8", "replace")
            answer = known.get(text)
            if answer is None:
                answer = bool(ask(text))
                if len(text) <= _SHORT:
                    if len(known) >= _KEPT:
                        known.clear()
                    known[text] = answer
            told.append(answer)
        return told


def _first(views: Sequence[View], rows: np.ndarray) -> pa.Array:
    """The text of each row in the first of the columns that is not null."""
    taken = [one.texts.take(pa.array(rows)) for one in views if one.texts is not None]
    if not taken:
        return pa.nulls(len(rows), pa.string())
    return taken[0] if len(taken) == 1 else pc.coalesce(*taken)
