"""`ringfence lab …`: a cluster in a box, to see containment work."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter, validators

from ringfence.cli import output
from ringfence.cli.estate import AsJson
from ringfence.cli.extra import needs_fence, needs_watch

lab = App(
    name="lab",
    help="Run a small cluster of network namespaces with real parts, and play recorded attacks on it (root).",
    result_action="return_value",
)
Folder = Annotated[Path, Parameter(name=["--dir"], help="The lab's folder (default /var/tmp/ringfence-lab).")]
FOLDER = Path("/var/tmp/ringfence-lab")  # noqa: S108  # made 0700, refused where it is somebody else's


@lab.command
def up(*, gpus: int = 8, dir: Folder = FOLDER) -> int:
    """Bring it up: hosts, Slurm, InfiniBand (simulated), storage with a model of 1 GiB, agents, enforcers.

    Needs root and Debian packages; says which are missing. Nothing of this machine's own network is touched.

    Example: `ringfence lab up --gpus 8`

    Parameters
    ----------
    gpus
        GPU nodes, 4 to 12.
    """
    with needs_watch(), needs_fence():
        from ringfence.app.lab import run
        from ringfence.app.lab.layout import Layout
    run.up(Layout(dir, gpus), lambda said: output.err.print(said, markup=False))
    return 0


@lab.command
def status(*, dir: Folder = FOLDER, json: AsJson = False) -> int:
    """Show every machine and process, who is connected, Slurm's nodes and the fabric.

    Exit status 1 if something that should run does not.

    Example: `ringfence lab status`
    """
    with needs_watch(), needs_fence():
        from ringfence.app.lab import run
    found = run.status(run.laid_out(dir))
    if json:
        output.json(found)
    else:
        rows = ((one["name"], one["address"], *_shown(one)) for one in found["machines"])
        output.table(("machine", "address", "processes", "enforcer"), rows)
        output.out.print(f"fabric {found['fabric']['state']}, Slurm {len(found['slurm'])} nodes", markup=False)
    return 0 if found["works"] else 1


def _shown(machine: dict[str, Any]) -> tuple[str, str]:
    """(processes, how its enforcer is connected)."""
    ended = [name for name, state in machine["processes"].items() if state != "runs"]
    said = f"{len(machine['processes'])} run" if not ended else f"ended: {', '.join(ended)}"
    return said, {True: "connected", False: "not connected", None: ""}[machine.get("connected")]


@lab.command
def attack(
    kind: str = "exfiltrate", /, *, mode: str = "all", budget: str = "off", rate: str = "1gbit",
    trials: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 1,
    only: str = "", results: Path | None = None, dir: Folder = FOLDER, json: AsJson = False,
) -> int:  # fmt: skip
    """Play a recorded attack on the lab's own machines, and say what was lost, when it was cut, and who else was.

    Time begins with the first malicious packet or read; bytes are those that the outside's own counter saw. What was
    done is taken back afterwards. Exit status 1 if weights were lost that should not have been, or a bystander was cut.

    Example: `ringfence lab attack exfiltrate --mode all --rate 1gbit --json`

    Parameters
    ----------
    kind
        One of the kinds of docs/design/lab.md.
    mode
        What of Ringfence is on: off, detect (the guard only watches), fence, or all.
    budget
        With the fence: on (a two-hundredth of the model an hour), raised (more than the model), or off.
    rate
        100mbit, 1gbit or max.
    trials
        How many.
    only
        The one detector that is not silent (`RF.D43`); all, if none is named.
    results
        A file that keeps every trial, a line each; what is in it already is not done again.
    """
    with needs_watch(), needs_fence():
        from ringfence.app.lab import attacks, run
    layout = run.laid_out(dir)

    def told(said: str) -> None:
        output.err.print(said, markup=False)

    good = True
    for row in attacks.play(layout, attacks.cell(kind, mode, budget, only, rate, trials), results, told):
        good &= row["good"]
        if json:
            output.json_line(row)
        else:
            output.out.print(row["said"], markup=False)
    return 0 if good else 1


@lab.command
def down(*, dir: Folder = FOLDER) -> int:
    """End everything that `lab up` began, and nothing else.

    Example: `ringfence lab down`
    """
    with needs_watch(), needs_fence():
        from ringfence.app.lab import run
        from ringfence.app.lab.layout import Layout
    was_there = run.down(Layout(dir))
    output.out.print("everything was ended" if was_there else "there was nothing to end", markup=False)
    return 0
