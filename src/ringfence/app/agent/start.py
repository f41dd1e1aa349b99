"""What the command line calls."""

import socket
from pathlib import Path

from ringfence.app.agent import run
from ringfence.app.agent.settings import read
from ringfence.app.files import address
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.estate import ids


def check(settings_file: Path | None) -> list[dict[str, str]]:
    """Every source, and whether it works here. Raises `UsageError`, `InputError`."""
    settings = read(settings_file)
    return run.check(_machine(settings.cluster), settings)


def printed(settings_file: Path | None, *, once: bool) -> None:
    """Events to standard output. Raises `UsageError`, `InputError`."""
    settings = read(settings_file)
    run.printed(_machine(settings.cluster), settings, once=once)


def start(folder: Path, settings_file: Path | None, facts: Path | None, server: str, relay: str) -> None:
    """Run the agent of an enrolled node. Raises `UsageError`, `InputError`."""
    from ringfence.transport.authority import RELAY_NAME, SERVER_NAME  # cryptography is an extra

    settings = read(settings_file)
    to = address(relay or server) if relay or server else None
    run.serve(folder, _machine(settings.cluster), settings, facts, to, RELAY_NAME if relay else SERVER_NAME)


def _machine(cluster: str) -> Machine:
    return Machine(ids.host_name(socket.gethostname()), cluster)
