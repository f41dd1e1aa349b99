"""Which rules hold of which events of a batch.

        Batch ──views──▶ addresses ──scan, one column at a time──▶ bits (row, rule)
                                                                    │ and the rules meant for the row's log source
                         Hits ◀── answers from outside ◀── confirm ◀┘

A matcher may be used by several threads at once; scanning and confirming hold no interpreter lock.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfence.watch.batch import Batch
from ringfence.watch.sigma import code, witness
from ringfence.watch.sigma.automaton import Automaton, build, scan
from ringfence.watch.sigma.confirm import Tables, confirm, resume
from ringfence.watch.sigma.memory import TEXT, WIDTH, View, view
from ringfence.watch.sigma.outside import Outside
from ringfence.watch.sigma.routing import Routing
from ringfence.watch.sigma.ruleset import Ruleset
from ringfence.wire.ocsf.columns import HEADER

BLOCK = 2048
"""Rows that are looked at together: their bits stay in the cache."""

_MESSAGE = "message"
_NO_VIEW = [0] * WIDTH
_SILENT = frozenset(HEADER) - {"device.hostname"}
"""Columns in which no keyword is looked for: they say where an event comes from, not what it says."""


class Hits(msgspec.Struct, frozen=True):
    """Row and rule of every hit, by row and then by rule; `rules` are places in `Ruleset.rules`. Both int32."""

    rows: np.ndarray
    rules: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


class _Watchers(msgspec.Struct, frozen=True):
    """What is looked for: by column, in every text, that a column is there, and always."""

    literals: Mapping[str, Sequence[tuple[bytes, int, int]]]
    anywhere: Sequence[tuple[bytes, int, int]]
    present: Mapping[str, np.ndarray]
    always: np.ndarray
    automata: dict[str, Automaton]

    def automaton(self, column: str) -> Automaton | None:
        """The automaton of a column, built when first asked for; None where nothing is looked for in it."""
        keyworded = bool(self.anywhere) and column not in _SILENT
        key = column if column in self.literals else ""
        if not key and not keyworded:
            return None
        found = self.automata.get(key)
        if found is None:
            found = build((*self.literals.get(key, ()), *(self.anywhere if keyworded else ())))
            self.automata[key] = found
        return found


class Matcher:
    """Matches batches against a set of rules.

    With `routed` a rule is asked only of events of its log source: each part that the rule names must be the event's.
    A part that an event does not tell agrees with no rule that names it; with `lenient` it agrees with all.
    """

    def __init__(self, ruleset: Ruleset, routed: bool = True, lenient: bool = False) -> None:
        self.ruleset = ruleset
        self._program = code.write(ruleset.rules)
        self._words = max(1, (len(ruleset.rules) + 63) // 64)
        self._routing = Routing(ruleset.rules, routed, lenient, self._words)
        self._outside = Outside(self._program)
        self._columns = tuple(dict.fromkeys(column for field in self._program.fields for column in field))
        self._keywords = bool((self._program.questions[:, code.FIELD_AT] == code.KEYWORD).any())
        self._sampled = False
        self._watchers = self._watch(witness.Habits())

    def match(self, batch: Batch) -> Hits:
        """The hits of a batch."""
        if not len(batch) or not self.ruleset.rules:
            return Hits(np.empty(0, np.int32), np.empty(0, np.int32))
        if not self._sampled and len(batch) >= BLOCK // 8:
            self.adapt(batch)
        names, views = self._views(batch)
        program, tables = self._program, self._tables(names, views)
        codes, allowed = self._routing.of(batch)
        bits = np.empty((min(BLOCK, len(batch)), self._words), np.uint64)
        out = np.empty((max(1 << 14, 4 * len(self.ruleset.rules)), 3), np.int32)
        found: list[np.ndarray] = []
        watchers = self._watchers
        for first in range(0, len(batch), BLOCK):
            here = bits[: min(BLOCK, len(batch) - first)]
            here[:] = watchers.always
            self._look(watchers, names, views, first, here)
            line = 0
            while line < len(here):
                count, line = confirm(tables.address, program.entries, here, codes, allowed, first, line, out)
                found.append(self._settled(out[:count].copy(), tables, names, views))
        pairs = np.concatenate(found)
        order = np.lexsort((pairs[:, 1], pairs[:, 0]))
        return Hits(pairs[order, 0], pairs[order, 1])

    def adapt(self, batch: Batch) -> None:
        """Choose the guards anew, by how often their literals stand in the events of this batch."""
        self._sampled = True
        step = max(1, len(batch) // witness.SAMPLE)
        rows = pa.array(np.arange(0, len(batch), step)[: witness.SAMPLE])
        names = [name for name in batch.names if name in self._columns or (self._keywords and name not in _SILENT)]
        samples: dict[str, pa.Array] = {}
        for name in names:
            seen = view(batch.record.column(name).take(rows), name, True)
            if seen.texts is not None:
                samples[name] = seen.texts
        self._watchers = self._watch(witness.learned(samples, len(rows)))

    def _watch(self, habits: witness.Habits) -> _Watchers:
        literals: dict[str, list[tuple[bytes, int, int]]] = {}
        anywhere: list[tuple[bytes, int, int]] = []
        present: dict[str, list[int]] = {}
        always: list[int] = []
        for rule, one in enumerate(self.ruleset.rules):
            guards = witness.guard(one.when, one.category, habits)
            if guards is None:
                always.append(rule)
            for guard in guards or ():
                if not guard.columns:
                    anywhere.append((guard.literal, guard.anchors, rule))
                for column in guard.columns:
                    if guard.literal:
                        literals.setdefault(column, []).append((guard.literal, guard.anchors, rule))
                    else:
                        present.setdefault(column, []).append(rule)
        masks = {column: witness.mask(rules, self._words) for column, rules in present.items()}
        return _Watchers(literals, anywhere, masks, witness.mask(always, self._words), {})

    def _views(self, batch: Batch) -> tuple[dict[str, int], list[View]]:
        """The columns of the batch that some rule reads, and where each stands."""
        names: dict[str, int] = {}
        views: list[View] = []
        for name in batch.names:
            read = name in self._columns
            array = batch.array(name)
            if array is None or not (read or (self._keywords and name not in _SILENT)):
                continue
            if array.null_count == len(array) or (not read and not _texty(array.type)):
                continue
            names[name] = len(views)
            views.append(view(array, name, name in self._program.texts))
        return names, views

    def _tables(self, names: Mapping[str, int], views: Sequence[View]) -> Tables:
        program = self._program
        table = np.array([*(one.row for one in views), _NO_VIEW], np.int64)
        lacking = len(views)
        columns = [[names[column] for column in field if column in names] for field in program.fields]
        spans = [0, *accumulate(map(len, columns))]
        texts = [at for name, at in names.items() if name not in _SILENT and name != _MESSAGE and table[at, 0] == TEXT]
        return Tables(
            program,
            table,
            np.array(spans, np.int32),
            np.array([at for field in columns for at in field] or [0], np.int32),
            np.array([names.get(_MESSAGE, lacking), *texts], np.int32),
        )

    def _look(
        self, watchers: _Watchers, names: Mapping[str, int], views: Sequence[View], first: int, bits: np.ndarray
    ) -> None:
        """Set the bits of the rules that something is found for."""
        for name, at in names.items():
            seen = views[at]
            found = watchers.automaton(name) if seen.texts is not None else None
            if found is not None:
                scan(seen.data, seen.offsets, first, bits, found)
            present = watchers.present.get(name)
            if present is not None and not seen.kept[0].null_count:
                bits |= present
            elif present is not None:
                valid = pc.is_valid(seen.kept[0].slice(first, len(bits))).to_numpy(zero_copy_only=False)
                bits[valid] |= present

    def _settled(
        self, pairs: np.ndarray, tables: Tables, names: Mapping[str, int], views: Sequence[View]
    ) -> np.ndarray:
        """The hits among what was found, after all that waited has its answers."""
        held = pairs[:, 2] == code.YES
        hits = [pairs[held, :2]]
        waiting = np.ascontiguousarray(pairs[~held])
        while len(waiting):
            resume(tables.address, waiting, self._outside.answers(waiting, tables, names, views))
            hits.append(waiting[waiting[:, 2] == code.YES, :2])
            waiting = np.ascontiguousarray(waiting[waiting[:, 2] >= 0])
        return np.concatenate(hits)


def _texty(type_: pa.DataType) -> bool:
    return not (pa.types.is_integer(type_) or pa.types.is_floating(type_))
