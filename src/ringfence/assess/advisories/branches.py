"""Release branches of the GPU driver: which bulletins name which, and which of them a version belongs to.

On Linux a driver's first number is its branch. On Windows a branch runs over several (R535 has 535 to 539): how far,
is taken from the versions that the bulletins themselves name.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping

import msgspec

from ringfence.assess.advisories.products import numbering
from ringfence.assess.advisories.row import Row
from ringfence.assess.advisories.tokens import Version


class Issue(msgspec.Struct, frozen=True):
    """One bulletin about a system's drivers. `flaws`: line → the CVEs that it names for any branch of it."""

    advisory: str
    released: str
    flaws: Mapping[str, tuple[str, ...]]
    branches: Mapping[str, frozenset[int]]
    """Line → the branches that it names."""
    every: frozenset[int]
    """The branches that it names for any line."""
    newest: int


class Branches:
    """Per system, and per system of vGPUs (`products.numbering`), the bulletins in the order of their days."""

    def __init__(self, rows: Iterable[Row]) -> None:
        grouped: dict[str, dict[tuple[str, str], list[Row]]] = {}
        tops: dict[str, dict[int, int]] = {}
        for row in rows:
            of = numbering(row.place.system, row.place.line)
            grouped.setdefault(of, {}).setdefault((row.released, row.advisory), []).append(row)
            top = tops.setdefault(of, {})
            branch = int(row.place.branch)
            ends = [span.high[0] for span in row.range.spans or () if span.high]
            top[branch] = max([top.get(branch, branch), *ends])
        self.issues: dict[str, tuple[Issue, ...]] = {
            system: tuple(_issue(*when, found) for when, found in sorted(issues.items()))
            for system, issues in grouped.items()
        }
        self._tops = {system: sorted(top.items()) for system, top in tops.items()}

    def named(self, system: str) -> frozenset[int]:
        """The branches that a system's bulletins name."""
        return frozenset(branch for branch, _ in self._tops.get(system, ()))

    def of(self, system: str, version: Version) -> int | None:
        """The branch of a version, or None where the bulletins do not tell."""
        if not system.startswith("windows"):
            return version[0]
        tops = self._tops.get(system, [])
        at = bisect_right(tops, (version[0], 1 << 62)) - 1
        if at < 0:
            return version[0]
        branch, top = tops[at]
        return branch if version[0] <= top else version[0] if at == len(tops) - 1 else None


def _issue(released: str, advisory: str, rows: list[Row]) -> Issue:
    flaws: dict[str, dict[str, None]] = {}
    branches: dict[str, set[int]] = {}
    for row in rows:
        flaws.setdefault(row.place.line, {})[row.cve] = None
        branches.setdefault(row.place.line, set()).add(int(row.place.branch))
    return Issue(
        advisory,
        released,
        {line: tuple(cves) for line, cves in flaws.items()},
        {line: frozenset(found) for line, found in branches.items()},
        frozenset[int]().union(*branches.values()),
        max(map(max, branches.values())),
    )
