"""Files of advisories → verdicts on an estate, and the estate with them as facts."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from time import time
from typing import Any, TypeVar

import msgspec

from ringfence.app.assess.advisory_files import CSAF, CVE, Files
from ringfence.assess.advisories.index import Index
from ringfence.assess.advisories.judge import SOURCE, Finding, Standing, facts, findings
from ringfence.assess.advisories.verdict import Said, Verdict
from ringfence.assess.constraints import constrained
from ringfence.errors import InputError, Problem, UsageError
from ringfence.estate.estate import Estate
from ringfence.wire import epss, kev

__all__ = ["Answer", "Verdict", "ask", "enriched"]

_T = TypeVar("_T")


class Answer(msgspec.Struct, frozen=True):
    """Everything that `ringfence advisories` tells. `problems` are files that could not be read, `others` counts
    JSON files that are no advisory.
    """

    index: Index
    findings: tuple[Finding, ...]
    standing: Standing
    advisories: int
    problems: tuple[Problem, ...]
    others: int = 0


def enriched(estate: Estate, answer: Answer) -> Estate:
    """The estate with the facts of an answer, and what they require; its moves are to be derived again.

    They take the place of those of an earlier answer, and of what a collector said of the same flaw in the same
    entity: it knew less.
    """
    judged = {
        (entity, one.cve) for found in answer.findings for one in found.judged.said for entity in found.of.entities
    }
    old = [
        fact
        for fact in estate.facts("vulnerable_to", "asked")
        if fact.source == SOURCE or (fact.predicate == "vulnerable_to" and (fact.subject, fact.object) in judged)
    ]
    return constrained(estate.with_delta(facts(list(answer.findings), answer.standing, time()), old))


def ask(
    estate: Estate,
    csaf_in: Path | None = None,
    cve_in: Path | None = None,
    kev_file: Path | None = None,
    epss_file: Path | None = None,
) -> Answer:
    """Read what was given and judge every installation. Raises `UsageError` where nothing was given or found."""
    if not (csaf_in or cve_in):
        raise UsageError(
            "no advisories were given", "name a folder of CSAF files with --csaf, or of CVE records with --cve"
        )
    files = Files()
    advisories = list(files.read(csaf_in, CSAF)) if csaf_in else []
    records = list(files.read(cve_in, CVE)) if cve_in else []
    folder = csaf_in or cve_in
    if folder and not advisories and not records:
        raise files.none(folder)
    standing = _standing(kev_file, epss_file)
    index = Index(advisories, records)
    read = len(advisories) + len(records)
    return Answer(index, tuple(findings(estate, index)), standing, read, files.problems, files.others)


def _standing(kev_file: Path | None, epss_file: Path | None) -> Standing:
    exploited = _one(kev_file, kev.read) if kev_file else None
    scores = _one(epss_file, epss.read) if epss_file else None
    return Standing(
        frozenset(exploited.added) if exploited else frozenset(),
        scores.probability if scores else {},
        exploited is not None,
    )


def _one(path: Path, read: Callable[[bytes], _T]) -> _T:
    """One file; what is wrong with it names it."""
    if not path.is_file():
        raise UsageError(f"{path} is not a file", "name the catalogue itself, not its folder")
    try:
        return read(path.read_bytes())
    except InputError as error:
        place = f"{path}:{error.line}" if error.line else str(path)
        raise InputError(f"{place}: {error.what}", line=error.line, remedy=error.remedy) from None


def rows(answer: Answer) -> list[dict[str, Any]]:
    """One row for each class of entities, verdict and advisory: the shape of `--json`.

    What is exploited stands first, then what is likelier to be, then the worse verdict; what is fixed, last.
    """
    found = [
        row
        for finding in answer.findings
        for row in (*_by_advisory(finding, answer.standing), *([] if finding.judged.answered else [_hole(finding)]))
    ]
    return sorted(found, key=_urgency)


_WORST_FIRST = (Verdict.AFFECTED, Verdict.UNSUPPORTED, Verdict.UNKNOWN, Verdict.FIXED)


def _urgency(row: dict[str, Any]) -> tuple[bool, bool, float, int]:
    verdict = Verdict(row["verdict"])
    odds = max(row.get("epss", {}).values(), default=0.0)
    return verdict is Verdict.FIXED, not row.get("kev"), -odds, _WORST_FIRST.index(verdict)


def _by_advisory(finding: Finding, standing: Standing) -> Iterator[dict[str, Any]]:
    groups: dict[tuple[str, ...], list[Said]] = {}
    for one in finding.judged.said:
        own = one.advisory if one.range else ""  # without a range of its own, several bulletins say the same
        key = (str(one.verdict), own, one.range, one.fixed, one.missing, one.because)
        groups.setdefault(key, []).append(one)
    for (verdict, *_), said in groups.items():
        yield _row(finding, verdict, said, standing)


def _hole(finding: Finding) -> dict[str, Any]:
    return _row(finding, str(Verdict.UNKNOWN), [], Standing()) | {"missing": finding.judged.reason}


def _row(finding: Finding, verdict: str, said: Sequence[Said], standing: Standing) -> dict[str, Any]:
    install, first = finding.of.install, said[0] if said else None
    known = [one.cve for one in said]
    row: dict[str, Any] = {
        "product": install.product,
        "version": install.version,
        "line": install.line,
        "system": install.system,
        "entities": list(finding.of.entities),
        "verdict": verdict,
        "advisories": list(dict.fromkeys(one.advisory for one in said)),
        "cves": known,
        "range": first.range if first else "",
        "fixed": first.fixed if first else "",
        "missing": first.missing if first else "",
        "because": first.because if first else "",
        "gives": sorted({one.gives for one in said if one.gives}),
        "fact": finding.of.fact.as_json(),
    }
    if standing.has_kev:
        row["kev"] = [cve for cve in known if cve in standing.exploited]
    likely = {cve: standing.likely[cve] for cve in known if cve in standing.likely}
    return row | ({"epss": likely} if likely else {})


def summary(answer: Answer) -> dict[str, Any]:
    """The answer as `--json` shows it."""
    return {
        "advisories": answer.advisories,
        "other_files": answer.others,
        "foreign": answer.index.foreign,
        "not_judged": [
            {"product": product, "rows": rows}
            for product, rows in sorted(answer.index.others.items(), key=lambda one: (-one[1], one[0]))
        ],
        "unread": answer.index.unread,
        "rows": rows(answer),
        "problems": [str(problem) for problem in answer.problems],
    }


def affected(found: Iterable[dict[str, Any]]) -> bool:
    """Whether any row says affected or unsupported."""
    return any(row["verdict"] in (Verdict.AFFECTED, Verdict.UNSUPPORTED) for row in found)
