"""`ringfence audit`: what is wrong, and which of it matters."""

import time
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ringfence.app.assess import audit as desk
from ringfence.app.assess import outputs
from ringfence.app.estates import open_estate
from ringfence.app.questions import MOVE, Questions
from ringfence.app.report import write_report
from ringfence.cli import output
from ringfence.cli.estate import DEFAULT, AsJson, EstateFile, Identity

FOUND = 3
SHOWN = 20
"""Rows of a long table that a person is shown."""


def audit(
    *,
    estate: EstateFile = DEFAULT,
    json: AsJson = False,
    check: Annotated[list[str] | None, Parameter(negative="")] = None,
    accept: Path | None = None,
    fail_on: desk.Severity | None = None,
    unknown: Annotated[bool, Parameter(negative="")] = False,
    csaf: Path | None = None,
    cve: Path | None = None,
    sarif: Path | None = None,
    ocsf: Path | None = None,
    oscal: Path | None = None,
    markdown: Path | None = None,
    html: Path | None = None,
    identity: Identity = None,
) -> int:
    """Say what is wrong, first what lies on a way to a crown jewel, and what could not be said.

    Example: `ringfence audit --accept accepted.toml --fail-on high --sarif audit.sarif`

    Severity is judged by position: how near a jewel is from what the failure opens, how much falls with it, and
    whether a foothold gets there (docs/design/audit.md). `docs/checks.md` says what each check is about. Exit status
    3 where `--fail-on` is met.

    Parameters
    ----------
    check
        Only this check, by id or name (repeatable).
    accept
        Accepted risks: TOML, `[[accept]]` with check, subject, owner, reason, expires.
    fail_on
        Exit with 3 if something that is not accepted is at least so severe.
    unknown
        List every gap with its subjects.
    csaf
        A folder of makers' bulletins (CSAF 2.0), to hold what is installed against them.
    cve
        A folder of CVE records, for the same.
    sarif
        Write a SARIF 2.1.0 log.
    ocsf
        Write OCSF compliance findings (class 2003), one JSON object a line.
    oscal
        Write OSCAL assessment results (JSON).
    markdown
        Write a Markdown page.
    html
        Write the report of the estate, with the audit in it.
    """
    decisions = desk.read_accepted_file(accept)
    with output.progress() as step:
        step("judging")
        asked = Questions(desk.prepared(open_estate(estate, identity), csaf, cve))
        found = desk.run(asked, desk.chosen(check or ()), decisions, time.time())
    told = desk.shown(found, asked.estate, with_unknown=unknown)
    files = {"sarif": sarif, "ocsf": ocsf, "oscal": oscal, "markdown": markdown}
    outputs.write(found, asked.estate, {name: path for name, path in files.items() if path})
    if html:
        write_report(asked, html, audit=told)
    if json:
        output.json(told)
    else:
        _told(told, unknown)
    return FOUND if fail_on is not None and desk.meets(found, fail_on) else 0


def _told(told: dict[str, Any], unknown: bool) -> None:
    """For a person: what matters, the rest, what is not known, how the families stand."""
    way = [one for one in told["findings"] if one["on_way"]]
    rest = [one for one in told["findings"] if not one["on_way"]]
    _findings("On a way to a jewel", way)
    _findings("The rest", rest)
    _accepted(told["accepted"])
    _gaps(told["unknown"], unknown)
    _families(told)
    for one in told["idle_acceptances"]:
        text = f"{one['place']}: nothing fails {one['check']} of {one['subject']} any more, or it is misspelt"
        output.err.print(text, markup=False)
    counts, severities = told["counts"], told["severities"]
    said = ", ".join(f"{count:,} {name}" for name, count in severities.items() if count) or "no failures"
    output.out.print(
        f"{said}; {counts['accepted']:,} accepted, {counts['unknown']:,} unknown, {counts['passed']:,} passed"
    )


def _findings(title: str, found: list[dict[str, Any]]) -> None:
    if not found:
        return
    rows = [
        (one["severity"], one["check"], f"{one['count']:,}", one["title"], _what(one), _way(one))
        for one in found[:SHOWN]
    ]
    output.table(("severity", "check", "times", "should be so", "but", "from there"), rows, title)
    if len(found) > SHOWN:
        output.out.print(f"… and {len(found) - SHOWN} more: --json lists them")
    output.out.print()


def _what(one: dict[str, Any]) -> str:
    """The worst example, and how many more."""
    worst = one["examples"][0]
    more = f" (+{one['count'] - 1:,})" if one["count"] > 1 else ""
    return f"{worst['subject']}{more}: {worst['reason']}"


def _way(one: dict[str, Any]) -> str:
    """How far a jewel is from what the worst example opens, and the first step."""
    worst = one["examples"][0]
    if worst["jewel_minutes"] is None:
        return f"{one['why']} ({worst['hosts']:,})" if worst["hosts"] else str(one["why"])
    first = worst["first"]
    step = f", first {first['move']} {MOVE[first['move']].title}" if first else ""
    much = f"{worst['jewels']:,} jewels and {worst['hosts']:,} hosts"
    return f"{worst['jewel_minutes']:g} minutes, {worst['jewel_hops']} steps to a jewel{step}; {much} in reach"


def _accepted(found: list[dict[str, Any]]) -> None:
    if found:
        rows = [
            (one["severity"], one["check"], f"{one['count']:,}", one["examples"][0]["subject"], *_by(one["accepted"]))
            for one in found
        ]
        output.table(("severity", "check", "times", "of", "owner", "until", "because"), rows, "Accepted")
        output.out.print()


def _by(one: dict[str, Any]) -> tuple[str, str, str]:
    return one["owner"], one["expires"], one["reason"]


def _gaps(gaps: list[dict[str, Any]], named: bool) -> None:
    if not gaps:
        return
    if named:
        rows = [(one["check"], one["title"], one["says"], ", ".join(one["subjects"]), one["collect"]) for one in gaps]
        output.table(("check", "should be so", "unknown", "of", "collect"), rows, "Unknown")
        output.out.print()
        return
    by_hint: dict[str, list[dict[str, Any]]] = {}
    for one in gaps:
        by_hint.setdefault(one["collect"], []).append(one)
    often = sorted(by_hint.items(), key=lambda pair: -sum(one["count"] for one in pair[1]))
    missing: list[tuple[object, ...]] = []
    for collect, few in often:
        aspects = ", ".join(dict.fromkeys(aspect for one in few for aspect in one["aspects"]))
        missing.append((f"{sum(one['count'] for one in few):,}", len({one["check"] for one in few}), aspects, collect))
    output.table(("unknown", "checks", "for want of", "collect next"), missing, "Unknown is never safe")
    output.out.print()


def _families(told: dict[str, Any]) -> None:
    rows = [(one["name"], "" if one["compute_aware"] else "classic", *_counts(one)) for one in told["layers"]]
    rows += [(one["name"], "mismatch", *_counts(one)) for one in told["mismatches"]]
    output.table(("family", "", "checks", "with failures", "failed", "passed", "unknown"), rows, "Families")
    windows = [
        (one["check"], f"{one['count']:,}", one["begins"], one["ends"], one["seen_at"] or "") for one in told["windows"]
    ]
    if windows:
        output.out.print()
        columns = ("check", "open", "begins", "ends", "seen since")
        output.table(columns, windows, "Vulnerability windows: state that outlives its use")
    output.out.print()


def _counts(one: dict[str, Any]) -> tuple[object, ...]:
    return one["checks"], one["failed_checks"], f"{one['failed']:,}", f"{one['passed']:,}", f"{one['unknown']:,}"
