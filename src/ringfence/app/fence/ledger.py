"""What the fence remembers between commands, in one folder (0700): state, journal, the policies it put in force.

state.sqlite     receipts, keys, budgets            journal/        every change, append-only, signed
policies/        each policy by its digest          in-force.json   which of them stands, by which receipt
changes/         receipt → from which policy to which
"""

import hashlib
import os
from functools import cached_property
from pathlib import Path
from time import time
from typing import Any

import msgspec

from ringfence.errors import StateError, UsageError
from ringfence.segment.model import Policy
from ringfence.store.journal import Journal, Line, Signer, durable
from ringfence.store.journal.lines import encode
from ringfence.store.state import Database

ORIGIN = "ringfence/fence"
_POLICY = msgspec.json.Decoder(Policy)


class InForce(msgspec.Struct, frozen=True):
    """The policy that stands, and the receipt of the apply that put it there."""

    receipt: str
    policy: str


class Change(msgspec.Struct, frozen=True):
    """An apply: the digest of the policy that stood ("" for none), and of the one that is to stand."""

    old: str
    new: str


class Ledger:
    """One fence's memory. Raises `UsageError` where there is none and `make` is false."""

    def __init__(self, folder: Path, *, make: bool = False) -> None:
        if not make and not (folder / "state.sqlite").exists():
            raise UsageError(f"{folder} holds no fence", "`ringfence fence apply` makes one; name it with --state")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("policies", "changes"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        self.folder = folder
        self.database = Database.open(folder / "state.sqlite")

    def write_down(self, what: str, subject: str, receipt: str, **detail: Any) -> None:
        """One line of the journal; on disk when this returns."""
        actor = f"identity:uid/{os.getuid()}"
        with Journal.open(self.folder / "journal", ORIGIN, self.signer) as journal:
            journal.append([encode(Line(time(), actor, what, subject, detail, receipt))])

    @cached_property
    def signer(self) -> Signer:
        """The key that signs the journal's heads; made at first use (0600), never shown."""
        file = self.folder / "journal.key"
        if not file.exists():
            _write(file, Signer.generate(ORIGIN).seed)
        return Signer.from_seed(ORIGIN, file.read_bytes())

    def keep(self, policy: Policy) -> str:
        """Keep a policy; its digest."""
        data = msgspec.json.encode(policy, order="sorted")
        digest = hashlib.sha256(data).hexdigest()
        file = self.folder / "policies" / f"{digest}.json"
        if not file.exists():
            _write(file, data)
        return digest

    def policy(self, digest: str) -> Policy:
        """A policy that was kept. Raises `StateError` if it is gone or was changed."""
        file = self.folder / "policies" / f"{digest}.json"
        try:
            data = file.read_bytes()
        except OSError as error:
            raise StateError(f"{file}: {error.strerror}", "restore it from a copy") from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise StateError(f"{file} was changed since it was kept", "restore it from a copy")
        return _POLICY.decode(data)

    def change(self, receipt: str) -> Change | None:
        """From which policy to which an apply went; None for a receipt that is not an apply's."""
        file = self.folder / "changes" / f"{receipt}.json"
        return msgspec.json.decode(file.read_bytes(), type=Change) if file.exists() else None

    def intend(self, receipt: str, change: Change) -> None:
        """Keep it, before anything is touched."""
        _write(self.folder / "changes" / f"{receipt}.json", msgspec.json.encode(change))

    def in_force(self) -> InForce | None:
        """What stands; None before the first apply and after it was undone."""
        file = self.folder / "in-force.json"
        return msgspec.json.decode(file.read_bytes(), type=InForce) if file.exists() else None

    def stands(self, receipt: str, policy: str) -> None:
        """Note what stands from now on."""
        _write(self.folder / "in-force.json", msgspec.json.encode(InForce(receipt, policy)))

    def nothing_stands(self) -> None:
        """Note that nothing of ours stands."""
        (self.folder / "in-force.json").unlink(missing_ok=True)


def _write(file: Path, data: bytes) -> None:
    """Whole or not at all, on disk when this returns, 0600."""
    durable.sync(durable.put(file.parent, file.name, data))
