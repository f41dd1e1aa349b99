"""`ringfence harden check|explain|apply|undo`: dry unless `--apply` is given."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter, validators

from ringfence.app.harden import commands
from ringfence.app.harden.host import WAYS_ON
from ringfence.app.words import many
from ringfence.cli import output
from ringfence.cli.estate import DEFAULT, AsJson, EstateFile, Identity
from ringfence.cli.extra import needs_fence
from ringfence.errors import EnforceError, UsageError

harden = App(
    name="harden",
    help="Set a host as a GPU node should be set, so that all of it can be undone.",
    result_action="return_value",
)

Root = Annotated[Path, Parameter(name=["--root"], help="The file tree of the host (default: this one).")]
Only = Annotated[
    list[str] | None, Parameter(name=["--only"], negative="", help="This measure alone, by id or name (repeatable).")
]
State = Annotated[
    Path | None, Parameter(name=["--state"], help="Receipts and journal (default /var/lib/ringfence/harden).")
]
Really = Annotated[bool, Parameter(name=["--apply"], negative="", help="Do it; without this it is only shown.")]
Wait = Annotated[
    float,
    Parameter(
        name=["--wait"],
        validator=validators.Number(gte=0),
        help="Seconds to wait while another command hardens this host (default 0).",
    ),
]
HERE = Path("/")
FOUND = 3
_ASK = "--health or --step-time says how"


@harden.command
def check(
    *,
    root: Root = HERE,
    only: Only = None,
    estate: EstateFile = DEFAULT,
    host: str = "",
    save: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    json: AsJson = False,
    identity: Identity = None,
) -> int:
    """Compare the host with what every measure wants. Changes nothing. Exit status 3 if anything is left to do.

    Example: `ringfence harden check -o cluster.estate`

    Parameters
    ----------
    host
        The host's id in the estate (default: the name in its /etc/hostname). Used with -o.
    save
        Save the estate with settings of this host as they are now, for `ringfence audit`: sshd, pam_slurm_adopt, IOMMU,
        bpf, and who reads performance counters.
    """
    found, well = commands.check(root, only or ())
    if save is not None:
        output.problems(commands.told_to(save, estate, identity, root, only or (), host))
    if json:
        output.json(found)
    else:
        _table(found)
    return 0 if well else FOUND


@harden.command
def explain(measure: list[str] | None = None, /, *, json: AsJson = False) -> int:
    """Tell what measures want, why, and what they break.

    Example: `ringfence harden explain profiling_admin`

    Parameters
    ----------
    measure
        Ids or names; all for none.
    """
    found = commands.explain(measure or ())
    if json:
        output.json(found)
        return 0
    for one in found:
        output.out.print(f"{one['id']} {one['name']}: {one['title']}", style="bold", markup=False)
        told = [("why", one["why"]), ("breaks", one["breaks"]), *(("wants", want) for want in one["wants"])]
        told += [("applies where", need) for need in one["applies"]] + [("not unless", way) for way in one["way_in"]]
        told += [(name, one[name]) for name in ("after", "never", "source") if one[name]]
        output.table(("", ""), told)
    return 0


@harden.command
def apply(
    *,
    root: Root = HERE,
    only: Only = None,
    state: State = None,
    receipt: str = "",
    plan: str = "",
    wait: Wait = 0.0,
    really: Really = False,
    json: AsJson = False,
) -> int:
    """Change what differs; show what that would be without `--apply`. One that was cut off is completed first.

    All of it is done or nothing. Without `--apply` it also says what would be refused, and why.

    What only people can change is told, and left. Exit status 3 if anything is left.
    Example: `ringfence harden apply --only kernel_memory --apply`

    Parameters
    ----------
    receipt
        The id of the receipt (default: a new one). Under an id that was applied nothing is done again.
    plan
        The plan that was shown without --apply, by its digest; where it would be another one now, nothing is changed.
    """
    applying = commands.Applying(root, only or (), state, receipt, wait, plan)
    done: list[Any] = []
    if really:
        with needs_fence():
            done = _run(applying.apply())
    found, digest = applying.plan()
    refused, others = ([], []) if really else applying.refused()
    if json:
        output.json({"outcomes": done, "findings": found, "plan": digest, "refused": refused})
    else:
        _table(found)
        _told_changes(found, done, "" if refused else digest)
        _told_refused(refused, others)
    return 0 if not any(one["verdict"] in commands.OPEN for one in found) else FOUND


@harden.command
def undo(
    receipt: str = "",
    /,
    *,
    root: Root = HERE,
    state: State = None,
    keep_theirs: Annotated[bool, Parameter(negative="")] = False,
    overwrite_theirs: Annotated[bool, Parameter(negative="")] = False,
    if_there: Annotated[bool, Parameter(negative="")] = False,
    wait: Wait = 0.0,
    really: Really = False,
    json: AsJson = False,
) -> int:
    """Take the last apply back: bytes, mode, owner, and files that were not there are gone again.

    What somebody else changed since is shown, and left, until one of the two ways on is named. Exit status 1
    if a place could not be put back.
    Example: `ringfence harden undo --apply`

    Parameters
    ----------
    receipt
        The receipt, if it is to be checked that it is the last one. An id that is none of this host is refused.
    keep_theirs
        What somebody else changed since stays as they made it; the receipt is closed, and the journal says so.
    overwrite_theirs
        What was there before comes back over their change; a copy of a file of theirs is kept beside the receipts.
    if_there
        A receipt that this host does not have is no fault: nothing is left to do then. Waves ask so.
    """
    if keep_theirs and overwrite_theirs:
        raise UsageError("--keep-theirs and --overwrite-theirs exclude each other", "name one")
    undoing = commands.Undoing(root, state, receipt, commands.foreign(keep_theirs, overwrite_theirs), wait, if_there)
    shown = undoing.shown()
    done = _run(undoing.undo()) if really else []
    if json:
        output.json({**shown, "status": undoing.status, "outcomes": done})
    elif undoing.nothing and not done:
        output.out.print(undoing.nothing, markup=False)
    elif really:
        kept = [one for one in done if one.status == "kept"]
        left = f"; {len(kept)} stay as somebody else made them" if kept else ""
        output.out.print(
            f"{shown['receipt']} is taken back at {many(len(done) - len(kept), 'place')}{left}", markup=False
        )
        for one in done:
            if one.why:
                output.out.print(f"{one.place}: {one.why}", markup=False)
    else:
        output.out.print(f"an undo of {shown['receipt']} would put back, in this order:", markup=False)
        for line in undoing.told_back():
            output.out.print(line, markup=False)
        for line in undoing.told():
            output.out.print(line, markup=False)
        if shown["theirs"]:
            output.out.print(WAYS_ON, markup=False)
        output.out.print("--apply does it")
    return 0


@harden.command
def waves(
    hosts: Path,
    /,
    *,
    run: Annotated[Path, Parameter(name=["--run"])] = Path("harden-run.json"),
    reach: str = "ssh -o BatchMode=yes -o ConnectTimeout=10 root@{host}",
    only: Only = None,
    health: str = "",
    step_time: str = "",
    slower: Annotated[float, Parameter(validator=validators.Number(gte=0))] = 0.05,
    canary: list[str] | None = None,
    most: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 64,
    tolerated: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 0,
    put_back: bool = True,
    program: str = "ringfence",
    patience: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 600.0,
    really: Really = False,
    json: AsJson = False,
) -> int:
    """Harden many hosts, a canary first, then twice as many each time; halt where one is not well.

    After a halt no further wave begins, in this call or a later one of the same run. Where each host stands is kept in
    the file of the run: called again, it goes on. Exit status 3 if it halted.
    Example: `ringfence harden waves hosts.txt --only umad --health "systemctl is-active slurmd" --apply`

    Parameters
    ----------
    hosts
        A file of names, one a line.
    run
        Where each host stands; a new run has a new file.
    reach
        Words before a command on a host; `{host}` is its name. No shell reads them here.
    health
        A line of shell (`/bin/sh -c`) that ends with 0 where all is well: on the host, or here if it names `{host}`.
        `$HOST` is the host's name in it. Of a pipe the last command counts, as in any shell.
    step_time
        A line of shell that prints the seconds of steps of running jobs, one number a line. A host whose jobs told one
        before the change and tell none after it is not well.
    slower
        By how much the median step may grow (0.05: 5 %).
    canary
        Hosts that go first (default: the first by name). Repeatable.
    most
        Hosts of one wave at most.
    tolerated
        How many hosts may be bad before it halts.
    put_back
        Take back the wave in which it halts.
    program
        How ringfence is called on a host.
    patience
        Seconds that one command on a host may take; a health command that hangs ends so, with what it began here, and
        its host is not well.
    """
    wanted = commands.Wanted(
        hosts, run, reach, tuple(only or ()), health, step_time, slower, tuple(canary or ()), most, tolerated, put_back,
        program, patience,
    )  # fmt: skip
    if not really:
        planned = commands.waves_planned(wanted)
        if json:
            output.json(planned)
            return 0
        output.table(("wave", "hosts", ""), [(n + 1, len(w), ", ".join(w[:8])) for n, w in enumerate(planned["waves"])])
        following = planned["next"]
        what = f"{following.do}, {following.why}" if following.why else following.do
        if not commands.waves_asked(wanted):
            output.out.print(f"nobody asks whether a host is well: {_ASK}", markup=False)
        output.out.print(f"next: {what}; nothing was changed; --apply does it", markup=False)
        return 0
    with needs_fence():
        steps = []
        for step in commands.waves_run(wanted):
            steps.append(step)
            output.err.print(_told_step(step), markup=False)
    ended = commands.waves_ended(wanted)
    if json:
        output.json({"steps": steps, **ended})
    else:
        _told_end(ended, run, halted=steps[-1].do == "halt")
    return FOUND if steps[-1].do == "halt" else 0


def _told_step(step: Any) -> str:
    if not step.hosts or step.do == "halt":
        return f"{step.do}: {step.why}"
    named = f"{', '.join(step.hosts[:8])}{' …' if len(step.hosts) > 8 else ''}"
    return f"wave {step.wave + 1}: {step.do}: {many(len(step.hosts), 'host')} ({named})"


def _told_end(ended: dict[str, Any], run: Path, *, halted: bool) -> None:
    if ended["bad"]:
        output.table(("host", "stands", "why"), [(one["host"], one["stand"], one["why"]) for one in ended["bad"]])
    if not ended["asked"]:
        output.out.print(
            f"healthy means only that the change was made: nobody asked whether hosts are well; {_ASK}", markup=False
        )
    if halted:
        output.out.print(
            f"{run} stays halted: mend these hosts, then begin a new run, with another file for --run", markup=False
        )
    taken = f"`ringfence harden undo {ended['receipt']} --apply` on a host takes it back"
    output.out.print(f"where each host stands: {run}; {taken}", markup=False)


def _run(outcomes: Iterable[Any]) -> list[Any]:
    try:
        return list(outcomes)
    except EnforceError as error:
        for left in error.left:
            output.err.print(f"  left: {left}", markup=False)
        raise


def _table(found: list[dict[str, Any]]) -> None:
    rows = [(one["id"], one["name"], one["verdict"], "; ".join(one["reasons"])) for one in found]
    output.table(("", "measure", "verdict", "why"), rows)


def _told_changes(found: list[dict[str, Any]], done: list[Any], digest: str) -> None:
    for one in done:
        output.out.print(f"{one.status}: {one.place}", markup=False)
    for change in (change for one in found for change in one["changes"]):
        output.out.print(f"would {change}", markup=False)
    if done:
        output.out.print("`ringfence harden undo --apply` takes it back")
    elif digest and any(one["changes"] for one in found):
        output.out.print(f"nothing was changed; --apply does it (--plan {digest[:16]} --apply: this and no other)")


def _told_refused(refused: list[dict[str, Any]], others: list[str]) -> None:
    for one in refused:
        where = f"{one['place']}: " if one["place"] else ""
        output.out.print(f"would be refused: {where}{one['why']}; {one['remedy']}", markup=False)
    if refused:
        output.out.print("nothing was changed; --apply would change nothing at all while that is so", markup=False)
    if others:
        words = " ".join(f"--only {name}" for name in others)
        output.out.print(f"the others alone: `ringfence harden apply {words}`", markup=False)
