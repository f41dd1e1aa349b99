"""`ringfence fence serve`, `nodes` and `order`: the server of the order channel, and what to have it do."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ringfence.cli import output
from ringfence.cli.extra import needs_fence

Dir = Annotated[Path, Parameter(name=["--dir"], help="The server's folder.")]


def serve(folder: Path, /, *, listen: str = "127.0.0.1:8443", heartbeat: float = 15.0) -> int:
    """Hold the enforcers' connections, send them signed orders, keep their receipts, until ended.

    Example: `ringfence fence serve /etc/ringfence/server --listen 10.0.0.5:8443`

    Parameters
    ----------
    folder
        The folder that `ringfence enrol init` made.
    listen
        HOST:PORT; loopback unless you say otherwise, port 0 for any free one.
    heartbeat
        Seconds between the enforcers' signs of life.
    """
    with needs_fence():
        from ringfence.app.orders.run import start

        start(folder, listen, heartbeat, lambda text: output.err.print(text, markup=False))
    return 0


def nodes(*, dir: Dir, json: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Which enforcers are connected to the server on this machine, and what they did that nobody ordered.

    Example: `ringfence fence nodes --dir /etc/ringfence/server`

    Parameters
    ----------
    json
        As JSON.
    """
    with needs_fence():
        from ringfence.app.orders.control import ControlClient

        found = ControlClient(dir).nodes()
    if json:
        output.json(found)
    else:
        rows = [
            (one.host, one.since, " ".join(one.strays), " ".join(one.lacking), one.foreign, one.mended) for one in found
        ]
        said = ("slots that nobody ordered", "no driver for", "spoke for others", "mended")
        output.table(("host", "connected since", *said), rows)
    return 0


def order(
    host: list[str], /, *, dir: Dir, target: str, file: Path | None = None, action: str = "apply", job: str = "",
    timeout: float = 30.0, apply: Annotated[bool, Parameter(negative="")] = False,
) -> int:  # fmt: skip
    """Order hosts to put one artefact in force, and wait for their receipts. Says what it would do unless `--apply`.

    Example: `ringfence fence order host:gpu0001 --dir /etc/ringfence/server --target nftables --file rules.nft --apply`

    Parameters
    ----------
    host
        Entities: host:gpu0001.
    target
        Whose language the artefact is in: nftables.
    file
        The artefact.
    action
        apply, restore, remove or read (which changes nothing and needs no --apply).
    job
        The number of the job whose compartment it is.
    timeout
        Seconds to wait for each receipt.
    apply
        Give the order.
    """
    with needs_fence():
        from ringfence.app.orders.give import give

        results = give(dir, host, target, action, file, job, timeout, apply=apply)
    for one in results:
        output.out.print(str(one), markup=False)
    return 0 if all(one.good for one in results) else 1
