"""`ringfence demo`: the founding story on a generated cluster, computed before your eyes."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ringfence.app import targets
from ringfence.app.assess.debt_report import write_debt_report
from ringfence.app.demo import Demo
from ringfence.app.demo_lab import Recorded, Run, recorded
from ringfence.app.questions import MOVE
from ringfence.app.report import write_report
from ringfence.cli import output
from ringfence.cli.ask import told
from ringfence.cli.debt import tell_picture
from ringfence.cli.estate import AsJson
from ringfence.cli.fence.design import told_blast, told_verdicts


def demo(*, out: Annotated[Path, Parameter(name=["-o", "--out"])] = Path("report.html"), json: AsJson = False) -> int:
    """Show what one stolen workstation reaches on a generated cluster of 2,000 nodes.

    Needs no root, no server and no network. Nothing is scripted: the same code reads your cluster. At its end stands
    what was recorded in the lab, where attacks are played and cut off.

    Example: `ringfence demo -o report.html`

    Parameters
    ----------
    out
        Where to write the report; that of the debt lies beside it (`report-debt.html`).
    """
    debts = out.with_name(f"{out.stem}-debt.html")
    targets.pages({"-o": out, "the report of the debt": debts})
    with output.progress() as step:
        step("generating a cluster of 2,000 nodes")
        shown = Demo()
        step("deriving every move")
        _ = shown.asked.edges
        step("following them from the workstation")
        _ = shown.lost
        step("deriving and proving the fence")
        _ = shown.design.proofs
        step("asking what still falls behind it")
        fence = shown.design.blast(shown.held)
        step("ten months of security debt of a cluster that grows")
        owed = shown.debt
    if json:
        output.json(_as_json(shown) | {"debt": owed, "fence": _fence_json(shown, fence), "lab": _lab_json(recorded())})
    else:
        _told(shown)
        _fence_told(shown, fence)
        tell_picture(owed)
        _lab_told(recorded())
    with output.progress() as step:
        write_report(shown.asked, out, shown.held, step)
        write_debt_report(owed, debts)
    output.err.print(f"\n{out} has the picture, {debts} that of the debt: open them in a browser.", markup=False)
    output.err.print(
        "Your own cluster: ringfence capture-script > capture.sh; ringfence collect --from CAPTURE", markup=False
    )
    return 0


def _as_json(shown: Demo) -> dict[str, Any]:
    return {
        "from": shown.held,
        "hosts": shown.fallen,
        "jewels": shown.lost,
        "paths": shown.worst_paths(),
        "choke": shown.asked.choke(shown.held),
        "best": shown.best_cuts(),
    }


def _fence_json(shown: Demo, fence: dict[str, Any]) -> dict[str, Any]:
    return {
        "planes": shown.design.verdicts(),
        "open_planes": shown.design.open_planes,
        "blast": fence,
        "used": shown.used,
        "cut": shown.hindered,
    }


def _fence_told(shown: Demo, fence: dict[str, Any]) -> None:
    say = output.out.print
    say("\nThe fence that follows from its jobs, on paper (on your cluster: ringfence fence plan):", style="bold")
    told_verdicts(shown.design.verdicts(), shown.design.open_planes)
    told_blast(fence)
    tenant = sorted({jewel.partition(":")[2].partition("-")[0] for jewel in fence["behind"]["jewels"]})
    say(f"Those jewels belong to: {', '.join(tenant) or 'nobody'}.", markup=False)
    total, cut = sum(shown.used.values()), len(shown.hindered)
    planes = ", ".join(f"{count:,} on {plane}" for plane, count in shown.used.items())
    say(f"Of {total:,} things that jobs and people really do ({planes}), {cut} would be cut.", markup=False)


def _lab_json(found: Recorded) -> dict[str, Any]:
    return {
        "recorded": found.recorded,
        "machine": found.machine,
        "command": found.command,
        "note": found.note,
        "runs": [one.as_json() for one in found.runs],
    }


def _lab_told(found: Recorded) -> None:
    """The only part that is not computed here, and says so."""
    say = output.out.print
    say("\nAnd when it happens: a compromised training job sends a model of 1 GiB outside (recorded)", style="bold")
    rows = ((one.mode, one.cell.rate, f"{one.trial.bytes:,}", f"{one.share:.2%}", _ended(one)) for one in found.runs)
    output.table(("what is on", "rate", "bytes gone", "of the model", "what ended it"), rows)
    where = f"{found.machine['processor']}, {found.machine['cores']} cores"
    say(f"Recorded on {found.recorded} ({where}), not played now: {found.note}.", markup=False)
    say(f"Your own (root, Debian's packages): {found.command}", markup=False)


def _ended(one: Run) -> str:
    if one.trial.to_block is not None:
        return f"cut and read back after {one.trial.to_block:.2f} s"
    return "nothing: all of it left" if one.trial.bytes >= one.trial.of else "the budget was spent"


def _told(shown: Demo) -> None:
    say = output.out.print
    estate = shown.asked.estate
    say(f"A generated cluster: {len(estate):,} facts, {len(shown.asked.edges):,} moves an attacker could make.\n")
    shells = [host for host, what in shown.fallen.items() if any(one.startswith("a shell") for one in what)]
    memory = [host for host in shown.fallen if host not in shells]
    say(f"If {shown.held[0]} falls, {len(shells)} hosts fall with it:", style="bold", markup=False)
    for host in shells:
        say(f"  {host}: {', '.join(shown.fallen[host])}", markup=False)
    say(f"on {len(memory)} more, GPU memory alone is read: {', '.join(memory)}", markup=False)
    say(f"\nand {len(shown.lost)} crown jewels are reached:", style="bold")
    for row in shown.lost[:8]:
        say(f"  {row['position']} in {row['minutes'][0]:g} to {row['minutes'][1]:g} minutes", markup=False)
    if len(shown.lost) > 8:
        say(f"  … and {len(shown.lost) - 8} more")
    say("\nThe worst paths:", style="bold")
    for number, path in enumerate(shown.worst_paths(), 1):
        told(number, path)
    say("\nWhere to cut, by what is saved per job disturbed:", style="bold")
    for cut in shown.asked.choke(shown.held)[:8]:
        say(f"  {_named(cut)}: saves {_saved(cut)}, disturbs {cut['jobs_disturbed']} jobs", markup=False)
    say("\nThe three best cuts together:", style="bold")
    for number, cut in enumerate(shown.best_cuts(), 1):
        say(f"  {number}. {_named(cut)}: so far {_saved(cut)} saved", markup=False)
        if cut["kind"] == "move":
            say(f"     {MOVE[cut['entity']].end}", markup=False)


def _named(cut: dict[str, Any]) -> str:
    return f"{cut['entity']} {MOVE[cut['entity']].title}" if cut["kind"] == "move" else str(cut["entity"])


def _saved(cut: dict[str, Any]) -> str:
    return f"{cut['jewels_saved']} jewels and {cut['positions_saved']:,} positions"
