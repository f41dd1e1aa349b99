"""Flaws of the own table (`known`): Slurm, Ray, MLflow and the controllers that no advisory at hand names."""

from ringfence.assess.advisories.known import KNOWN, Known
from ringfence.assess.advisories.tokens import Version, installed, series
from ringfence.assess.advisories.verdict import Install, Judged, Said, Verdict, not_judged, worst

_BY_PRODUCT: dict[str, list[Known]] = {}
for _one in KNOWN:
    _BY_PRODUCT.setdefault(_one.product, []).append(_one)

NO_FIX = "no fixed version is known"
"""What stands for the range of a flaw without one."""

BACKPORTS = ("deb", "rpm")
"""Distributions mend old versions without a new number."""


def judge(install: Install) -> Judged:
    """The verdicts of the own table on an installation."""
    if not install.version:
        return not_judged("its version")
    version = installed(install.version)
    if not version:
        return not_judged(f"the version {install.version} is not one that its maker uses")
    return Judged(worst(_judge(one, install, version) for one in _BY_PRODUCT.get(install.product, ())), answered=True)


def knows(product: str) -> bool:
    """Whether the table has flaws of a product."""
    return product in _BY_PRODUCT


def _series(version: Version) -> str:
    """A release series as Slurm writes it: year and month, `23.02`."""
    return ".".join(f"{part:02}" for part in version[:2])


def _judge(known: Known, install: Install, version: Version) -> Said:
    fixes = sorted(covers[0] for covers in map(series, known.fixes) if covers)
    since = series(known.since) if known.since else None
    written = {series(text): text for text in known.fixes}

    def said(verdict: Verdict, fixed: Version = (), missing: str = "", because: str = "") -> Said:
        name = next((text for covers, text in written.items() if covers and covers[0] == fixed), "")
        told = f"fixed in {', '.join(known.fixes)}" if known.fixes else NO_FIX
        return Said(known.cve, verdict, "own table", told, name, missing, because)

    if since and version < since[0]:
        return said(Verdict.FIXED, because=f"versions before {known.since} never had it")
    if not fixes:
        return said(Verdict.UNKNOWN if known.missing else Verdict.AFFECTED, missing=known.missing, because=known.source)
    mine = [fix for fix in fixes if fix[:2] == version[:2]] if known.branched else fixes[-1:]
    if version >= fixes[-1] or (mine and version >= mine[0]):
        return said(Verdict.FIXED, mine[0] if mine else fixes[-1])
    if not mine:
        why = f"{_series(version)} got no fix: the first series with one is {known.fixes[0]}"
        return said(Verdict.UNSUPPORTED, because=why)
    if install.source in BACKPORTS:
        return said(Verdict.UNKNOWN, mine[0], f"whether the {install.source} package {install.version} carries the fix")
    if known.missing:
        return said(Verdict.UNKNOWN, mine[0], known.missing)
    return said(Verdict.AFFECTED, mine[0], because=known.source)
