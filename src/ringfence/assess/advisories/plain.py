"""Products with one line of versions, or with trains: toolkit, operator, Triton, adapters, switches, bundles.

Several rows of one advisory may speak of one installation. Where they disagree and nothing tells which of them it
is, the verdict is unknown and names what would tell.
"""

from collections.abc import Iterator

from ringfence.assess.advisories import board, conditional
from ringfence.assess.advisories.index import Index
from ringfence.assess.advisories.products import BUNDLE, CONNECTX, NIC_MODELS, SWITCH, TRITON
from ringfence.assess.advisories.row import Row
from ringfence.assess.advisories.tokens import Version, installed, series
from ringfence.assess.advisories.verdict import Install, Judged, Said, Verdict, not_judged, worst

_CUTS = {CONNECTX: " ", SWITCH: " ", BUNDLE: "- ", TRITON: "-"}


def judge(index: Index, install: Install) -> Judged:
    """The verdicts on an installation of any product but the GPU driver."""
    rows = index.rows.get(install.product, [])
    if not rows:
        return not_judged(f"an advisory about {install.product}")
    if not install.version:
        return not_judged(_NO_VERSION.get(install.product, "its version"))
    if install.product == BUNDLE and not install.models:
        return not_judged(board.NO_MACHINE)
    mine = [row for row in rows if _concerns(row, install)]
    version = installed(_bare(install), _CUTS.get(install.product, "-+ "))
    if not version and install.line == board.HMC and mine:
        return Judged(worst(board.by_build(mine, install)), answered=True)
    if not version:
        return not_judged(f"the version {install.version} is not one that the advisories use")
    if install.product == CONNECTX:
        return _adapter(rows, install, version)
    if not mine:
        return not_judged("an advisory about " + (_called(install) or install.product))
    return Judged(worst(_grouped(mine, install, version)), answered=True)


_NO_VERSION = {BUNDLE: "the firmware bundle of the HGX or DGX (Redfish FirmwareInventory)"}


def _bare(install: Install) -> str:
    """The number in a version that carries its product's name: `Cumulus Linux 5.9.1`."""
    words = install.version.split()
    return next((word for word in words if series(word) is not None), install.version) if words else ""


def _called(install: Install) -> str:
    """What bulletins would call the machine or system that has none."""
    board_part = (install.line.upper(),) if install.product == BUNDLE and install.line else ()
    return ", ".join((*board_part, *install.models)) or install.line


def _concerns(row: Row, install: Install) -> bool:
    where = row.place
    if install.product == BUNDLE:
        return board.concerns(row, install)
    return (
        (not where.line or not install.line or where.line == install.line)
        and (not where.system or not install.system or where.system == install.system)
        and (not where.models or where.models == ("dali",) or bool({*where.models} & {*install.models}))
    )


def _adapter(rows: list[Row], install: Install, version: Version) -> Judged:
    """Firmware of a ConnectX or BlueField: the first number is the model, the second the train."""
    if len(version) < 2 or version[0] not in NIC_MODELS:
        return not_judged(f"which adapter firmware {install.version} is for")
    model, bare = NIC_MODELS[version[0]], version[1:]
    mine = [row for row in rows if model in row.place.models]
    if not mine:
        return not_judged(f"an advisory about {model}")
    newest = max(_number(_end(row)) for row in mine)
    if bare[0] > newest >= 0:
        return not_judged(f"an advisory that names {model} firmware {bare[0]}: newer than all that are known")
    by_issue: dict[tuple[str, str], list[Row]] = {}
    for row in mine:
        by_issue.setdefault((row.advisory, row.cve), []).append(row)
    said = [one for found in by_issue.values() for one in _train(found, install, version)]
    return Judged(worst(said), answered=True)


def _train(rows: list[Row], install: Install, version: Version) -> Iterator[Said]:
    """A train is told by its number, which all of its versions share; all others follow the general one (GA).

    A bulletin that gives an adapter no general train mends its long-term ones only: what is older than all of them is
    in the range of each, what lies between them gets no fix.
    """
    ends = [row for row in rows if _end(row)]
    yield from (_one(row, install, _as_in(row, version)) for row in rows if not _end(row))
    own = [row for row in ends if _number(_end(row)) == version[1]]
    general = [row for row in ends if not row.place.branch.startswith("LTS")]
    holding = [row for row in general if row.range.holds(_as_in(row, version))]
    decided = own or holding or [row for row in general if row.place.branch]
    if decided:
        yield from (_one(row, install, _as_in(row, version)) for row in decided)
    elif ends:
        yield _beside_trains(sorted(ends, key=lambda row: _end(row)[-_SHORT:]), install, version)


