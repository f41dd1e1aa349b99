"""An estate against an index: verdicts by class, and the facts that they are.

classes ──judge──▶ Finding ──▶ vulnerable_to (affected, unsupported branch, unknown), asked advisories/<product>
"""

from collections.abc import Iterator, Mapping

import msgspec

from ringfence.assess.advisories import by_table, driver, plain
from ringfence.assess.advisories.index import Index
from ringfence.assess.advisories.installed import Class, classes
from ringfence.assess.advisories.products import BMC, DRIVER, VBIOS
from ringfence.assess.advisories.verdict import Install, Judged, Said, Verdict, not_judged, worst
from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact, Scalar

SOURCE = "advisories"


class Standing(msgspec.Struct, frozen=True):
    """What the world knows of CVEs: `exploited` those in CISA's catalogue, `likely` EPSS probabilities (0 to 1)."""

    exploited: frozenset[str] = frozenset()
    likely: Mapping[str, float] = {}
    has_kev: bool = False


NOTHING = Standing()
WHOSE = "whose firmware the controller runs: AMI's MegaRAC, or another maker's"


class Finding(msgspec.Struct, frozen=True):
    """One class of entities with its verdicts."""

    of: Class
    judged: Judged


def findings(estate: Estate, index: Index) -> list[Finding]:
    """Every class of installations, judged once."""
    return [Finding(one, judge(index, one.install)) for one in classes(estate)]


def judge(index: Index, install: Install) -> Judged:
    """The verdicts on one installation."""
    if install.product == DRIVER:
        return driver.judge(index, install)
    if install.product == VBIOS and not install.models:
        return not_judged("an advisory about the VBIOS of this card: those at hand are about boards of HGX and DGX")
    if install.product == VBIOS:
        return not_judged(
            "the firmware bundle of the HGX or DGX: bulletins count in bundles, a card shows its own VBIOS"
        )
    if install.product == BMC and "megarac" not in install.models:
        return plain.judge(index, install) if install.models else not_judged(WHOSE)
    ours = by_table.judge(install) if by_table.knows(install.product) else None
    if ours is not None and (install.product == BMC or not index.rows.get(install.product)):
        return ours
    theirs = plain.judge(index, install)
    if ours is None or not ours.answered:
        return theirs
    return Judged(worst((*theirs.said, *ours.said)), answered=True)


def facts(found: list[Finding], standing: Standing = NOTHING, now: float = 0.0) -> Iterator[Fact]:
    """The findings as facts. `now` is in seconds since the epoch.

    A fixed flaw is no fact: coverage says that it was looked for. `gives` stands only where the flaw is there.
    """
    holes = _holes(found)
    for finding in found:
        product, judged = finding.of.install.product, finding.judged
        told: list[tuple[str, Mapping[str, Scalar]]] = [
            (one.cve, attributes(one, product, standing)) for one in judged.said if one.verdict is not Verdict.FIXED
        ]
        for entity in finding.of.entities:
            hole = holes.get((entity, product))
            covered: dict[str, Scalar] = {"answered": True} if hole is None else {"answered": False, "reason": hole}
            yield Fact(entity, "asked", f"advisories/{product}", covered, SOURCE, now)
            for cve, about in told:
                yield Fact(entity, "vulnerable_to", cve, about, SOURCE, now)


def _holes(found: list[Finding]) -> dict[tuple[str, str], str]:
    """(entity, product) → why it could not be judged: one installation of several is enough."""
    return {
        (entity, finding.of.install.product): finding.judged.reason
        for finding in found
        if not finding.judged.answered
        for entity in finding.of.entities
    }


def attributes(said: Said, product: str, standing: Standing) -> Mapping[str, Scalar]:
    """What a fact of this verdict carries."""
    about: dict[str, Scalar] = {"verdict": str(said.verdict), "product": product, "advisory": said.advisory}
    gives = said.gives if said.verdict is Verdict.AFFECTED else ""
    told = (("gives", gives), ("fixed", said.fixed), ("missing", said.missing))
    about |= {name: value for name, value in told if value}
    if standing.has_kev:
        about["kev"] = said.cve in standing.exploited
    if said.cve in standing.likely:
        about["epss"] = standing.likely[said.cve]
    return about
