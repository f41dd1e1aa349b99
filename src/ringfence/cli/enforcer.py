"""`ringfence enforcer …`: the process on a node that carries out signed orders, and questions to it."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from ringfence.cli import output
from ringfence.cli.estate import SecretFile
from ringfence.cli.extra import needs_fence

enforcer = App(
    name="enforcer",
    help="Run a node's enforcer, or ask it.",
    result_action="return_value",
)
VERDICTS = {"allow": 0, "done": 0, "hold": 1, "refused": 1}


@enforcer.command
def run(*, dir: Annotated[Path, Parameter(name=["--dir"])], settings: Path | None = None) -> int:
    """Run the enforcer of an enrolled node until it is ended: orders in, receipts out, a socket for hooks.

    Example: `ringfence enforcer run --dir /etc/ringfence/node --settings /etc/ringfence/enforcer.toml`

    Parameters
    ----------
    dir
        The folder that `ringfence enrol join` made.
    settings
        A TOML file; docs/design/enforcer.md lists the settings.
    """
    with needs_fence():
        from ringfence.app.enforcer.start import start

        start(dir, settings)
    return 0


@enforcer.command
def ask(
    verb: str, /, *, job: str = "", deadline: float = 0, token_file: SecretFile | None = None,
    socket: Path = Path("/run/ringfence/enforcer.sock"), json: Annotated[bool, Parameter(negative="")] = False,
) -> int:  # fmt: skip
    """Ask this node's enforcer: status, wait-job, remove-job, confine, release.

    Exit status 0: allowed or done; 1: held or refused.

    Example: `ringfence enforcer ask wait-job --job 4711`

    Parameters
    ----------
    verb
        What to ask.
    job
        The number of a Slurm job.
    deadline
        Seconds to wait at most (default: the enforcer's own).
    token_file
        For release: the offline token (mode 0600), `-` for standard input.
    socket
        The enforcer's socket.
    json
        The answer as JSON.
    """
    with needs_fence():
        from ringfence.app.enforcer.start import asked

        answer = asked(socket, verb, job, deadline, token_file)
    if json:
        output.json(answer)
    else:
        output.out.print(f"{answer.verdict}: {answer.why}", markup=False)
    return VERDICTS.get(answer.verdict, 1)
