"""One installation against all advisories: affected, fixed, unsupported branch, or unknown with the missing fact."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from ringfence.assess.advisories.tokens import Version


class Verdict(StrEnum):
    """What the advisories say of one flaw in one installation."""

    AFFECTED = "affected"
    FIXED = "fixed"
    UNSUPPORTED = "unsupported branch"
    UNKNOWN = "unknown"


class Said(msgspec.Struct, frozen=True):
    """One verdict and why: `advisory` and `range` as written; `missing` names the fact that an unknown lacks."""

    cve: str
    verdict: Verdict
    advisory: str
    range: str = ""
    fixed: str = ""
    missing: str = ""
    because: str = ""
    gives: str = ""


class Install(msgspec.Struct, frozen=True):
    """What can be judged alike: a product in a version, with all that the advisories distinguish.

    `facts`: configuration facts that conditions ask for. `models`: what the machine or adapter is.
    """

    product: str
    version: str
    system: str = ""
    line: str = ""
    models: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    source: str = ""
    """How it was packaged, where that matters: `deb`, `rpm`."""


class Judged(msgspec.Struct, frozen=True):
    """All verdicts on one installation. `answered` is false, with `reason`, where it could not be judged at all."""

    said: tuple[Said, ...]
    answered: bool
    reason: str = ""

    def of(self, verdict: Verdict) -> tuple[Said, ...]:
        """The verdicts of one kind."""
        return tuple(one for one in self.said if one.verdict is verdict)


def not_judged(reason: str) -> Judged:
    """What cannot be judged is a hole in the coverage, never a pass."""
    return Judged((), answered=False, reason=reason)


_WEIGHT = {Verdict.AFFECTED: 0, Verdict.UNSUPPORTED: 1, Verdict.UNKNOWN: 2, Verdict.FIXED: 3}


def worst(said: Iterable[Said]) -> tuple[Said, ...]:
    """One verdict for each CVE, the worst that any advisory gives, in the order of the CVEs."""
    found: dict[str, Said] = {}
    for one in said:
        other = found.get(one.cve)
        if other is None or _WEIGHT[one.verdict] < _WEIGHT[other.verdict]:
            found[one.cve] = one
    return tuple(sorted(found.values(), key=lambda one: order(one.cve)))


def order(cve: str) -> tuple[int, int]:
    """CVEs by year and number."""
    _, year, number = cve.split("-")
    return int(year), int(number)


def shown(version: Version) -> str:
    """A version as text, for reasons."""
    return ".".join(map(str, version))
