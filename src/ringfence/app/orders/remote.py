"""A host's target as an `Enforcer`, driven from the server's machine by signed orders.

read ─▶ order `read` ─▶ the receipt's read-back        apply, restore ─▶ order ─▶ the receipt's outcome
"""

from pathlib import Path

from ringfence.app.orders.control import ControlClient
from ringfence.errors import EnforceError
from ringfence.segment.model import Artefact
from ringfence.wire import orders
from ringfence.wire.orders import Receipt


class RemoteEnforcer:
    """`folder` is the server's. `covers` are jobs that the gate lets start once it is in force.

    `where` is what is changed, `host` whose enforcer does it; "": they are the same. `found`: what it read back after
    the last change, signed like every receipt; None after one that failed, or where it is too long for a message.
    """

    def __init__(
        self, target: str, where: str, folder: Path, job: str = "", timeout: float = 30.0, host: str = ""
    ) -> None:
        self.target, self.where, self.covers, self.left = target, where, tuple[str, ...](), tuple[str, ...]()
        self.found: str | None = None
        self._host = host or where
        self._client, self._job, self._timeout = ControlClient(folder), job, timeout

    def read(self) -> str:
        """What the host's own enforcer reads back. Raises `EnforceError`."""
        receipt, text = self._order("read")
        if orders.digest(text) != receipt.digest:
            raise EnforceError(f"{self._host}: what is in force is longer than a message takes")
        return text

    def apply(self, artefact: Artefact) -> None:
        """Have the host put it in force. Raises `EnforceError`, with what the host says was left."""
        self._change("apply", artefact.text, artefact.name)

    def restore(self, before: str) -> None:
        """Have the host bring back what `read` returned. Raises `EnforceError`."""
        self._change("restore", before)

    def _change(self, action: str, text: str, name: str = "") -> None:
        self.found = None
        receipt, found = self._order(action, text, name)
        self.found = found if orders.digest(found) == receipt.digest else None

    def _order(self, action: str, text: str = "", name: str = "") -> tuple[Receipt, str]:
        more = {"name": name, "job": self._job, "covers": self.covers, "timeout": self._timeout}
        (result,) = self._client.send([self._host], self.target, action, text, **more)
        if result.receipt is None:
            raise EnforceError(result.error, result.remedy, result.left)
        if result.receipt.outcome != "applied":
            raise EnforceError(f"{self._host}: {result.receipt.error}", left=result.receipt.left)
        self.left = result.receipt.left
        return result.receipt, result.text
