"""`ringfence sigma …`: rules of the Sigma format."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from ringfence.cli import output
from ringfence.cli.estate import AsJson
from ringfence.cli.extra import needs_watch

PARTIAL = 3

sigma = App(name="sigma", help="Try Sigma rules on events.", result_action="return_value")


@sigma.command
def check(
    rules: Annotated[list[Path], Parameter(negative=())],
    /,
    *,
    events: Path,
    json: AsJson = False,
) -> int:
    """Count the events of a file that each rule matches, and how often each correlation comes true; zero too.

    Example: `ringfence sigma check rules/linux my-rule.yml --events auditd.log`

    The file's form is recognised by its content: EVTX, auditd, syslog, Suricata, Zeek, Kubernetes audit and the
    others that `docs/logs.md` lists; JSON and lines of other tools are taken as they are.

    Parameters
    ----------
    rules
        Rule files, or folders of them.
    events
        The file of events.
    """
    with needs_watch():
        from ringfence.app.watch.sigma_check import check as checked
    found = checked(rules, events)
    output.problems(found.problems)
    if json:
        output.json([{"rule": rule.id, "title": rule.title, "matches": count} for rule, count in found.counts])
    else:
        often = sorted(found.counts, key=lambda one: -one[1])
        rows = [(count, rule.level, rule.title, rule.id) for rule, count in often]
        output.table(("matches", "level", "title", "rule"), rows)
        output.out.print(f"{found.events} events, {len(found.counts)} rules")
    return PARTIAL if found.problems else 0