def _beside_trains(rows: list[Row], install: Install, version: Version) -> Said:
    """A version of none of the trains, the oldest first, that one advisory names for one flaw in one adapter."""
    first, last = rows[0], rows[-1]
    if first.range.holds(_as_in(first, version)):
        return _one(first, install, _as_in(first, version))
    trains = ", ".join(str(_number(_end(row))) for row in rows)
    if last.range.holds(_as_in(last, version)):
        why = f"it mends {trains} and not {version[1]}"
        return Said(first.cve, Verdict.UNSUPPORTED, first.advisory, fixed=last.fixed, because=why)
    missing = f"whether {first.advisory} concerns firmware {version[1]}: it names {trains}"
    return Said(first.cve, Verdict.UNKNOWN, first.advisory, missing=missing)


_SHORT = 2
"""Numbers of a firmware version without the adapter's: train and build."""


def _end(row: Row) -> Version:
    """Where a row's range ends; () if it does not, or was not understood."""
    return (row.range.spans[0].high or ()) if row.range.spans else ()


def _as_in(row: Row, version: Version) -> Version:
    """A version with the adapter's number where the row writes it, else without."""
    return version if len(_end(row)) > _SHORT else version[1:]


def _number(end: Version) -> int:
    """The train of a range's end: the last number but one."""
    return end[-_SHORT] if len(end) >= _SHORT else -1


def _grouped(rows: list[Row], install: Install, version: Version) -> Iterator[Said]:
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.advisory, row.cve), []).append(row)
    for found in groups.values():
        yield from _agreed(found, install, version)


def _agreed(rows: list[Row], install: Install, version: Version) -> Iterator[Said]:
    said = [_one(row, install, version) for row in rows]
    trains = {row.place.branch for row in rows}
    hits = {one.verdict for one in said}
    if len(trains) > 1 and len(hits) > 1:
        first = next(one for one in said if one.verdict is not Verdict.FIXED)
        which = " or ".join(sorted(filter(None, trains)))
        yield Said(
            first.cve, Verdict.UNKNOWN, first.advisory, first.range, first.fixed, f"which train it is of: {which}"
        )
    elif Verdict.AFFECTED in hits:
        yield next(one for one in said if one.verdict is Verdict.AFFECTED)
    elif Verdict.FIXED in hits and all(row.range.spans and row.range.spans[0].exact for row in rows):
        yield from said if hits == {Verdict.FIXED} else (one for one in said if one.verdict is Verdict.UNKNOWN)
    else:
        yield from said


def _one(row: Row, install: Install, version: Version) -> Said:
    """One row's word on one version."""

    def said(verdict: Verdict, missing: str = "", because: str = "") -> Said:
        gives = conditional.GIVES.get((install.product, row.cve), "") if verdict is Verdict.AFFECTED else ""
        return Said(row.cve, verdict, row.advisory, row.range.text, row.fixed, missing, because, gives)

    if row.range.spans is None:
        return said(Verdict.UNKNOWN, f"what the range means: {row.range.text}")
    if not row.range.holds(version):
        return said(*_beside(row, version))
    if row.doubt:
        return said(Verdict.UNKNOWN, row.doubt)
    if row.place.models == ("dali",):
        return said(Verdict.UNKNOWN, "whether the DALI backend is in use")
    found = conditional.met(install.product, row.cve, row.range.condition, version, install.facts)
    if found.is_met is None:
        return said(Verdict.UNKNOWN, found.missing)
    if not found.is_met:
        return said(Verdict.FIXED, because=found.because)
    return said(Verdict.AFFECTED, because=found.because)


def _beside(row: Row, version: Version) -> tuple[Verdict, str]:
    """A version outside the range. Where single versions were named, an older one was only not spoken of."""
    spans = row.range.spans or ()
    fixed = series(row.fixed.split()[-1]) if row.fixed else None
    fixed = fixed or (series(row.fixed.split()[0]) if row.fixed else None)
    if all(span.exact for span in spans) and fixed and version < fixed[0]:
        return Verdict.UNKNOWN, f"whether versions before {row.fixed} that it does not name have the flaw"
    return Verdict.FIXED, ""
