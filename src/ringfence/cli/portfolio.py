"""`ringfence portfolio`: many estates beside one another."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ringfence.app import targets
from ringfence.app.assess import portfolio as desk
from ringfence.app.words import many
from ringfence.cli import output
from ringfence.cli.columns import table
from ringfence.cli.estate import AsJson, Identity

PARTIAL = 3


def portfolio(
    folder: Path,
    /,
    *,
    json: AsJson = False,
    svg: Annotated[Path | None, Parameter(name=["--svg", "-o"])] = None,
    identity: Identity = None,
) -> int:
    """Say for every saved estate of a folder which controls are in force, and which rely on data-centre controls only.

    Example: `ringfence portfolio estates/ --svg portfolio.svg`

    A control is a check that the estate has something for; it is in force as far as it passes. A family of controls is
    in force with more than half of those that apply. An estate is compute-aware where its fabric, accelerator and
    workflow families each are, in part where one or two are (those that lack are named, with `?` where the unknown
    decides, with `–` where none applies), and relies on data-centre controls only where none is while perimeter, host
    and identity together are. Labels are names of files; nothing else of an estate is shown but counts. `in force` is
    the share of all compute-aware controls (scheduler, storage, fabric, accelerator, firmware, workflow), and puts the
    worst first; `unknown` is what nobody could judge of all. Exit status 3 where a file could not be read, or counts
    once under two names.

    Parameters
    ----------
    folder
        Holds saved estates, `NAME.estate`; other files are left alone.
    svg
        Draw one picture into this file.
    """
    targets.pages({"--svg": svg}, folder, identity)
    with output.progress(not json) as step:
        told = desk.survey(folder, identity, step=step)
    if svg is not None:
        desk.draw(told.found, svg)
    if json:
        output.json(desk.shown(told))
    else:
        _tell(told)
    return PARTIAL if told.problems else 0


def _tell(told: desk.Surveyed) -> None:
    said = desk.shown(told)
    layers = list(said["layers"])
    rows = [
        (one.label, *(_of(said_["layers"][layer]) for layer in layers), *_aware(said_), one.told)
        for one, said_ in zip(told.found.rows, said["estates"], strict=True)
    ]
    rows.append(("all", *(_of(said["layers"][layer]) for layer in layers), "", "", ""))
    rows.append(("from–to", *(_range(found) for found in told.found.ranges().values()), "", "", ""))
    columns = ("estate", *layers, "compute-aware: in force", "unknown", "relies on")
    if said["estates"]:
        table(columns, rows, "Controls in force, of those that apply")
        _spread(told, said)
    output.problems(told.problems)


def _spread(told: desk.Surveyed, said: dict[str, Any]) -> None:
    """How many estates of each kind, and how far they lie apart."""
    say, spread, aware = output.out.print, said["distribution"], said["checks"]
    counts = ", ".join(f"{count} {desk.WORDS[kind]}" for kind, count in told.found.counts().items())
    say(f"\n{many(len(said['estates']), 'estate')}: {counts}", markup=False)
    for one in said["lacking"]:
        if one["families"]:
            say(f"  without {', '.join(one['families'])}: {one['estates']}", markup=False)
    say(
        f"Compute-aware controls in force: {_share(spread['low'])} at worst ({_name(said, 0)}), median "
        f"{_share(spread['median'])}, {_share(spread['high'])} at best ({_name(said, -1)})",
        markup=False,
    )
    say(f"Of {aware['all']} checks {_share(aware['compute_aware'])} are compute-aware; {_span(said)}", markup=False)
    say(f"\n{desk.PREDICATE}", markup=False)


def _span(said: dict[str, Any]) -> str:
    """How much of what holds is compute-aware, over the estates."""
    found = [one["aware"] for one in said["estates"] if one["aware"] is not None]
    if not found:
        return "no control is in force"
    return f"of the controls in force {_share(min(found))} to {_share(max(found))}, by estate"


def _aware(one: dict[str, Any]) -> tuple[str, str]:
    """How much of what is compute-aware is in force, and what nobody could judge."""
    return _share(one["covered"] or 0), _share(one["unseen"] or 0)


def _range(found: tuple[float, float] | None) -> str:
    return "·" if found is None else f"{100 * found[0]:.0f}–{_share(found[1])}"


def _name(said: dict[str, list[dict[str, str]]], at: int) -> str:
    return said["estates"][at]["estate"]


def _of(tally: dict[str, float | None]) -> str:
    return "·" if tally["share"] is None else _share(tally["share"])


def _share(share: float) -> str:
    return f"{100 * share:.0f} %"
