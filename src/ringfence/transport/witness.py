"""Heads of the journal, sent where root on this server cannot take them back.

        Tree at its head ─▶ file:/path       the head is the next line of an append-only file
                         ─▶ https://…        C2SP tlog-witness: add-checkpoint, answered with a cosignature

Either of them knows the last head that it took. A log that does not continue it was rewritten, which is said as
`REWRITTEN` and never as an exception: the guard tells people.
"""

import ipaddress
import os
import re
import stat
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import msgspec

from ringfence.errors import InputError, MissingPart, RingfenceError, StateError, UsageError
from ringfence.store.journal import Tree, Verifier, verify_checkpoint
from ringfence.store.journal.checkpoint import Checkpoint
from ringfence.store.journal.witness import LARGEST, Cosigner, ask, cosigned

if TYPE_CHECKING:
    import httpx

KEPT, REWRITTEN, UNKNOWN, FAILED = "kept", "rewritten", "unknown", "failed"
"""What became of a head: taken; refused because it does not continue the last one; this log or its key is not one that
the witness serves; not told (no answer, no room)."""

WAIT = 5.0
"""Seconds to wait for a witness."""
_SIZE = re.compile(r"\A(?:0|[1-9][0-9]{0,18})\n?\Z", re.ASCII)
_RECORD = 1 << 14
"""Bytes of a line in a witness's file, at most."""


class Sent(msgspec.Struct, frozen=True):
    """What became of a head of `size` lines at a witness. `note`: the head with its cosignature, where it gave one."""

    witness: str
    said: str
    size: int
    why: str = ""
    note: str = ""


class Witness(Protocol):
    """Takes heads of one log."""

    name: str

    def send(self, tree: Tree) -> Sent:
        """Tell the head of this tree. Raises nothing that the world can cause."""


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A line of a witness's file: a head, or `torn`: the line before was cut off while it was written."""

    head: str = ""
    torn: bool = False


