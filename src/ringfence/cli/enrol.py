"""`ringfence enrol …`: which host's key may speak for it."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from ringfence.cli import output
from ringfence.cli.estate import SecretFile
from ringfence.cli.extra import needs_fence

enrol = App(
    name="enrol",
    help="Enrol hosts: each makes its own key, the server's authority certifies it.",
    result_action="return_value",
)
Dir = Annotated[Path, Parameter(name=["--dir"], help="The server's folder.")]
Host = Annotated[str, Parameter(name=["--host"], help="The host, for example gpu0001.")]


@enrol.command
def init(folder: Path, /, *, host: str = "", port: int = 8443) -> int:
    """Make a server's folder: its authority, its keys, empty state.

    Example: `ringfence enrol init /etc/ringfence/server --host fence01`

    Parameters
    ----------
    folder
        A new folder; it holds keys and is for the server alone.
    host
        The server's own host in the estate (default: this machine's name).
    port
        Where it will listen; part of its id.
    """
    with needs_fence():
        from ringfence.app import enrol as app

        home = app.init(folder, host, port)
    output.err.print(f"{home.about.service} in {folder}; `ringfence fence serve {folder}` starts it", markup=False)
    return 0


@enrol.command
def token(
    *, host: Host, dir: Dir, out: Annotated[Path, Parameter(name=["-o", "--out"])], role: str = "enforcer",
    minutes: float = 60,
) -> int:  # fmt: skip
    """Make a one-time token with which a host enrols its key.

    Example: `ringfence enrol token --dir /etc/ringfence/server --host gpu0001 -o gpu0001.token`

    Parameters
    ----------
    out
        A new file (0600) to bring to the host; it is worth as much as the host's key until it is used.
    role
        enforcer, agent or relay; operator for people.
    minutes
        How long it is good for, a week at most.
    """
    with needs_fence():
        from ringfence.app import enrol as app

        made = app.token(dir, host, role, minutes, out)
    output.err.print(f"{out}: {made.role} of {made.host}, once, within {minutes:g} minutes", markup=False)
    return 0


@enrol.command
def join(*, server: str, token_file: SecretFile, dir: Annotated[Path, Parameter(name=["--dir"])]) -> int:
    """On the node: make its key, and have the server certify it.

    Example: `ringfence enrol join --server fence01:8443 --token-file gpu0001.token --dir /etc/ringfence/node`

    Parameters
    ----------
    server
        HOST:PORT of the server.
    token_file
        The token (mode 0600), `-` for standard input.
    dir
        A new folder for the node's key, which never leaves it.
    """
    with needs_fence():
        from ringfence.app import enrol as app

        home = app.join(server, token_file, dir)
    output.err.print(f"{home.host} is enrolled as {home.role}; remove the token file", markup=False)
    return 0


@enrol.command(name="list")
def list_(*, dir: Dir, json: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Every key that was ever enrolled, with its host.

    Example: `ringfence enrol list --dir /etc/ringfence/server`

    Parameters
    ----------
    json
        As JSON.
    """
    with needs_fence():
        from ringfence.app import enrol as app

        rows = app.listed(dir)
    if json:
        output.json(rows)
    else:
        output.table(("host", "role", "since", "revoked", "key"), [tuple(row.values()) for row in rows])
    return 0


@enrol.command
def revoke(*, host: Host, dir: Dir) -> int:
    """End every key and open token of a host, and its connection.

    Example: `ringfence enrol revoke --dir /etc/ringfence/server --host gpu0001`
    """
    with needs_fence():
        from ringfence.app import enrol as app

        ended = app.revoke(dir, host)
    output.err.print(f"{ended} keys of {host} revoked; a connection ends at its next sign of life", markup=False)
    return 0 if ended else 1


@enrol.command
def facts(*, dir: Dir) -> int:
    """What the estate should know of this fence, as facts in NDJSON (put the file into a capture).

    Example: `ringfence enrol facts --dir /etc/ringfence/server > capture/fence.ndjson`
    """
    with needs_fence():
        from ringfence.app import enrol as app

        for line in app.fact_lines(dir):
            output.out.out(line)
    return 0


@enrol.command
def release(
    *, host: Host, dir: Dir, why: str, out: Annotated[Path, Parameter(name=["-o", "--out"])], hours: float = 24,
    minutes: float = 60,
) -> int:  # fmt: skip
    """Make an offline token that opens one host without the server, once.

    Example: `ringfence enrol release --dir /etc/ringfence/server --host gpu0001 --why drill -o gpu0001.release`

    Parameters
    ----------
    why
        Why it is made; the node's journal keeps it.
    out
        A new file (0600); whoever has it can open the host.
    hours
        How long it can be used.
    minutes
        How long the host stays open once it is used.
    """
    with needs_fence():
        from ringfence.app import enrol as app

        made = app.release_token(dir, host, why, hours, int(minutes * 60), out)
    output.err.print(f"{out}: opens {made.host} once, for {minutes:g} minutes", markup=False)
    return 0
