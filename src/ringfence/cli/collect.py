"""`ringfence collect` and `ringfence capture-script`: from a cluster's own outputs to an estate."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ringfence.app.estates import save_estate
from ringfence.app.live import LiveTargets, survey_live
from ringfence.app.survey import Scope, Survey, capture_script_text, read_salt, survey_tree
from ringfence.app.targets import estate as check_target
from ringfence.cli import output
from ringfence.cli.estate import DEFAULT
from ringfence.cli.keep import Recipients
from ringfence.errors import UsageError


def collect(
    *,
    from_: Annotated[Path | None, Parameter(name=["--from"])] = None,
    live: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path, Parameter(name=["-o", "--out"])] = DEFAULT,
    cluster: str = "",
    site: str = "",
    salt_file: Path | None = None,
    recipient: Recipients = None,
    targets: Annotated[LiveTargets | None, Parameter(name="*")] = None,
) -> int:
    """Read captures, or live systems, into one estate. Nothing is changed, run or fetched by a capture.

    Example: `ringfence collect --from capture/ -o cluster.estate`

    Parameters
    ----------
    from_
        A folder tree copied from the cluster; every file is recognised by its content.
    live
        Ask this machine's own tools (read-only, with time limits) instead, and the services named below.
    out
        Where to write the estate.
    cluster
        The cluster's name for ids, where files do not say.
    site
        A prefix for host names, where two clusters of one estate use the same ones.
    salt_file
        The salt that hashes secrets (hexadecimal); default: the capture's own, else a new one.
    """
    scope = Scope(cluster, site, read_salt(salt_file) if salt_file else b"")
    if (from_ is None) == (not live):
        raise UsageError("collect needs --from DIR or --live", "`ringfence capture-script` shows how to fill a folder")
    check_target(out, from_, salt_file)
    with output.progress() as step:
        survey = survey_tree(from_, scope, step) if from_ else survey_live(targets or LiveTargets(), scope, step)
    save_estate(survey.estate, out, recipient or ())
    return report(survey, out)


def report(survey: Survey, out: Path) -> int:
    """Say what was read and what was not; 3 if something was not."""
    said = f"{len(survey.estate):,} facts about {len(survey.estate.entities):,} entities from {survey.files:,} files"
    output.err.print(f"{said} → {out}", markup=False)
    if not survey.problems:
        return 0
    output.err.print(f"{len(survey.problems)} could not be read:", markup=False)
    output.problems(survey.problems)
    return 3


def capture_script() -> int:
    """Print a POSIX shell script that an administrator can read and run to fill a capture folder.

    It only reads; it hashes secrets and never copies them. One node per class is enough to begin.

    Example: `ringfence capture-script > capture.sh; less capture.sh; sh capture.sh`
    """
    output.out.out(capture_script_text(), end="")
    return 0
