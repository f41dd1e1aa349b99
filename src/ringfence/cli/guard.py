"""`ringfence guard`, `stop`, `resume`, `release`: containment without a human, and the switches that humans have."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ringfence.app.estates import open_estate
from ringfence.cli import output
from ringfence.cli.estate import DEFAULT, AsJson, EstateFile, Identity, SecretFile
from ringfence.cli.extra import needs_fence, needs_watch
from ringfence.cli.fence.change import SITE, STATE, Really, Site, StateFolder
from ringfence.cli.respond import Settings, shown_answer, site_of
from ringfence.cli.watch import HOME, Home
from ringfence.errors import Problem, UsageError

if TYPE_CHECKING:
    from ringfence.app.guard.responder import Answer

_Many = Parameter(negative="", consume_multiple=True)
_KEPT = "nothing was changed or kept: `ringfence watch FILE…` keeps incidents, for `ringfence respond`"


def guard(
    *files: Path,
    server: Path | None = None,
    address: str = "127.0.0.1:8444",
    on: Annotated[list[str] | None, _Many] = None,
    follow: Annotated[bool, Parameter(name=["--follow"], negative="")] = False,
    rules: Annotated[list[Path] | None, _Many] = None,
    cluster: str = "",
    only: Annotated[list[str] | None, _Many] = None,
    estate: EstateFile = DEFAULT,
    site: Site = SITE,
    state: StateFolder = STATE,
    home: Home = HOME,
    settings: Settings = None,
    really: Really = False,
    identity: Identity = None,
    json: AsJson = False,
) -> int:
    """Watch, plan, judge by your limits, and contain; without --apply only list what would be cut (shadow mode).

    With files it reads them to their end and says what it would have done. Else it goes on until it is ended.
    What is done, by whom it may be done, and how it is taken back: docs/design/respond.md.

    Example: `ringfence guard --server /etc/ringfence/server --estate cluster.estate`

    Parameters
    ----------
    files
        Logs or recorded telemetry, to see what would have been cut.
    server
        The folder that `ringfence enrol init` made: agents and relays are heard, by their certificates.
    address
        Where agents are heard.
    on
        Open ports as for `ringfence watch`; nobody proves there who he is, so nothing is cut because of them.
    follow
        Go on reading the files as they grow.
    rules
        Sigma rules, files or folders, beside our own.
    cluster
        The Slurm cluster that logs are of which name none.
    only
        Detectors that are not silent (`RF.D04`), to try what the others would miss; our own rules are silent too.
    """
    with needs_watch(), needs_fence():
        from ringfence.app.guard.room import assumed
        from ringfence.app.guard.start import Wanted, recorded, start
    wanted = Wanted(
        site_of(state, home, site, settings), estate, files, server, address, tuple(on or ()), follow,
        tuple(rules or ()), cluster, really, tuple(only or ()),
    )  # fmt: skip
    problems: list[Problem] = []

    def told(said: str) -> None:
        output.err.print(said, markup=False)

    if files and not follow:
        if really:
            raise UsageError("what is recorded is over", "without --apply it is shown what would have been cut")
        answers = recorded(wanted, open_estate(estate, identity), problems)
        if said := assumed(site):
            told(said)
        output.problems(problems)
        if json:
            output.json_lines(shown_answer(one) for one in answers)
        else:
            for one in answers:
                _line(shown_answer(one))
            output.out.print(f"{len(answers)} incidents; {_KEPT}", markup=False)
        return 3 if problems else 0

    def answered(one: "Answer") -> None:
        if json:
            output.json_line({"at": time.time(), **shown_answer(one)})
        else:
            _line(shown_answer(one))

    start(wanted, identity, told, answered)
    return 0


def _line(answer: dict) -> None:  # type: ignore[type-arg]
    """An incident and its cuts, a line each."""
    output.out.print(f"{answer['incident']}  {answer['title']}  {answer['grade']}", markup=False)
    for cut in answer["cuts"]:
        where = f"{cut['verb']} {cut['subject']} at {cut['place']}"
        output.out.print(f"  {cut['verdict']:<6} {where}  ({cut['rule']})", markup=False)


def stop(why: str, /, *, state: StateFolder = STATE) -> int:
    """Let nothing new be cut, at once, whoever wants it; what stands goes on standing, and undo works.

    Example: `ringfence stop "maintenance of the fabric" --state /var/lib/ringfence/guard`

    Parameters
    ----------
    why
        Said in the journal and to everybody who asks.
    """
    with needs_fence():
        from ringfence.app.guard import commands
    commands.stopped(site_of(state), why)
    output.out.print("stopped: no new cut begins; `ringfence resume` lets them begin again", markup=False)
    return 0


def resume(why: str = "", /, *, state: StateFolder = STATE) -> int:
    """Let cuts begin again after a stop.

    Example: `ringfence resume "maintenance is over"`

    Parameters
    ----------
    why
        Said in the journal.
    """
    with needs_fence():
        from ringfence.app.guard import commands
    commands.resumed(site_of(state), why)
    output.out.print("cuts may begin again", markup=False)
    return 0


def release(
    host: str, /, *, token: SecretFile | None = None, state: StateFolder = STATE,
    socket: Path = Path("/run/ringfence/enforcer.sock"), why: str = "",
) -> int:  # fmt: skip
    """Open a host at three in the morning: on the node with an offline token, or at the server by taking cuts back.

    With --token, on the node itself and without any server: everything that our enforcer holds there is open for as
    long as the token says. Without one, at the guard's machine: every cut on the host is taken back, and automation
    leaves it alone for a while. `ringfence enrol release` makes tokens to keep in a safe.

    Example: `ringfence release gpu0042 --token /root/gpu0042.token`

    Parameters
    ----------
    host
        Its name.
    token
        The offline token (mode 0600), `-` for standard input.
    socket
        The node's enforcer.
    why
        Said in the journal.
    """
    with needs_fence():
        from ringfence.app.guard import release as opening
    said = opening.on_node(socket, host, token) if token else opening.at_server(site_of(state), host, why)
    output.out.print(said.text, markup=False)
    return 0 if said.open else 1
