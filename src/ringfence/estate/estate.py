"""The estate: every fact, immutable, in columns.

Terms (entity ids and values) are interned once. Each predicate has one `Table` of equally long
arrays. A *row* names one fact for good: `predicate code << 32 | position in its table`; rows stay
valid when facts are added or taken away (`Estate.with_delta`), since tables only grow and
removed facts are marked dead.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.errors import EstateError
from ringfence.estate.facts import NO_ATTRIBUTES, Fact, Scalar
from ringfence.estate.kinds import KINDS, PREDICATES, kind_of
from ringfence.estate.table import Table

__all__ = ["Estate", "EstateBuilder", "Interned", "Rows", "Table", "estate_of", "rows_of"]

Rows = NDArray[np.int64]

_Key = tuple[int, int, int, int]

PREDICATE_CODE = {name: code for code, name in enumerate(PREDICATES)}
PREDICATE_NAME = tuple(PREDICATES)
_SHIFT = 32


class Interned:
    """Strings and their codes. Append-only, so that codes handed out stay true."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self.values = list(values)

    @cached_property
    def codes(self) -> dict[str, int]:
        return {value: code for code, value in enumerate(self.values)}

    def code(self, value: str) -> int:
        """The code of `value`, given a new one if need be."""
        code = self.codes.get(value)
        if code is None:
            code = self.codes[value] = len(self.values)
            self.values.append(value)
        return code

    def find(self, value: str) -> int:
        """The code of `value`, or -1."""
        return self.codes.get(value, -1)

    def __len__(self) -> int:
        return len(self.values)


class Estate:
    """Everything known about one or several clusters at one time.

    Make one with `EstateBuilder`, or read one with `ringfence.store.saved`.
    """

    def __init__(
        self,
        terms: Interned,
        attributes: Interned,
        sources: Interned,
        tables: Mapping[str, Table],
        salt: bytes = b"",
    ) -> None:
        self.terms, self.sources = terms, sources
        self._attributes = attributes
        self.tables = tables
        self.salt = salt
        self._decoded: dict[int, Mapping[str, Scalar]] = {0: NO_ATTRIBUTES}
        self._kinds_before = np.zeros(0, np.int16)

    def table(self, predicate: str) -> Table:
        """The facts of one predicate; empty if nothing was said."""
        return self.tables.get(predicate, _EMPTY)

    def attributes_of(self, code: int) -> Mapping[str, Scalar]:
        """The attributes behind an attribute code."""
        known = self._decoded.get(code)
        if known is None:
            known = self._decoded[code] = msgspec.json.decode(self._attributes.values[code])
        return known

    @property
    def attribute_texts(self) -> Interned:
        """The interned attribute records, as JSON text with sorted keys."""
        return self._attributes

    def fact(self, row: int) -> Fact:
        """The fact that a row names."""
        name = PREDICATE_NAME[row >> _SHIFT]
        return self._fact(name, self.tables[name], row & 0xFFFFFFFF)

    def _fact(self, name: str, table: Table, at: int) -> Fact:
        return Fact(
            self.terms.values[table.subject[at]],
            name,
            self.terms.values[table.object[at]],
            self.attributes_of(int(table.attributes[at])),
            self.sources.values[table.source[at]],
            float(table.observed[at]),
        )

    def facts(self, *predicates: str) -> Iterator[Fact]:
        """Every living fact, of the predicates named or of all."""
        for name in predicates or tuple(self.tables):
            table = self.table(name)
            for at in table.live:
                yield self._fact(name, table, int(at))

    def told_by(self, source: str, *predicates: str) -> Iterator[Fact]:
        """The living facts of some predicates that one source told."""
        code = self.sources.find(source)
        for name in predicates:
            table = self.table(name)
            for at in table.live[table.source[table.live] == code]:
                yield self._fact(name, table, int(at))

    def saying(self, predicate: str, wanted: Callable[[str], bool]) -> Iterator[Fact]:
        """The living facts of one predicate whose object is wanted; each object that there is is asked about once."""
        table = self.table(predicate)
        here = table.object[table.live]
        objects = np.unique(here)
        chosen = [term for term in objects.tolist() if wanted(self.terms.values[term])]
        for at in table.live[np.isin(here, chosen)]:
            yield self._fact(predicate, table, int(at))

    def about(self, subject: str, predicate: str) -> Iterator[Fact]:
        """The living facts of one predicate about one subject."""
        table, term = self.table(predicate), self.terms.find(subject)
        for at in table.find("subject", np.array([term], np.int32))[1]:
            yield self._fact(predicate, table, int(at))

    @cached_property
    def kinds(self) -> NDArray[np.int16]:
        """Per term the index of its kind in `KINDS`, -1 for values."""
        codes = {name: code for code, name in enumerate(KINDS)}
        known = self._kinds_before
        more = self.terms.values[len(known) :]
        return np.concatenate(
            [known, np.fromiter((codes.get(kind_of(term), -1) for term in more), np.int16, len(more))]
        )

    @cached_property
    def entities(self) -> NDArray[np.int64]:
        """Term codes of all entities that some living fact mentions, ascending."""
        kinds = self.kinds  # its length is the estate's own: other versions may have added terms since
        seen = np.zeros(len(kinds), np.bool_)
        for table in self.tables.values():
            seen[table.subject[table.live]] = True
            seen[table.object[table.live]] = True
        return np.flatnonzero(seen & (kinds >= 0))

    def with_delta(self, added: Iterable[Fact] = (), removed: Iterable[Fact] = ()) -> "Estate":
        """A new estate without `removed` and with `added`; see `changed`."""
        return self.changed(added, removed)[0]

    def changed(self, added: Iterable[Fact] = (), removed: Iterable[Fact] = ()) -> tuple["Estate", Rows, Rows]:
        """(new estate, rows added, rows removed). This one stays as it is; both share what did not change.

        A fact is removed where subject, predicate, object, attributes and source agree (the time need
        not); one that is not there is ignored, as is an added one that is. What is both removed and
        added stays, under its old row.
        """
        gains, losses = self._coded(added), self._coded(removed)
        tables = dict(self.tables)
        new_rows, old_rows = [], []
        for name in dict.fromkeys([*gains, *losses]):
            table = self.table(name)
            gain, loss = gains.get(name, {}), losses.get(name, {})
            here = _present(table, {**gain, **loss})
            dead = np.array(sorted(here[key] for key in loss if key in here and key not in gain), np.int64)
            fresh = {key: when for key, when in gain.items() if key not in here}
            if not len(dead) and not fresh:
                continue
            codes = np.array(list(fresh), np.int32).reshape(-1, 4)
            columns = (*codes.T, np.fromiter(fresh.values(), np.float64, len(fresh)))
            tables[name] = table.changed(columns, dead)
            new_rows.append(rows_of(name, np.arange(len(table), len(table) + len(fresh))))
            old_rows.append(rows_of(name, dead))
        estate = Estate(self.terms, self._attributes, self.sources, tables, self.salt)
        estate._decoded = self._decoded
        estate._kinds_before = self.__dict__.get("kinds", self._kinds_before)
        none = np.zeros(0, np.int64)
        return estate, np.concatenate([none, *new_rows]), np.concatenate([none, *old_rows])

    def _coded(self, facts: Iterable[Fact]) -> dict[str, dict[_Key, float]]:
        """Per predicate, each fact's key and time. Raises `EstateError` for an unknown predicate."""
        coded: dict[str, dict[_Key, float]] = {}
        for fact in facts:
            key = _key(fact, self.terms, self._attributes, self.sources)
            coded.setdefault(fact.predicate, {}).setdefault(key, fact.observed_at)
        return coded

    def __contains__(self, entity: str) -> bool:
        return self.terms.find(entity) >= 0

    def __len__(self) -> int:
        """How many facts."""
        return sum(table.count for table in self.tables.values())


