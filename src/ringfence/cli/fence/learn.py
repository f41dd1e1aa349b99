"""`ringfence fence learn`: what the policy would have cut of what was observed."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ringfence.app.estates import open_estate
from ringfence.app.fence.design import design_of
from ringfence.app.fence.learn import follow as followed
from ringfence.app.fence.learn import learn as learned
from ringfence.cli import output
from ringfence.cli.estate import DEFAULT, AsJson, EstateFile, Identity
from ringfence.cli.extra import needs_fence
from ringfence.cli.fence.change import SITE, Site
from ringfence.cli.fence.design import Overrides
from ringfence.errors import UsageError

PARTIAL = 3
ENDS = ("in", "out", "forward")


def learn(
    *,
    flows: Annotated[list[Path] | None, Parameter(name=["--flows"], negative="", consume_multiple=True)] = None,
    follow: Annotated[bool, Parameter(name=["--follow"], negative="")] = False,
    counters: Annotated[bool, Parameter(negative="")] = False,
    site: Site = SITE,
    estate: EstateFile = DEFAULT,
    overrides: Overrides = None,
    json: AsJson = False,
    identity: Identity = None,
) -> int:
    """Judge observed connections by the derived policy, before anything is enforced or after.

    Reads conntrack dumps and events, Zeek's conn.log, Hubble's flow JSON, and NDJSON.
    Exit status 3 if some lines could not be read.
    Example: `conntrack -L > flows.txt; ringfence fence learn --flows flows.txt`

    Parameters
    ----------
    flows
        Files of observed connections.
    follow
        Read standard input as it comes, and print each connection that no rule allows as one line of JSON.
    counters
        Show how many packets the rules of each host denied, or would have denied in shadow mode.
    """
    design = design_of(open_estate(estate, identity), overrides or ())
    if follow:
        for one in followed(design):
            output.json_line(one)
        return 0
    if counters:
        with needs_fence():
            from ringfence.app.fence.site import enforcers_of
            from ringfence.app.fence.status import counters as counted
        return _counted(list(counted(enforcers_of(site, design.inventory))), json)
    if not flows:
        remedy = "--flows FILE…, --follow for standard input, or --counters for what rules counted"
        raise UsageError("no file of observed connections is named", remedy)
    found = learned(design, flows)
    if json:
        output.json(found)
    else:
        _told(found)
    return PARTIAL if found["problems"] else 0


def _counted(found: list[dict[str, Any]], json: bool) -> int:
    silent = [one for one in found if "error" in one]
    if json:
        output.json(found)
    else:
        rows = [
            (one["where"], *(one["denied"].get(f"denied_{end}", "") for end in ENDS))
            for one in found
            if one not in silent
        ]
        output.table(("host", "denied in", "out", "through"), rows)
        for one in silent:
            output.err.print(f"no answer: {one['where']}: {one['error']}", markup=False)
    return PARTIAL if silent else 0


def _told(found: dict[str, Any]) -> None:
    output.out.print(
        f"{found['flows']:,} connections: {found['allowed']:,} allowed, {found['cut']:,} would be cut, "
        f"{found['unfenced']:,} where nothing enforces",
        markup=False,
    )
    rows = [
        (one["flows"], one["source"], one["target"], f"{one['protocol']}/{one['port']}", one["why"])
        for one in found["judged"]
        if one["verdict"] == "cut"
    ]
    if rows:
        output.table(("times", "from", "to", "port", "why it would be cut"), rows[:50], "\nWould be cut")
        output.out.print("A connection that is needed goes into an exceptions file, with owner, reason and expiry:")
    for one in found["suggested"][:5]:
        output.out.print(
            f'\n[[allow]]\nfrom = "{one["from"]}"\nto = "{one["to"]}"\nplane = "ip"\nwhat = "{one["what"]}"\n'
            'owner = ""\nreason = ""\nexpires = ',
            markup=False,
        )
    for problem in found["problems"][:20]:
        output.err.print(f"  {problem['file']}:{problem['line']}: {problem['what']}", markup=False)