class FileWitness:
    """An append-only file (`chattr +a`, or on another machine's disk), a head a line, each flushed."""

    def __init__(self, path: Path, keys: tuple[Verifier, ...]) -> None:
        self.name = f"file:{path}"
        self.path, self._keys = path, keys
        self._most = 0

    def send(self, tree: Tree) -> Sent:
        """Append the head, unless it is the last one or does not continue it."""
        try:
            return self._send(tree)
        except OSError as error:
            return Sent(self.name, FAILED, tree.size, f"{self.path}: {error.strerror}")
        except RingfenceError as error:
            return Sent(self.name, FAILED, tree.size, error.what)

    def _send(self, tree: Tree) -> Sent:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        handle = os.open(self.path, flags, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise InputError(f"{self.path} is not a regular file")
            whole, last = self._last(handle)
            size, most = (last.size if last else 0), self._most
            self._most = max(most, size)
            wrong = _breaks(tree, last) if last else ""
            if wrong:
                return Sent(self.name, REWRITTEN, tree.size, wrong)
            if not (last and last.size == tree.size):
                record = b"" if whole else b"\n" + _line(Record(torn=True))
                _append(handle, record + _line(Record(tree.checkpoint.note)))
                self._most = max(self._most, tree.size)
        finally:
            os.close(handle)
        if size < most:
            return Sent(
                self.name, FAILED, tree.size, f"{self.path} has lost heads: {most} lines were seen, it had {size}"
            )
        return Sent(self.name, KEPT, tree.size)

    def _last(self, handle: int) -> tuple[bool, Checkpoint | None]:
        """(whether the file ends in a whole line, the last head in it)."""
        size = os.fstat(handle).st_size
        tail = os.pread(handle, 4 * _RECORD, max(size - 4 * _RECORD, 0))
        lines = tail.split(b"\n")
        for one in reversed(lines[:-1]):
            try:
                head = msgspec.json.decode(one, type=Record).head
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue  # cut off while it was written; what is damaged is `evidence verify`'s to tell
            if head:
                return not lines[-1], verify_checkpoint(head, self._keys)
        return not lines[-1], None


def heads_in(path: Path, keys: tuple[Verifier, ...]) -> list[tuple[int, Checkpoint | InputError]]:
    """(number of the line, head or what is wrong with it), all heads in a witness's file. Raises `UsageError`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "name the file that the guard writes heads into") from None
    lines = data.split(b"\n")
    records = [(at, one, *_record(one)) for at, one in enumerate(lines, 1) if one or at < len(lines)]
    found: list[tuple[int, Checkpoint | InputError]] = []
    for place, (at, line, record, wrong) in enumerate(records):
        after = records[place + 1][2] if place + 1 < len(records) else None
        if record is None:
            if not (after and after.torn) and at < len(lines):
                found.append((at, InputError(wrong, line=at)))
        elif record.head:
            try:
                found.append((at, verify_checkpoint(record.head, keys)))
            except InputError as error:
                found.append((at, InputError(error.what, line=at)))
        elif not record.torn or place == 0 or records[place - 1][2] is not None:
            found.append((at, InputError(f"{line[:40]!r} holds no head", line=at)))
    return found


class HttpWitness:
    """A server that speaks C2SP tlog-witness at `prefix`; `key` is its own, without which its word is not kept."""

    def __init__(self, prefix: str, key: Cosigner | None = None) -> None:
        self.prefix, self.key = prefix.rstrip("/"), key
        self.name = key.name if key else urlsplit(prefix).netloc.rpartition("@")[2]
        self._size = 0
        self._client = _client(prefix)

    def send(self, tree: Tree) -> Sent:
        """Ask for a cosignature; a witness that knows another size is asked again from there, once."""
        try:
            sent = self._ask(tree)
            return sent or self._ask(tree) or Sent(self.name, FAILED, tree.size, "it named two sizes")
        except (RingfenceError, OSError) as error:
            return Sent(self.name, FAILED, tree.size, str(error))

    def close(self) -> None:
        """Let go of its connection."""
        self._client.close()

    def _ask(self, tree: Tree) -> Sent | None:
        old = min(self._size, tree.size)
        status, text = self._post(ask(old, tree.consistency(old), tree.checkpoint.note))
        match status:
            case 200:
                self._size = tree.size
                note = cosigned(tree.checkpoint, text, [self.key]) if self.key else ""
                return Sent(self.name, KEPT, tree.size, note=note)
            case 409:
                return self._other_size(old, tree.size, text)
            case 422:
                return Sent(self.name, REWRITTEN, tree.size, f"its first {old} lines are not those that it cosigned")
            case 403 | 404:
                return Sent(self.name, UNKNOWN, tree.size, "it does not know this log, or not this log's key")
        return Sent(self.name, FAILED, tree.size, f"it answered {status}")

    def _other_size(self, old: int, size: int, text: str) -> Sent | None:
        if not _SIZE.match(text):
            return Sent(self.name, FAILED, size, "it answered 409 and no size")
        self._size = int(text)
        if self._size > size:
            return Sent(self.name, REWRITTEN, size, f"it has cosigned {self._size} lines, and there are {size}")
        if self._size == old == size:
            return Sent(self.name, REWRITTEN, size, f"its {size} lines are not those that it cosigned")
        return None

    def _post(self, body: bytes) -> tuple[int, str]:
        import httpx

        end = monotonic() + WAIT
        try:
            with self._client.stream("POST", f"{self.prefix}/add-checkpoint", content=body) as answer:
                text = b""
                for part in answer.iter_raw(4096):
                    text += part
                    if len(text) > LARGEST or monotonic() > end:
                        raise InputError("its answer is too long, or too slow")
        except httpx.HTTPError as error:
            raise StateError(f"it cannot be asked: {type(error).__name__}") from None
        return answer.status_code, text.decode(errors="replace")


def witness_of(text: str, keys: tuple[Verifier, ...]) -> FileWitness | HttpWitness:
    """The witness that a setting names: `file:/path`, or an address and, behind a space, the witness's key.

    `keys` are the log's. Raises `UsageError`: plain `http` only goes to this machine.
    """
    where, _, key = text.strip().partition(" ")
    if where.startswith("file:"):
        path = Path(where.removeprefix("file:"))
        if not path.is_absolute() or key:
            raise UsageError(f"{text!r} names no file", "write file:/path")
        return FileWitness(path, keys)
    checked_address(where)
    try:
        return HttpWitness(where, Cosigner.parse(key) if key else None)
    except InputError as error:
        raise UsageError(f"{text[:200]!r}: {error.what}", "write its address, a space and its key") from None


def checked_address(url: str) -> str:
    """An address that may be sent to: https, or http to this machine; its host's name. Raises `UsageError`."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise UsageError("an address is https://HOST/…") from None
    if parts.scheme not in ("http", "https") or not host or any(letter <= " " for letter in url):
        raise UsageError("an address is https://HOST/…", "plain http only to this machine")
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError(f"http to {host} can be read and changed on the way", "use https")
    return host


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _client(prefix: str) -> "httpx.Client":
    try:
        import httpx
    except ImportError:
        raise MissingPart("witnesses over HTTP need httpx", "pip install 'ringfence[fence]'") from None
    ours = is_loopback(checked_address(prefix))
    return httpx.Client(timeout=WAIT, follow_redirects=False, trust_env=not ours)


def _breaks(tree: Tree, last: Checkpoint) -> str:
    """Why a log does not continue the last head that a witness took; "" if it does."""
    if last.origin != tree.checkpoint.origin:
        return f"it took heads of {last.origin}"
    if last.size > tree.size:
        return f"it took a head of {last.size} lines, and there are {tree.size}"
    if tree.root(last.size) != last.root:
        return f"the first {last.size} lines are not those that it took"
    return ""


def _record(line: bytes) -> tuple[Record | None, str]:
    try:
        found = msgspec.json.decode(line, type=Record)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return None, f"cannot be read: {error}"
    return (found, "") if _line(found) == line + b"\n" else (None, "is not in its one spelling")


def _line(record: Record) -> bytes:
    return msgspec.json.encode(record) + b"\n"


def _append(handle: int, data: bytes) -> None:
    if os.write(handle, data) != len(data):
        raise OSError(28, "no room for a whole line")
    os.fsync(handle)
