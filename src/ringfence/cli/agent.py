"""`ringfence agent` and `ringfence relay`: telemetry from a node, and of a rack."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ringfence.cli import output
from ringfence.cli.extra import needs_fence
from ringfence.errors import UsageError

Flag = Annotated[bool, Parameter(negative="")]


def agent(
    *, home: Path | None = None, settings: Path | None = None, server: str = "", relay: str = "",
    facts: Path | None = None, check: Flag = False, print: Flag = False, once: Flag = False, json: Flag = False,
) -> int:  # fmt: skip
    """Watch this node, and tell the server what happens on it.

    `ringfence agent --check` says what it can see here; `ringfence agent --print` shows it, without any server.

    Example: `ringfence agent --home /etc/ringfence/agent --settings /etc/ringfence/agent.toml`

    Parameters
    ----------
    home
        The folder that `ringfence enrol join` made with a token of the role agent.
    settings
        A TOML file; docs/agent.md lists the settings.
    server
        HOST:PORT of the telemetry server (default: where the node was enrolled).
    relay
        HOST:PORT of the rack's relay, in place of the server.
    facts
        A file to which opens of weights and datasets are appended as facts, for `ringfence collect`.
    check
        List every source: whether it works here, what it needs, what it cannot see.
    print
        Print events as lines of JSON; needs no enrolment.
    once
        With --print: two looks at every source, and the end.
    json
        With --check: as JSON.
    """
    with needs_fence():
        from ringfence.app.agent import start as app

        if check:
            rows = app.check(settings)
            if json:
                output.json(rows)
            else:
                for row in rows:
                    output.out.print(f"{row['source']:12} {row['state']:7} {row['how']:8} {row['tells']}", markup=False)
                    for name in ("lacks", "remedy", "blind"):
                        if row[name]:
                            output.out.print(f"{'':12} {name}: {row[name]}", markup=False)
        elif print or once:
            app.printed(settings, once=once)
        elif home is None:
            raise UsageError("an agent needs its folder", "--home DIR, or --print to see without a server")
        else:
            app.start(home, settings, facts, server, relay)
    return 0


def relay(*, home: Path, listen: str = "127.0.0.1:8445", server: str = "") -> int:
    """Collect the telemetry of a rack's agents, and pass it on to the server in batches.

    Example: `ringfence relay --home /etc/ringfence/relay --listen 10.1.7.1:8445 --server fence01:8444`

    Parameters
    ----------
    home
        The folder that `ringfence enrol join` made with a token of the role relay.
    listen
        HOST:PORT for the agents.
    server
        HOST:PORT of the telemetry server (default: where the relay was enrolled).
    """
    with needs_fence():
        from ringfence.app import relay as app
        from ringfence.app.files import address

        app.start(
            home, address(listen), address(server) if server else None,
            lambda port: output.err.print(f"agents on {listen.rpartition(':')[0]}:{port}", markup=False),
        )  # fmt: skip
    return 0
