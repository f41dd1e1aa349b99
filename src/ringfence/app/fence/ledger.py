"""What the fence remembers between commands, in one folder (0700): state, journal, the policies it put in force.

state.sqlite     receipts, budgets              journal/        every change, append-only, signed
policies/        each policy by its digest      in-force.json   confirms which of them stands
changes/         receipt → from what to what    .lock           held by the one command that changes something

What stands is what the last receipt and its change say. `in-force.json` may be missing; one that says otherwise is a
contradiction, and then nothing is changed. A state that is gone beside what it should know is damage, never a new one.
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
from ringfence.errors import InputError, StateError, UsageError
from ringfence.segment.model import Policy
from ringfence.store.journal import Journal, Line, Signer, durable
from ringfence.store.journal.lines import encode
from ringfence.store.state import Database, receipts

ORIGIN = "ringfence/fence"
Kind = TypeVar("Kind")
_OPEN = ("begun", "applied", "failed", "undoing")
_RESTORE = "restore it from a copy"
_TURN = 10.0
"""Seconds to wait for another writer of the journal."""
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
    """An apply: what stood before, the digest of the policy that is to stand, what others had beside it."""

    before: InForce | None
    new: str
    shadow: bool = False
    targets: tuple[str, ...] = ()
    theirs: Theirs = Theirs()

    def made(self, receipt: str) -> InForce:
        """What stands once the apply of this receipt is done."""
        return InForce(receipt, self.new, self.shadow, self.targets, self.theirs)


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
        if not self._file.exists() and not self._left_over:
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
        """The state; made at first use. Raises `StateError` where one was there: an empty one would forget receipts."""
        if self._left_over and not (self._file.exists() and self._file.stat().st_size):
            what = f"{self._file} is gone or empty, and {self._left_over[0]} is there: receipts are lost"
            raise StateError(what, "restore state.sqlite from a copy; nothing was changed")
        return Database.open(self._file)

    @property
    def _file(self) -> Path:
        return self.folder / "state.sqlite"

    @property
    def _left_over(self) -> list[Path]:
        """What only an apply leaves, beside the state."""
        found = [self.folder / "in-force.json", self.folder / "journal"]
        kept = (one for name in ("changes", "policies") for one in sorted((self.folder / name).glob("*.json")))
        return [one for one in (*found, *kept) if one.exists()]

    def ready(self) -> None:
        """Open all that is written while something is changed. Raises `StateError` before anything is."""
        self.database  # noqa: B018  # made or refused
        with self.journal():
            pass

    def write_down(self, what: str, subject: str, receipt: str, **detail: Any) -> None:
        """One line of the journal; on disk when this returns."""
        actor = f"identity:uid/{os.getuid()}"
        with self.journal() as journal:
            journal.append([encode(Line(time(), actor, what, subject, detail, receipt))])

    def journal(self) -> Journal:
        """The journal, held for writing; the guard and the fence's commands take turns, a batch each.

        The state is made before it: a journal alone would look like one whose receipts were lost.
        """
        if not self._file.exists() and not self._left_over:
            Database.open(self._file).close()
        return Journal.open(self.folder / "journal", ORIGIN, self.signer, wait=_TURN)

    @cached_property
    def signer(self) -> Signer:
        """The key that signs the journal's heads; made with the journal (0600), never shown. Raises `StateError`."""
        file = self.folder / "journal.key"
        if not file.exists() and not (self.folder / "journal").exists():
            _write(file, Signer.generate(ORIGIN).seed)
        remedy = "restore it from a copy, or set it and the folder journal aside: a new journal is begun then"
        try:
            return Signer.from_seed(ORIGIN, file.read_bytes())
        except InputError as error:
            raise StateError(f"{file}: {error.what}", remedy) from None
        except OSError as error:
            raise StateError(f"{file}: {error.strerror}", remedy) from None

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
            raise StateError(f"{file}: {error.strerror}", _RESTORE) from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise StateError(f"{file} was changed since it was kept", _RESTORE)
        return _POLICY.decode(data)

    def change(self, receipt: receipts.Receipt) -> Change:
        """From what to what an apply went. Raises `StateError` if that is gone or was changed."""
        file = self.folder / "changes" / f"{receipt.id}.json"
        found = _read(file, Change)
        if found is None or found.new != receipt.plan.hex():
            raise StateError(f"{file} is gone, or is not that of its receipt", _RESTORE)
        return found

    def intend(self, receipt: str, change: Change) -> None:
        """Keep it, before anything is touched."""
        _write(self.folder / "changes" / f"{receipt}.json", msgspec.json.encode(change))

    def in_force(self) -> InForce | None:
        """What stands by the receipts; None before the first apply and after it was undone.

        Raises `StateError` where `in-force.json` or the changes say otherwise.
        """
        if not self._file.exists() and not self._left_over:
            return None
        possible, file = self._possible(), self.folder / "in-force.json"
        noted = _read(file, InForce)
        for one in possible:
            if _same(one, noted):
                return noted
        if noted:
            what = f"{file} says that {noted.receipt} stands, and the receipts say {_named(possible[0])}"
            raise StateError(what, f"`ringfence fence status` lists them; remove {file} if the receipts are right")
        return possible[0]

    @property
    def unconfirmed(self) -> bool:
        """Whether `in-force.json` is gone: what stands is then known by the receipts alone."""
        return None not in self._possible() and not (self.folder / "in-force.json").exists()

    def _possible(self) -> tuple[InForce | None, ...]:
        """What may stand by the last receipt that was not undone: one that was cut off may have noted it or not."""
        last = next(reversed(receipts.listed(self.database, _OPEN)), None)
        if last is None:
            return (None,)
        change = self.change(last)
        made = change.made(last.id)
        return {"applied": (made,), "undoing": (made, change.before)}.get(last.status, (change.before, made))

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


def _same(one: InForce | None, other: InForce | None) -> bool:
    """Whether they are the same, but for what others had: that is read again when a cut-off apply is completed."""
    return one == other or bool(one and other and msgspec.structs.replace(one, theirs=other.theirs) == other)


def _named(one: InForce | None) -> str:
    return one.receipt if one else "that nothing does"


def _encode(policy: Policy) -> bytes:
    return msgspec.json.encode(policy, order="sorted")


def _read(file: Path, type_: type[Kind]) -> Kind | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=type_)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise StateError(f"{file} cannot be read: {error}", _RESTORE) from None


def _write(file: Path, data: bytes) -> None:
    """Whole or not at all, on disk when this returns, 0600."""
    durable.sync(durable.put(file.parent, file.name, data))
