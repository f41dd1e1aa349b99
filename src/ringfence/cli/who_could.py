"""`ringfence who-could`: who could read something, at a time in the past."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators

from ringfence.app.assess import who_could as desk
from ringfence.app.words import many
from ringfence.cli import output
from ringfence.cli.ask import told
from ringfence.cli.columns import table
from ringfence.cli.estate import AsJson, Identity
from ringfence.errors import Problem

PARTIAL = 3


def who_could(
    what: Literal["read"],
    entity: str,
    /,
    *,
    on: str,
    history: Path,
    most: Annotated[int, Parameter(name=["-n", "--most"], validator=validators.Number(gte=0))] = 20,
    json: AsJson = False,
    identity: Identity = None,
) -> int:
    """Say who could read a model, checkpoint, dataset or storage on a past day: accounts, jobs, people, the outside.

    Example: `ringfence who-could read model:atlas-70b --on 2026-03-01 --history estates`

    Asks the last estate in the folder that is not later than the date, and says how much older it is: what changed
    in between is not in it. An estate's time is the one in its name, else that of the newest fact in it. Files that are
    dated ahead of today or cannot be read are named and left out: exit status 3. Each is asked about alone: by right,
    or by moves of whoever holds it.

    Parameters
    ----------
    what
        `read`.
    entity
        A model, checkpoint, dataset or storage, as in `model:atlas-70b`.
    on
        A past day (its end, UTC) or today, or a past time such as 2026-03-01T07:00.
    history
        The folder of saved estates.
    most
        Show the way of so many, the quickest first.
    """
    found = desk.who_could(entity, desk.moment(on), history, most, identity)
    if json:
        output.json(found)
        return PARTIAL if found["unreadable"] else 0
    kept = found["estate"]
    rows = [(row["entity"], "yes" if row["direct"] else "no", _minutes(row, most)) for row in found["who"]]
    if rows:
        table(("who", "by right", "by moves, minutes"), rows)
    for number, row in enumerate((row for row in found["who"] if row["path"]), 1):
        told(number, row["path"])
    lead = "" if not found["unknown"] else f"; {len(found['unknown']):,} more if what was not collected holds"
    data = found["read"].rpartition("#")[0]
    output.out.print(
        f"{_how_many(found['count'])} could read {data}{lead}. Asked of {kept['file']}, which is of {kept['at']} "
        f"(by its {kept['by']}), {_age(kept['days_older'])}.",
        markup=False,
    )
    if found["unreadable"]:
        output.err.print("left out:")
        output.problems(Problem(one["file"], 0, one["what"], one["remedy"]) for one in found["unreadable"])
    return PARTIAL if found["unreadable"] else 0


def _age(days: int) -> str:
    """How much older the survey is than what was asked for."""
    if not days:
        return "the same day"
    return f"{many(days, 'day')} before that day: what changed in between is not in it"


def _how_many(count: int) -> str:
    return f"{count:,}" if count else "nobody known"


def _minutes(row: dict[str, object], most: int) -> str:
    path = row["path"]
    if isinstance(path, dict):
        low, high = path["minutes"]
        return f"{low:g} to {high:g}"
    return f"not timed: beyond the first {most}" if row["by_moves"] else "no"
