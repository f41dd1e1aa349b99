"""`ringfence moves`, `reach`, `paths` and `choke`: what an attacker can do, and what would stop it."""

from typing import Annotated, Any

from cyclopts import Parameter

from ringfence.app.estates import open_estate
from ringfence.app.questions import MOVE, Questions
from ringfence.cli import output
from ringfence.cli.estate import DEFAULT, AsJson, EstateFile, Identity

Without = Annotated[
    list[str] | None, Parameter(name=["--without"], negative="", help="As if this move (RF-M… or name) were ended.")
]
Cut = Annotated[
    list[str] | None, Parameter(name=["--cut"], negative="", help="As if nothing of this entity could be used.")
]


SHOWN = 60
"""Rows of a long answer that a person is shown."""


def moves(
    *,
    estate: EstateFile = DEFAULT,
    json: AsJson = False,
    without: Without = None,
    cut: Cut = None,
    identity: Identity = None,
) -> int:
    """List every move that an attacker could make, each with the facts it rests on.

    Example: `ringfence moves --estate cluster.estate --json`
    """
    asked = Questions(open_estate(estate, identity), without or (), cut or ())
    if json:
        output.json_lines(asked.moves())
        return 0
    counts = asked.move_counts()
    output.table(("move", "times", "what"), [(name, count, MOVE[name].title) for name, count in sorted(counts.items())])
    output.out.print(f"{len(asked.edges):,} moves")
    return 0


def reach(
    from_: Annotated[list[str], Parameter(name="from")],
    /,
    *,
    estate: EstateFile = DEFAULT,
    json: AsJson = False,
    without: Without = None,
    cut: Cut = None,
    identity: Identity = None,
) -> int:
    """Say what falls when these footholds, held together, fall: exactly, with hops and minutes.

    Example: `ringfence reach workstation:res-017 --json`

    Parameters
    ----------
    from_
        `entity[#capability]`, one or several; the default capability is that of the entity's kind.
    """
    asked = Questions(open_estate(estate, identity), without or (), cut or ())
    found = asked.reach(from_)
    warn(asked, from_)
    if json:
        output.json(found)
        return 0
    shown = found["reached"][:SHOWN]
    rows = [(_minutes(row["minutes"]), row["hops"], f"{row['entity']}#{row['capability']}") for row in shown]
    output.table(("minutes", "hops", "position"), rows)
    if found["count"] > SHOWN:
        output.out.print(f"… and {found['count'] - SHOWN:,} more, in the order of their cost: --json lists them")
    output.out.print(f"{found['count']:,} positions reached; {len(found['unknown']):,} more if what is unknown holds")
    return 0


def warn(asked: Questions, wanted: list[str]) -> None:
    """Say on standard error which positions no move touches: an empty answer is not a safe one."""
    for position in asked.idle(wanted):
        output.err.print(f"no move starts from or leads to {position}: is the capability right?", markup=False)


def paths(
    from_: Annotated[list[str], Parameter(name="from")],
    to: str,
    /,
    *,
    k: Annotated[int, Parameter(name=["-k", "--count"])] = 10,
    estate: EstateFile = DEFAULT,
    json: AsJson = False,
    without: Without = None,
    cut: Cut = None,
    identity: Identity = None,
) -> int:
    """Show the cheapest ways from footholds, held together, to one position, by time.

    Example: `ringfence paths workstation:res-017 model:atlas-70b -k 3`

    Parameters
    ----------
    from_
        `entity[#capability]`, one or several.
    to
        `entity[#capability]`.
    k
        How many ways at most.
    """
    asked = Questions(open_estate(estate, identity), without or (), cut or ())
    found = asked.paths(from_, to, k)
    warn(asked, [*from_, to])
    if json:
        output.json(found)
        return 0
    for number, path in enumerate(found, 1):
        told(number, path)
    if not found:
        output.out.print(f"{to} is not reached", markup=False)
    return 0


def told(number: int, path: dict[str, Any]) -> None:
    """One path in plain words."""
    exact = "" if path["exact"] else " (or a little less: steps are shared)"
    output.out.print(
        f"\n{number}. {_minutes(path['minutes'])} minutes{exact}, {len(path['steps'])} steps", markup=False
    )
    for step in path["steps"]:
        move = MOVE[step["move"]]
        start = " + ".join(step["from"])
        output.out.print(f"   {start}\n     → {step['to']}  [{move.id}] {move.title}; gives {move.gives}", markup=False)


def choke(
    from_: Annotated[list[str] | None, Parameter(name="from")] = None,
    /,
    *,
    estate: EstateFile = DEFAULT,
    json: AsJson = False,
    without: Without = None,
    cut: Cut = None,
    identity: Identity = None,
) -> int:
    """Rank the cuts that end most of it, by what they save per job that they disturb.

    Example: `ringfence choke --json`

    Parameters
    ----------
    from_
        Footholds, held together (default: every workstation and the outside, else jobs and pods).
    """
    asked = Questions(open_estate(estate, identity), without or (), cut or ())
    found = asked.choke(from_ or ())
    if json:
        output.json(found)
        return 0
    rows = [
        (row["jewels_saved"], row["positions_saved"], row["jobs_disturbed"], row["entity"], _what(row)) for row in found
    ]
    output.table(("jewels saved", "positions saved", "jobs disturbed", "cut", ""), rows)
    return 0


def _what(row: dict[str, Any]) -> str:
    return MOVE[row["entity"]].end if row["kind"] == "move" else ""


def _minutes(minutes: list[float]) -> str:
    return f"{minutes[0]:g}–{minutes[1]:g}"
