"""`ringfence map`: one estate as one picture that needs nothing but a browser."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ringfence.app import targets
from ringfence.app.estates import open_estate
from ringfence.app.questions import Questions
from ringfence.app.report import write_report
from ringfence.cli import output
from ringfence.cli.estate import DEFAULT, Identity


def draw(
    file: Annotated[Path, Parameter(env_var="RINGFENCE_ESTATE")] = DEFAULT,
    /,
    *,
    out: Annotated[Path, Parameter(name=["-o", "--out"])] = Path("report.html"),
    from_: Annotated[list[str] | None, Parameter(name=["--from"], negative="")] = None,
    identity: Identity = None,
) -> int:
    """Draw an estate: how close each host is to a jewel, the worst paths, the cuts, the holes.

    Example: `ringfence map cluster.estate -o report.html`

    Parameters
    ----------
    file
        The saved estate.
    out
        The page to write: self-contained, readable by its owner only.
    from_
        Footholds, held together (repeatable; default: every workstation and the outside, else jobs and pods).
    """
    targets.pages({"-o": out}, file, identity)
    with output.progress() as step:
        write_report(Questions(open_estate(file, identity)), out, from_ or (), step)
    output.err.print(f"{out} written; open it in a browser", markup=False)
    return 0
