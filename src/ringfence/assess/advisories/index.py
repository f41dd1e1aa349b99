"""product → installations' shelf → rows, so that a version costs a look at its own branch only.

advisories ─place, read─▶ Row ─▶ Index ─shelf(system, line, branch)─▶ rows by where their range ends
"""

from bisect import bisect_right
from collections.abc import Iterable

import msgspec

from ringfence.assess.advisories import ranges
from ringfence.assess.advisories.branches import Branches
from ringfence.assess.advisories.fixes import advised
from ringfence.assess.advisories.products import CONNECTX, DRIVER, Place, place
from ringfence.assess.advisories.ranges import Range
from ringfence.assess.advisories.row import Row
from ringfence.assess.advisories.tokens import Version
from ringfence.wire.advisory import Advisory, Named


class Shelf:
    """Rows of one product, system, line and branch. `above(version)` are those that may hold it."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = tuple(rows)
        plain: list[tuple[Version, int]] = []
        self.odd: list[Row] = []
        for at, row in enumerate(self.rows):
            spans = row.range.spans
            if spans and len(spans) == 1 and spans[0].high is not None and not spans[0].low and not row.range.condition:
                plain.append((spans[0].high, at))
            else:
                self.odd.append(row)
        plain.sort()
        self._ends = [end for end, _ in plain]
        self._sorted = [self.rows[at] for _, at in plain]

    def above(self, version: Version) -> list[Row]:
        """Plain rows (everything before a version) whose range holds this version."""
        return self._sorted[bisect_right(self._ends, version) :]


class Index:
    """All rows, by product. `unread` counts rows of ours whose range was not understood, `others` those of products
    that are not judged, by the product's name as it is written.
    """

    def __init__(self, advisories: Iterable[Advisory], records: Iterable[Advisory] = ()) -> None:
        self.rows: dict[str, list[Row]] = {}
        self.others: dict[str, int] = {}
        self._places: dict[Named, Place | None] = {}
        self._ranges: dict[str, Range] = {}
        for advisory in advisories:
            self._take(advisory, frozenset())
        said = frozenset((row.cve, product) for product, rows in self.rows.items() for row in rows if not row.doubt)
        for record in records:
            self._take(record, said)
        self.branches = Branches(self.rows.get(DRIVER, ()))
        if DRIVER in self.rows:
            self.rows[DRIVER] = [advised(row, self.branches) for row in self.rows[DRIVER]]
        parts: dict[tuple[str, ...], list[Row]] = {}
        for product, rows in self.rows.items():
            for row in rows:
                where = row.place
                parts.setdefault((product, where.system, where.line, where.branch), []).append(row)
        self._shelves = {key: Shelf(rows) for key, rows in parts.items()}

    def _take(self, advisory: Advisory, said: frozenset[tuple[str, str]]) -> None:
        """The rows of one advisory, but for flaws of products of which a better source spoke."""
        for flaw in advisory.flaws:
            fixed: dict[tuple[str, str], list[Named]] = {}
            for named in flaw.fixed:
                fixed.setdefault((named.platform, named.product), []).append(named)
            doubt = f"what {advisory.id} finds: it does not say whether these versions have the flaw"
            told = [*((named, "") for named in flaw.affected), *((named, doubt) for named in flaw.unclear)]
            for named, doubted in told:
                where = self._place(named)
                if where is None:
                    self.others[named.product] = self.others.get(named.product, 0) + 1
                elif (flaw.cve, where.product) not in said:
                    row = Row(
                        flaw.cve,
                        advisory.id,
                        advisory.released,
                        where,
                        self._range(where.product, named.version),
                        _first_fixed(fixed.get((named.platform, named.product), ())),
                        doubted,
                    )
                    self.rows.setdefault(where.product, []).append(row)

    def _place(self, named: Named) -> Place | None:
        """A name stands in many flaws of one advisory: looked up once."""
        if named not in self._places:
            self._places[named] = place(named)
        return self._places[named]

    def _range(self, product: str, text: str) -> Range:
        bare = text.replace("xx.", "") if product == CONNECTX else text
        if bare not in self._ranges:
            self._ranges[bare] = ranges.read(bare)
        return msgspec.structs.replace(self._ranges[bare], text=text)

    @property
    def foreign(self) -> int:
        """Rows about products that are not judged."""
        return sum(self.others.values())

    @property
    def unread(self) -> int:
        """Rows of ours whose range was not understood."""
        return sum(row.range.spans is None for rows in self.rows.values() for row in rows)

    def shelf(self, product: str, system: str = "", line: str = "", branch: str = "") -> Shelf:
        """Rows of exactly this system, line and branch."""
        return self._shelves.get((product, system, line, branch), _NONE)


def _first_fixed(fixed: Iterable[Named]) -> str:
    """The lowest of the versions named as fixed, as written."""
    ends = []
    for named in fixed:
        spans = ranges.read(named.version).spans
        ends += [(span.low, named.version) for span in spans or ()]
    return min(ends)[1] if ends else ""


_NONE = Shelf(())
