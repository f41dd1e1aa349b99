"""`ringfence lab …`: a cluster in a box, with real parts, in network namespaces of this machine."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from ringfence.cli import output
from ringfence.cli.extra import needs_fence

lab = App(
    name="lab",
    help="A cluster in a box: real Slurm, InfiniBand management, sshd and storage in network namespaces.",
    result_action="return_value",
)
FOLDER = Path("/var/lib/ringfence-lab")
Dir = Annotated[Path, Parameter(name=["--dir"], help="The lab's folder.")]


@lab.command
def up(*, gpus: int = 8, dir: Dir = FOLDER) -> int:
    """Bring the lab up; it goes on in the background. Needs root and some Debian packages.

    Example: `ringfence lab up --gpus 8`

    Parameters
    ----------
    gpus
        GPU nodes, 4 to 12.
    """
    with needs_fence():
        from ringfence.app.lab import run
        from ringfence.app.lab.layout import Layout

        run.up(Layout(dir.absolute(), gpus), lambda said: output.err.print(said, markup=False))
    output.err.print(f"the lab is up in {dir}; `ringfence lab status`, `ringfence lab down`", markup=False)
    return 0


@lab.command
def status(*, dir: Dir = FOLDER, json: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Every machine and process of the lab, and whether it works. Exit status 1: something has ended.

    Example: `ringfence lab status --json`

    Parameters
    ----------
    json
        As JSON.
    """
    with needs_fence():
        from ringfence.app.lab import run

        found = run.status(run.laid_out(dir.absolute()))
    if json:
        output.json(found)
    else:
        for one in found["machines"]:
            ended = [name for name, state in one["processes"].items() if state != "runs"]
            state = "down" if not one["up"] else f"ended: {', '.join(ended)}" if ended else "up"
            runs = ", ".join(name for name in one["processes"] if name != "init")
            output.out.print(f"{one['name']:8} {one['address']:14} {state:8} {runs}", markup=False)
        slurm = ", ".join(f"{node} {state}" for node, state in found["slurm"].items()) or "does not answer"
        output.out.print(f"Slurm: {slurm}", markup=False)
        output.out.print(f"fabric: {found['fabric']['state']}", markup=False)
    return 0 if found["works"] else 1


@lab.command
def down(*, dir: Dir = FOLDER) -> int:
    """End everything of the lab, and remove what it left.

    Example: `ringfence lab down`
    """
    with needs_fence():
        from ringfence.app.lab import run
        from ringfence.app.lab.layout import Layout

        there = run.down(Layout(dir.absolute()))
    output.err.print("the lab is gone" if there else "there was no lab", markup=False)
    return 0
