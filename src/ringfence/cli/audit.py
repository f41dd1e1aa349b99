"""`ringfence audit`: what is wrong, and which of it matters."""

import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ringfence.app import targets
from ringfence.app.assess import audit as desk
from ringfence.app.assess import outputs
from ringfence.app.assess.advisories import ask
from ringfence.app.assess.threats import Threats, section
from ringfence.app.estates import open_estate
from ringfence.app.questions import Questions
from ringfence.app.report import write_report
from ringfence.cli import output
from ringfence.cli.audit_told import tell
from ringfence.cli.estate import DEFAULT, AsJson, EstateFile, Identity

FOUND = 3


def audit(
    *,
    estate: EstateFile = DEFAULT,
    json: AsJson = False,
    check: Annotated[list[str] | None, Parameter(negative="")] = None,
    accept: Path | None = None,
    fail_on: Annotated[list[desk.FailOn] | None, Parameter(negative="")] = None,
    unknown: Annotated[bool, Parameter(negative="")] = False,
    csaf: Path | None = None,
    cve: Path | None = None,
    before: Path | None = None,
    sarif: Path | None = None,
    ocsf: Path | None = None,
    oscal: Path | None = None,
    markdown: Path | None = None,
    html: Path | None = None,
    identity: Identity = None,
) -> int:
    """Say what is wrong, first what lies on a way to a crown jewel, and what could not be said.

    Example: `ringfence audit --accept accepted.toml --fail-on high --fail-on unknown --sarif audit.sarif`

    Severity is judged by position: how near a jewel is from what the failure opens, how much falls with it, and
    whether a foothold gets there (docs/design/audit.md). `docs/checks.md` says what each check is about.

    Exit status 3 where `--fail-on` is met, and always where nothing at all could be judged: either nothing was there,
    or everything is unknown. What is unknown beside things that were judged does not fail a run, however severe it may
    be, unless `--fail-on unknown` asks for it. Exit status 1 where an estate is missing or cannot be read, 2 where an
    option is wrong or another file that one names is missing.

    Parameters
    ----------
    check
        Only this check, by id or name (repeatable).
    accept
        Accepted risks: TOML, `[[accept]]` with check, subject, owner, reason, expires.
    fail_on
        Exit with 3 if something that is not accepted is at least so severe; `unknown`: if something could not be
        judged (repeatable: `--fail-on high --fail-on unknown`).
    unknown
        List every gap with its subjects.
    csaf
        A folder of makers' bulletins (CSAF 2.0), to hold what is installed against them.
    cve
        A folder of CVE records, for the same.
    before
        An earlier saved estate of the same cluster: parts that were not there then are told. Refused where the two
        have no cluster, or hardly a host, in common.
    sarif
        Write a SARIF 2.1.0 log.
    ocsf
        Write OCSF compliance findings (class 2003), one JSON object a line.
    oscal
        Write OSCAL assessment results (JSON).
    markdown
        Write a Markdown page.
    html
        Write the report of the estate, with the audit and the threats in it.
    """
    files = {"sarif": sarif, "ocsf": ocsf, "oscal": oscal, "markdown": markdown}
    named = {f"--{name}": path for name, path in (files | {"html": html}).items()}
    targets.pages(named, estate, before, accept, csaf, cve, identity)
    decisions = desk.read_accepted_file(accept)
    now = time.time()
    with output.progress() as step:
        step("judging")
        earlier = open_estate(before, identity) if before else None
        opened = open_estate(estate, identity)
        bulletins = ask(opened, csaf, cve) if csaf or cve else None
        asked = Questions(desk.prepared(opened, bulletins, earlier))
        found = desk.run(asked, desk.chosen(check or ()), decisions, now)
    told = desk.shown(found, asked.estate, with_unknown=unknown, bulletins=bulletins is not None)
    unread = bulletins.problems if bulletins else ()
    told["problems"] = [str(problem) for problem in unread]
    told["fails"] = desk.fails(found, fail_on or ())
    outputs.write(found, asked.estate, {name: path for name, path in files.items() if path}, now)
    if html:
        write_report(asked, html, audit=told, threats=section(Threats(asked.estate, asked=asked)))
    if json:
        output.json(told)
    else:
        tell(told, unknown)
        output.problems(unread)
    return FOUND if told["fails"] or unread else 0