def _key(fact: Fact, terms: Interned, attributes: Interned, sources: Interned) -> _Key:
    """What makes a fact the same fact: codes of subject, object, attributes and source."""
    if fact.predicate not in PREDICATES:
        raise EstateError(
            f"no predicate is called {fact.predicate!r}", "the table is PREDICATES in ringfence/estate/kinds.py"
        )
    return (
        terms.code(fact.subject),
        terms.code(fact.object),
        attributes.code(_ENCODE(fact.attributes).decode()) if fact.attributes else 0,
        sources.code(fact.source),
    )


def _present(table: Table, keys: Iterable[_Key]) -> dict[_Key, int]:
    """Where in the table those of the keys stand that are there and alive."""
    wanted = set(keys)
    if not wanted or not len(table):
        return {}
    columns = np.array(list(wanted), np.int32).reshape(-1, 4)
    at = table.find("subject", np.unique(columns[:, 0]))[1]
    if len(at) > 4 * len(columns) + 64:  # a hub has many facts on one side: look from the other
        at = min(at, table.find("object", np.unique(columns[:, 1]))[1], key=len)
    parts = (table.subject[at], table.object[at], table.attributes[at], table.source[at])
    found = zip(zip(*(part.tolist() for part in parts), strict=True), at.tolist(), strict=True)
    return {key: place for key, place in found if key in wanted}


def rows_of(predicate: str, at: NDArray[np.int64]) -> Rows:
    """The rows of positions `at` in the table of `predicate`."""
    return (np.int64(PREDICATE_CODE[predicate]) << np.int64(_SHIFT)) | at.astype(np.int64)


_EMPTY = Table(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))


class EstateBuilder:
    """Takes facts one by one and hands out an `Estate`.

    The same fact said twice by one source is kept once, the earlier observation winning; said by
    two sources it is kept twice, because each is evidence of its own.
    """

    def __init__(self, salt: bytes = b"") -> None:
        self._terms, self._attributes, self._sources = Interned(), Interned(["{}"]), Interned([""])
        self._columns: dict[str, tuple[list[int], list[int], list[int], list[int], list[float]]] = {}
        self._seen: dict[str, set[tuple[int, int, int, int]]] = {}
        self._salt = salt

    def add(self, fact: Fact) -> None:
        """Take one fact. Raises `EstateError` where its predicate does not exist."""
        key, name = _key(fact, self._terms, self._attributes, self._sources), fact.predicate
        columns = self._columns.get(name)
        if columns is None:
            columns = self._columns[name] = ([], [], [], [], [])
            self._seen[name] = set()
        seen = self._seen[name]
        if key in seen:
            return
        seen.add(key)
        for column, code in zip(columns[:4], key, strict=True):
            column.append(code)
        columns[4].append(fact.observed_at)

    def extend(self, facts: Iterable[Fact]) -> "EstateBuilder":
        for fact in facts:
            self.add(fact)
        return self

    def build(self) -> Estate:
        """The estate. The builder is used up."""
        tables = {
            name: Table(
                np.array(subject, np.int32),
                np.array(object_, np.int32),
                np.array(attributes, np.int32),
                np.array(source, np.int32),
                np.array(observed, np.float64),
            )
            for name, (subject, object_, attributes, source, observed) in self._columns.items()
        }
        return Estate(self._terms, self._attributes, self._sources, tables, self._salt)


_ENCODE = msgspec.json.Encoder(order="sorted").encode


def estate_of(facts: Iterable[Fact], salt: bytes = b"") -> Estate:
    """An estate of these facts."""
    return EstateBuilder(salt).extend(facts).build()
