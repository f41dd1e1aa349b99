"""`ringfence postmortem`: what happened, why, what would have stopped it, and the pattern of it."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ringfence.app.estates import open_estate
from ringfence.cli import output
from ringfence.cli.estate import DEFAULT, AsJson, EstateFile, Identity
from ringfence.cli.extra import needs_fence, needs_watch
from ringfence.cli.fence.change import STATE, StateFolder
from ringfence.cli.watch import HOME, Home


def postmortem(
    incident: str, /, *, out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    estate: EstateFile = DEFAULT, state: StateFolder = STATE, home: Home = HOME, identity: Identity = None,
    json: AsJson = False,
) -> int:  # fmt: skip
    """Write the account of an incident: its timeline and cause, what would have stopped it, what was cut and undone.

    Without an estate the way to the jewel and what would have stopped it are not known, and that is said.

    Example: `ringfence postmortem RF-3f2a -o reports`

    Parameters
    ----------
    incident
        Its id, or enough of it.
    out
        A folder, made if it is not there: ID.md and ID.json, the account, and ID.pattern.json, which names nobody, for
        other sites.
    """
    with needs_watch(), needs_fence():
        from ringfence.app.guard.evidence_commands import postmortem as made
        from ringfence.respond.postmortem import as_json, as_markdown
    known = open_estate(estate, identity) if estate != DEFAULT or estate.exists() else None
    found, paths = made(state, home, incident, known, out)
    if json:
        sys.stdout.write(as_json(found.report).decode())
    elif paths:
        for one in paths:
            output.out.print(str(one), markup=False)
    else:
        sys.stdout.write(as_markdown(found.report))
    return 0
