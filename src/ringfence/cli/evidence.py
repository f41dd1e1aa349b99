"""`ringfence evidence …`: what was seen, decided and done, for somebody who does not have to trust us."""

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from ringfence.cli import output
from ringfence.cli.estate import AsJson
from ringfence.cli.extra import needs_fence, needs_watch
from ringfence.cli.fence.change import STATE, StateFolder
from ringfence.cli.respond import Settings
from ringfence.cli.watch import HOME, Home
from ringfence.errors import UsageError

if TYPE_CHECKING:
    from ringfence.app.guard.evidence_export import Verified

evidence = App(
    name="evidence",
    help="Export what was seen, decided and done; verify it; keep heads of the journal for others.",
    result_action="return_value",
)
FAILED, PARTIAL = 1, 3
_Many = Parameter(negative="", consume_multiple=True)


@evidence.command
def key(*, state: StateFolder = STATE) -> int:
    """Print the key that the journal is signed with: witnesses and whoever verifies are given it.

    Example: `ringfence evidence key --state /var/lib/ringfence/guard > journal.key`
    """
    with needs_watch(), needs_fence():
        from ringfence.app.guard.evidence_commands import log_key
    output.out.print(log_key(state), markup=False)
    return 0


@evidence.command
def export(
    incident: str = "", /, *, out: Annotated[Path, Parameter(name=["--out", "-o"])],
    every: Annotated[bool, Parameter(name=["--all"], negative="")] = False,
    witness: Annotated[list[str] | None, Parameter(negative="")] = None,
    state: StateFolder = STATE, home: Home = HOME, settings: Settings = None, json: AsJson = False,
) -> int:  # fmt: skip
    """Write an incident's lines of the journal with their proofs into one new file (0600).

    The head goes to the witnesses of guard.toml first, and to those named here. Exit status 3 if one did not take it.

    Example: `ringfence evidence export RF-3f2a -o RF-3f2a.evidence.json`

    Parameters
    ----------
    incident
        Its id, or enough of it.
    out
        The new file.
    every
        All lines of the journal instead.
    witness
        One more witness: `file:/path`, or its address and key in one word group.
    """
    with needs_watch(), needs_fence():
        from ringfence.app.guard.evidence_commands import exported
        from ringfence.app.guard.settings import telling
    if bool(incident) == every:
        raise UsageError("it is not clear what is to be exported", "name an incident, or --all")
    told = exported(state, home, out, incident, [*telling(state, settings).witnesses, *(witness or ())])
    if json:
        output.json(told)
    else:
        output.out.print(f"{told.file}: {told.lines} lines of a journal of {told.size}", markup=False)
        for one in told.witnesses:
            output.out.print(f"  witness {one.witness}: {one.said} {one.why}".rstrip(), markup=False)
    return PARTIAL if any(one.said != "kept" for one in told.witnesses) else 0


@evidence.command
def verify(
    file: Path | None = None, /, *, key: Annotated[list[str] | None, Parameter(negative="")] = None,
    witness_file: Annotated[list[Path] | None, _Many] = None, journal: Path | None = None, json: AsJson = False,
) -> int:  # fmt: skip
    """Check a file of evidence, or a journal, byte by byte, and against what witnesses took.

    Needs neither the guard nor its folder. Without --key a file is judged by the key that it names itself, which is
    said. Exit status 1 if anything is not as it was signed.

    Example: `ringfence evidence verify RF-3f2a.evidence.json --key journal.key --witness-file heads`

    Parameters
    ----------
    file
        What `ringfence evidence export` wrote.
    key
        The journal's key, or a file that holds it (`ringfence evidence key`).
    witness_file
        A file that a witness keeps heads in.
    journal
        The folder of the journal (`journal` in the guard's folder).
    """
    with needs_watch(), needs_fence():
        from ringfence.app.guard.evidence_commands import verified
    found = verified(file, key or (), witness_file or (), journal)
    if json:
        output.json(_verified(found))
    elif found.problems:
        output.out.print("NOT as it was signed:", style="bold red")
        output.problems(found.problems)
    else:
        by = "the key that was named" if found.trusted else "the key that it names itself: --key names a trusted one"
        about = f" about {found.incident}" if found.incident else ""
        said = f"{len(found.lines)} lines{about}, " if file else ""
        output.out.print(f"as it was signed: {said}of a journal of {found.size}, by {by}", markup=False)
        for name, when in found.cosigned.items():
            output.out.print(f"  cosigned by {name} at second {when}", markup=False)
        if witness_file:
            output.out.print(f"  {found.compared} heads of witnesses' files are the same", markup=False)
    return FAILED if found.problems else 0


@evidence.command
def witness(
    *, key: Annotated[list[str] | None, Parameter(negative="")] = None, folder: Path = Path("ringfence-witness"),
    listen: str = "127.0.0.1:8446", name: str = "ringfence/witness",
    everywhere: Annotated[bool, Parameter(negative="")] = False,
) -> int:  # fmt: skip
    """Keep the heads of other machines' journals, and refuse one that was rewritten (C2SP tlog-witness).

    It belongs on a machine where the server's root is nobody. Goes on until it is ended.

    Example: `ringfence evidence witness --key journal.key --folder /var/lib/ringfence-witness`

    Parameters
    ----------
    key
        The key of a journal that it serves, or a file that holds it; several may be named.
    folder
        Where it keeps the last head of each, and its own key.
    listen
        Where it listens; it speaks plain HTTP, and a TLS proxy belongs before it.
    name
        Its own name, in the key that it prints.
    everywhere
        Listen also where other machines reach it without a proxy.
    """
    with needs_watch(), needs_fence():
        from ringfence.app.guard.evidence_commands import witness as serving
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with serving(listen, folder, key or (), name, everywhere) as (url, own):
        output.out.print(f"{url} {own}", markup=False)
        output.err.print("that is what `witnesses` of guard.toml takes, behind the proxy's address", markup=False)
        over.wait()
    return 0


def _verified(found: "Verified") -> dict[str, object]:
    return {
        "holds": not found.problems,
        "problems": found.problems,
        "size": found.size,
        "incident": found.incident,
        "lines": len(found.lines),
        "trusted": found.trusted,
        "cosigned": found.cosigned,
        "compared": found.compared,
    }
