"""`ringfence show` and `ringfence diff`: what a saved estate holds, and what changed."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ringfence.app.estates import difference, open_estate
from ringfence.app.survey import entities_of_kind, summary
from ringfence.cli import output
from ringfence.cli.estate import DEFAULT, AsJson, Identity


def show(
    file: Annotated[Path, Parameter(env_var="RINGFENCE_ESTATE")] = DEFAULT,
    /,
    *,
    list_: Annotated[str, Parameter(name=["--list"])] = "",
    json: AsJson = False,
    identity: Identity = None,
) -> int:
    """Count what an estate holds, and say what is missing from it.

    Example: `ringfence show cluster.estate --list workstation`

    Parameters
    ----------
    file
        The saved estate.
    list_
        List the ids of all entities of this kind instead.
    """
    opened = open_estate(file, identity)
    if list_:
        return listed(entities_of_kind(opened, list_), json)
    found = summary(opened)
    if json:
        output.json(found)
        return 0
    output.table(("entities", ""), found["entities"].items())
    output.table(("facts", ""), found["facts"].items())
    output.out.print(f"{len(found['sources'])} sources")
    if found["holes"]:
        rows = [(hole["count"], hole["aspect"], hole["reason"]) for hole in found["holes"]]
        output.table(("not known of", "aspect", "because"), rows)
    return 0


def listed(names: list[str], json: bool) -> int:
    """Ids, one a line, or as a JSON array."""
    if json:
        output.json(names)
    else:
        output.out.out("".join(f"{name}\n" for name in names), end="")
    return 0


def diff(before: Path, after: Path, /, *, json: AsJson = False, identity: Identity = None) -> int:
    """Say what changed between two estates: entities and facts added and gone, parts swapped.

    Example: `ringfence diff monday.estate tuesday.estate`

    Parameters
    ----------
    before
        The older saved estate.
    after
        The newer one.
    """
    found = difference(open_estate(before, identity), open_estate(after, identity))
    if json:
        output.json(found)
        return 0
    for sign, facts in (("+", found["added"]), ("-", found["removed"])):
        for fact in facts:
            output.out.print(f"{sign} {fact['subject']} {fact['predicate']} {fact['object']}", markup=False)
    output.out.print(
        f"{len(found['added'])} facts added, {len(found['removed'])} gone, {len(found['swapped'])} parts swapped"
    )
    return 0
