"""`ringfence portfolio`: many estates beside one another."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ringfence.app import targets
from ringfence.app.assess import portfolio as desk
from ringfence.cli import output
from ringfence.cli.columns import many, table
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

    A control is a check that the estate has something for; it is in force as far as it passes. An estate
    relies on data-centre controls only where most of its perimeter, host and identity controls are in force and most
    of its fabric, accelerator and workflow controls are not. Labels are names of files; nothing else of an estate is
    shown but counts. `compute-aware: of all` is the share of the controls that apply which is compute-aware (scheduler,
    storage, fabric, accelerator, firmware, workflow), `in force` how much of these holds, `unknown` what nobody could
    judge of all: where that is much, `neither` says that too little was collected. Exit status 3 where a file could not
    be read.

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
        (one["estate"], *(_of(one["layers"][layer]) for layer in layers), *_aware(one), one["reliance"])
        for one in said["estates"]
    ]
    rows.append(("all", *(_of(said["layers"][layer]) for layer in layers), "", "", "", ""))
    columns = ("estate", *layers, "compute-aware: of all", "compute-aware: in force", "unknown", "relies on")
    if said["estates"]:
        table(columns, rows, "Controls in force, of those that apply")
    spread = said["distribution"]
    if spread:
        counts = ", ".join(f"{count} {kind}" for kind, count in said["reliance"].items())
        output.out.print(f"\n{many(len(said['estates']), 'estate')}: {counts}")
        output.out.print(
            f"Compute-aware controls in force: {_share(spread['low'])} at worst ({_name(said, 0)}), median "
            f"{_share(spread['median'])}, {_share(spread['high'])} at best ({_name(said, -1)})",
            markup=False,
        )
        aware = said["checks"]
        output.out.print(f"Of {aware['all']} checks {_share(aware['compute_aware'])} are compute-aware")
    output.problems(told.problems)


def _aware(one: dict[str, float | None]) -> tuple[str, str, str]:
    """How much of what applies is compute-aware, how much of that is in force, and what nobody could judge."""
    return (
        "·" if one["meant"] is None else _share(one["meant"]),
        _share(one["covered"] or 0),
        _share(one["unseen"] or 0),
    )


def _name(said: dict[str, list[dict[str, str]]], at: int) -> str:
    return said["estates"][at]["estate"]


def _of(tally: dict[str, float | None]) -> str:
    return "·" if tally["share"] is None else _share(tally["share"])


def _share(share: float) -> str:
    return f"{100 * share:.0f} %"
