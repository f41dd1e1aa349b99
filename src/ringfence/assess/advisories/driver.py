"""GPU drivers: a fix for each release branch that still gets one.

A bulletin that names the driver's branch decides by its range. One that does not may mean three things, and only
other bulletins tell which: it is of a time before the branch; the branch was looked at and does not have the flaw (it
is named again later); or nobody looks at it any more, for newer branches are named from then on and this one is not.
"""

from collections.abc import Iterator
from itertools import accumulate

import msgspec

from ringfence.assess.advisories.branches import Issue
from ringfence.assess.advisories.index import Index
from ringfence.assess.advisories.products import DRIVER, numbering
from ringfence.assess.advisories.tokens import Version, installed
from ringfence.assess.advisories.verdict import Install, Judged, Said, Verdict, not_judged, worst


def judge(index: Index, install: Install) -> Judged:
    """The verdicts on a driver in a version, on a system, for a product line; for all lines if it is not known."""
    if not install.version:
        return not_judged("driver version")
    version = installed(install.version)
    numbered = numbering(install.system, install.line)
    issues = index.branches.issues.get(numbered, ())
    lines = sorted({line for issue in issues for line in issue.flaws})
    asked = [line for line in lines if line == install.line or line.startswith(f"{install.line},")] or lines
    if not version:
        return not_judged(f"the version {install.version} is not one that the bulletins use")
    if not lines or (install.line and asked is lines):
        return not_judged(f"a bulletin about {install.line or 'GPU drivers'} on {install.system}")
    branch = index.branches.of(numbered, version)
    if branch is None:
        return not_judged(f"the release branch of driver {install.version}")
    if branch > max(issue.newest for issue in issues):
        return not_judged(f"a bulletin that names R{branch}: newer than all that are known")
    by_line = [worst(_said(index, install.system, line, issues, branch, version)) for line in asked]
    return Judged(by_line[0] if len(asked) == 1 else _agreed(by_line, _missing(install.line)), answered=True)


def _agreed(by_line: list[tuple[Said, ...]], missing: str) -> tuple[Said, ...]:
    """One verdict for each flaw where all lines give it; else the line is the missing fact."""
    maps = [{one.cve: one for one in said} for said in by_line]
    agreed = []
    for one in worst(each for said in by_line for each in said):
        verdicts = {said[one.cve].verdict if one.cve in said else Verdict.FIXED for said in maps}
        unknown = msgspec.structs.replace(one, verdict=Verdict.UNKNOWN, missing=missing, gives="")
        agreed.append(one if len(verdicts) == 1 else unknown)
    return tuple(agreed)


LINE = "the product line of its GPU (GeForce, RTX, Tesla)"
RELEASE = "whether its vGPU release is the data centre's or the gaming one (a setting, vgpu-release=vgpu or gaming)"


def _missing(line: str) -> str:
    return RELEASE if line else LINE


def _said(
    index: Index, system: str, line: str, issues: tuple[Issue, ...], branch: int, version: Version
) -> Iterator[Said]:
    shelf = index.shelf(DRIVER, system, line, str(branch))
    above = {id(row) for row in shelf.above(version)}
    rows: dict[tuple[str, str], list[Said]] = {}
    for row in shelf.rows:
        if row.range.spans is None:
            verdict, missing = Verdict.UNKNOWN, f"what the range means: {row.range.text}"
        else:
            hit = id(row) in above or row.range.holds(version)
            there = Verdict.UNKNOWN if row.doubt else Verdict.AFFECTED
            verdict, missing = (there, row.doubt) if hit else (Verdict.FIXED, "")
        one = Said(row.cve, verdict, row.advisory, row.range.text, row.fixed, missing, row.note)
        rows.setdefault((row.advisory, row.cve), []).append(one)
    known = _Naming(issues, line, branch)
    for at, issue in enumerate(issues):
        for cve in issue.flaws.get(line, ()):
            named = rows.get((issue.advisory, cve))
            if named is not None:
                yield from named
            else:
                yield _unnamed(cve, at, issue, known)


class _Naming:
    """When the bulletins of a system name a branch: one look at each of them."""

    def __init__(self, issues: tuple[Issue, ...], line: str, branch: int) -> None:
        self.line, self.branch = line, branch
        self.first = next((at for at, one in enumerate(issues) if branch in one.every), len(issues))
        """The first bulletin that names it for any line."""
        named = [at for at, one in enumerate(issues) if branch in one.branches.get(line, ())]
        self.last = named[-1] if named else -1
        """The last bulletin that names it for this line."""
        tops = [max(one.branches.get(line, (0,))) for one in issues]
        self.top_from = list(accumulate(reversed(tops), max))[::-1]
        """The newest branch of this line that a bulletin or a later one names."""


def _unnamed(cve: str, at: int, issue: Issue, known: _Naming) -> Said:
    """A flaw whose bulletin, the `at`th, does not name the branch for it."""
    branch = known.branch
    if branch in issue.branches.get(known.line, ()):
        return Said(cve, Verdict.FIXED, issue.advisory, because=f"it names R{branch} for other flaws, not for this one")
    if branch > issue.newest and known.first > at:
        return Said(cve, Verdict.FIXED, issue.advisory, because=f"R{branch} is newer than all that it names")
    if known.last > at:
        return Said(cve, Verdict.FIXED, issue.advisory, because=f"R{branch} is named again later, and not here")
    if known.top_from[at] > branch:
        why = f"newer branches are named, R{branch} is not, here or later: nobody looks at it any more"
        return Said(cve, Verdict.UNSUPPORTED, issue.advisory, because=why)
    return Said(cve, Verdict.UNKNOWN, issue.advisory, missing=f"whether {issue.advisory} concerns R{branch}")
