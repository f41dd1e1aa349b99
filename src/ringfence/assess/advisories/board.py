"""Firmware of HGX and DGX boards: the bundle and the controller that manages it (HMC), which bulletins count apart.

A bulletin on the HMC gives its version (`GB200 1.2`), or its build with the bundles that carry it in brackets
(`HGX-22.10-1-rc57 (1.3.0/1.3.1)`). Those on VBIOS and switches count in bundles.
"""

from collections.abc import Iterator

from ringfence.assess.advisories.row import Row
from ringfence.assess.advisories.verdict import Install, Said, Verdict

HMC = "hmc"
"""The line of what the HMC runs; a bundle has none."""

NO_MACHINE = "which machine it sits in: no GPU of it is known"


def concerns(row: Row, install: Install) -> bool:
    """Whether a row counts in what was installed: the HMC's own version, or the bundle's."""
    if not {*row.place.models} & {*install.models}:
        return False
    if install.line == HMC:
        return row.place.line == HMC
    return row.place.line != HMC or row.range.text.rstrip().endswith(")")


def by_build(rows: list[Row], install: Install) -> Iterator[Said]:
    """The verdicts on an HMC that shows the name of a build: one that a bulletin lists is affected.

    Of others nothing tells whether they came earlier or later.
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.advisory, row.cve), []).append(row)
    build = install.version.strip().lower()
    for (advisory, cve), found in groups.items():
        listed = next((row for row in found if build in row.range.text.lower().split()), None)
        first = listed or found[0]
        missing = first.doubt
        if listed is None:
            missing = f"whether {install.version} has the flaw: {advisory} does not name this build"
        verdict = Verdict.UNKNOWN if missing else Verdict.AFFECTED
        yield Said(cve, verdict, advisory, first.range.text if listed else "", first.fixed, missing)
