"""One artefact to named hosts, for people at the server's machine."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from ringfence.app.orders.control import ControlClient
from ringfence.errors import UsageError
from ringfence.wire.control import Result


class Given(msgspec.Struct, frozen=True):
    """What became of one host's order, or would be done."""

    host: str
    outcome: str
    detail: str = ""
    good: bool = True

    def __str__(self) -> str:
        return f"{self.host}: {self.outcome}" + (f": {self.detail}" if self.detail else "")


def give(
    folder: Path, hosts: Sequence[str], target: str, action: str, file: Path | None, job: str, timeout: float, *,
    apply: bool,
) -> list[Given]:  # fmt: skip
    """Order it, or (without `apply`) say what would be ordered. Raises `UsageError`, `EnforceError`."""
    try:
        text = file.read_text("utf-8") if file else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None
    if action in ("apply", "restore") and not file:
        raise UsageError(f"{action} needs an artefact", "--file FILE")
    client = ControlClient(folder)
    if not apply and action != "read":
        connected = {node.host for node in client.connected()}
        where = {True: "connected", False: "not connected: kept until it is"}
        return [Given(host, f"would {action} {target}", where[host in connected]) for host in hosts]
    name = file.name if file else ""
    return [_given(one) for one in client.send(hosts, target, action, text, name=name, job=job, timeout=timeout)]


def _given(result: Result) -> Given:
    if result.receipt is None:
        return Given(result.host, "no receipt", result.error, False)
    said = result.receipt
    good = said.outcome == "applied"
    return Given(result.host, said.outcome, said.error or said.digest[:16] or "nothing of ours is in force", good)
