"""What the fence remembers between commands, in one folder (0700): state, journal, the policies it put in force.

state.sqlite     receipts, budgets              journal/        every change, append-only, signed
policies/        each policy by its digest      in-force.json   which of them stands, by which receipt
changes/         receipt → from what to what    .lock           held by the one command that changes something
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from time import time
from typing import Any, TypeVar

import msgspec

from ringfence.app.fence.theirs import Theirs
from ringfence.errors import StateError, UsageError
from ringfence.segment.model import Policy
from ringfence.store.journal import Journal, Line, Signer, durable
from ringfence.store.journal.lines import encode
from ringfence.store.state import Database

ORIGIN = "ringfence/fence"
Kind = TypeVar("Kind")
_POLICY = msgspec.json.Decoder(Policy)


class InForce(msgspec.Struct, frozen=True):
    """The policy that stands, and the receipt of the apply that put it there. `shadow`: it counts, and denies none.

    `targets`: those that it was compiled for. `theirs`: what others had beside it then.
    """

    receipt: str
    policy: str
    shadow: bool = False
    targets: tuple[str, ...] = ()
    theirs: Theirs = Theirs()

    @property
    def fences(self) -> bool:
        """Whether anybody is held back by it."""
        return not self.shadow


class Change(msgspec.Struct, frozen=True):
    """An apply: what stood before, and the digest of the policy that is to stand."""

    before: InForce | None
    new: str
    shadow: bool = False
    targets: tuple[str, ...] = ()


class Ledger:
    """One fence's memory. Nothing is made on disk before `make`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self) -> "Ledger":
        """Make the folder if it is not there."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in ("policies", "changes"):
                (self.folder / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StateError(f"{self.folder}: {error.strerror}", "name another folder with --state") from None
        return self

    def there(self) -> "Ledger":
        """Raises `UsageError` where there is no fence."""
        if not (self.folder / "state.sqlite").exists():
            told = "`ringfence fence apply --apply` makes one; name it with --state"
            raise UsageError(f"{self.folder} holds no fence", told)
        return self

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder while something is changed. Raises `StateError` where another command does."""
        handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            what = f"another command is changing the fence of {self.folder}; nothing was changed by this one"
            raise StateError(what, "wait until it has ended") from None
        try:
            yield
        finally:
            os.close(handle)

    @cached_property
    def database(self) -> Database:
        """The state; made at first use."""
        return Database.open(self.folder / "state.sqlite")

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
        data, digest = _encode(policy), digest_of(policy)
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
        """From what to what an apply went; None for a receipt that is not an apply's."""
        return _read(self.folder / "changes" / f"{receipt}.json", Change)

    def intend(self, receipt: str, change: Change) -> None:
        """Keep it, before anything is touched."""
        _write(self.folder / "changes" / f"{receipt}.json", msgspec.json.encode(change))

    def in_force(self) -> InForce | None:
        """What stands; None before the first apply and after it was undone."""
        return _read(self.folder / "in-force.json", InForce)

    def stands(self, what: InForce | None) -> None:
        """Note what stands from now on; None: nothing of ours."""
        file = self.folder / "in-force.json"
        if what:
            _write(file, msgspec.json.encode(what))
        else:
            file.unlink(missing_ok=True)
            durable.sync(self.folder)


def digest_of(policy: Policy) -> str:
    """SHA-256 of the policy as it is kept, hexadecimal."""
    return hashlib.sha256(_encode(policy)).hexdigest()


def _encode(policy: Policy) -> bytes:
    return msgspec.json.encode(policy, order="sorted")


def _read(file: Path, type_: type[Kind]) -> Kind | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=type_)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise StateError(f"{file} cannot be read: {error}", "restore it from a copy") from None


def _write(file: Path, data: bytes) -> None:
    """Whole or not at all, on disk when this returns, 0600."""
    durable.sync(durable.put(file.parent, file.name, data))
