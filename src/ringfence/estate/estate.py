"""The estate: every fact, immutable, in columns.

Terms (entity ids and values) are interned once. Each predicate has one `Table` of equally long
arrays. A *row* names one fact for good: `predicate code << 32 | position in its table`; rows stay
valid when facts are added or taken away (`Estate.with_delta`), since tables only grow and
removed facts are marked dead.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from ringfence.errors import EstateError
from ringfence.estate.facts import NO_ATTRIBUTES, Fact, Scalar
from ringfence.estate.kinds import KINDS, PREDICATES, kind_of

Ints = NDArray[np.int32]
Rows = NDArray[np.int64]

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


class Table:
    """All facts of one predicate, as arrays of length n. `alive` is False where one was removed."""

    __slots__ = ("__dict__", "alive", "attributes", "object", "observed", "source", "subject")

    def __init__(
        self,
        subject: Ints,
        object: Ints,
        attributes: Ints,
        source: Ints,
        observed: NDArray[np.float64],
        alive: NDArray[np.bool_] | None = None,
    ) -> None:
        self.subject, self.object = subject, object
        self.attributes, self.source, self.observed = attributes, source, observed
        self.alive = alive

    def __len__(self) -> int:
        return len(self.subject)

    @property
    def count(self) -> int:
        """How many facts are alive."""
        return len(self) if self.alive is None else int(self.alive.sum())

    @cached_property
    def live(self) -> NDArray[np.int64]:
        """Positions of the facts that are alive."""
        return np.arange(len(self)) if self.alive is None else np.flatnonzero(self.alive)

    @cached_property
    def by_subject(self) -> tuple[Ints, NDArray[np.int64]]:
        """(sorted subjects, positions in that order), live facts only."""
        return _sorted(self.subject, self.live)

    @cached_property
    def by_object(self) -> tuple[Ints, NDArray[np.int64]]:
        """(sorted objects, positions in that order), live facts only."""
        return _sorted(self.object, self.live)


def _sorted(column: Ints, live: NDArray[np.int64]) -> tuple[Ints, NDArray[np.int64]]:
    keys = column[live]
    order = np.argsort(keys, kind="stable")
    return keys[order], live[order]


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

    def about(self, subject: str, predicate: str) -> Iterator[Fact]:
        """The living facts of one predicate about one subject."""
        table, term = self.table(predicate), self.terms.find(subject)
        keys, order = table.by_subject
        start, end = np.searchsorted(keys, [term, term + 1])
        for at in order[start:end]:
            yield self._fact(predicate, table, int(at))

    @cached_property
    def kinds(self) -> NDArray[np.int16]:
        """Per term the index of its kind in `KINDS`, -1 for values."""
        codes = {name: code for code, name in enumerate(KINDS)}
        return np.fromiter((codes.get(kind_of(term), -1) for term in self.terms.values), np.int16, len(self.terms))

    @cached_property
    def entities(self) -> NDArray[np.int64]:
        """Term codes of all entities that some living fact mentions, ascending."""
        seen = np.zeros(len(self.terms), np.bool_)
        for table in self.tables.values():
            seen[table.subject[table.live]] = True
            seen[table.object[table.live]] = True
        return np.flatnonzero(seen & (self.kinds[: len(seen)] >= 0))

    def __contains__(self, entity: str) -> bool:
        return self.terms.find(entity) >= 0

    def __len__(self) -> int:
        """How many facts."""
        return sum(table.count for table in self.tables.values())


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
        name = fact.predicate
        columns = self._columns.get(name)
        if columns is None:
            if name not in PREDICATES:
                raise EstateError(
                    f"no predicate is called {name!r}", "the table is PREDICATES in ringfence/estate/kinds.py"
                )
            columns = self._columns[name] = ([], [], [], [], [])
            self._seen[name] = set()
        attributes = self._attributes.code(_ENCODE(fact.attributes).decode()) if fact.attributes else 0
        key = (
            self._terms.code(fact.subject),
            self._terms.code(fact.object),
            attributes,
            self._sources.code(fact.source),
        )
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
