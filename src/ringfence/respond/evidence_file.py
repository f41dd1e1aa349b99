"""`ringfence-evidence/1`: lines of the journal in one file, with all that it takes to check them anywhere.

        {"format":"ringfence-evidence/1",          every text line is one value: what is wrong has a line and a byte
        "origin":"ringfence/fence",
        "incident":"RF-…",                         "" for all lines
        "key":"name+id+base64",                    the log's; the reader should have it from elsewhere
        "witnesses":["name+id+base64",…],          those whose cosignatures stand on the checkpoint
        "checkpoint":"…",                          the signed head, cosigned
        "body":"{…}",                              the incident, as it is kept
        "receipts":[{"id":"…","sha256":"…"},…],
        "lines":[
        {"index":41,"entry":"{…}","leaf":"base64","proof":["base64",…]},
        …
        ]}

The last line is the export itself: it tells the digests of body and receipts, and which lines there are, so that
nothing in the file stands outside of the signed head. All lines need no proofs: the root is computed from them.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from ringfence.errors import InputError
from ringfence.respond.evidence import EXPORTED, line
from ringfence.store.journal import (
    Checkpoint,
    Line,
    Tree,
    Verifier,
    lines,
    merkle,
    notes,
    verify_checkpoint,
    verify_inclusion,
)
from ringfence.store.journal.witness import Cosigner

FORMAT = "ringfence-evidence/1"
MOST_LINES, LARGEST = 200_000, 256 << 20
"""Lines and bytes beyond which a file is neither written nor read."""
_HEAD = ("format", "origin", "incident", "key", "witnesses", "checkpoint", "body", "receipts")


class Receipt(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """A receipt that lines name, by the SHA-256 of its JSON."""

    id: str
    sha256: str


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line: its index, its bytes as text, its leaf hash, and the inclusion proof (none where all lines are there)."""

    index: int
    entry: str
    leaf: str
    proof: tuple[str, ...] = ()


class Bad(msgspec.Struct, frozen=True, order=True):
    """What is wrong, and where: text line (from 1) and byte (from 0) of the file. `index`: the journal's line or -1."""

    byte: int
    line: int
    what: str
    index: int = -1


class Checked(msgspec.Struct, frozen=True):
    """What a file comes to. `head` is None where nothing can be judged by it. `complete`: it has every line.

    `rows` are (index, line) as far as they are sound; `cosigned`: witness → seconds since the epoch. No `bad`: all is
    as it was signed.
    """

    bad: tuple[Bad, ...]
    incident: str = ""
    key: str = ""
    head: Checkpoint | None = None
    rows: tuple[tuple[int, Line], ...] = ()
    leaves: tuple[bytes, ...] = ()
    complete: bool = False
    cosigned: dict[str, int] = {}
    body: str = ""

    def root(self, size: int) -> bytes | None:
        """The root of the first `size` lines, where the file has what it takes to know it."""
        if self.head and size == self.head.size:
            return self.head.root
        return merkle.root(self.leaves[:size]) if self.complete and size <= len(self.leaves) else None


def exported(
    incident: str, indices: Sequence[int], body: str, receipts: Sequence[Receipt], who: str, when: float
) -> Line:
    """The line that stands at the end of an export: what is in the file before it."""
    detail = {
        "incident": incident,
        "lines": len(indices),
        "indices": _digest(",".join(map(str, indices))),
        "body": _digest(body),
        "receipts": _digest(msgspec.json.encode(receipts).decode()),
    }
    return line(EXPORTED, incident or "service:ringfence/fence", when, (repr(when), who), detail, who)


def compose(
    tree: Tree,
    indices: Sequence[int],
    key: Verifier,
    witnesses: Sequence[Cosigner],
    note: str,
    incident: str,
    body: str,
    receipts: Sequence[Receipt],
) -> Iterator[bytes]:
    """The file, a text line at a time. `indices`: those of its lines, rising, the export's own last.

    `note`: the cosigned head. Raises `StateError` where the journal is damaged, `InputError` for an entry that is not
    text.
    """
    head = (FORMAT, tree.checkpoint.origin, incident, str(key), list(map(str, witnesses)), note, body, receipts)
    for name, value in zip(_HEAD, head, strict=True):
        yield _head_line(name, value)
    yield b'"lines":[\n'
    wanted = frozenset(indices)
    for index, entry in enumerate(tree.entries(indices[0], indices[-1] + 1), indices[0]):
        if index not in wanted:
            continue
        proof = () if not incident else tuple(b64encode(one).decode() for one in tree.inclusion(index))
        try:
            row = Row(index, entry.decode(), b64encode(merkle.leaf(entry)).decode(), proof)
        except UnicodeDecodeError:
            raise InputError(f"entry {index} of the journal is no line", remedy="audit the journal") from None
        yield msgspec.json.encode(row) + (b",\n" if index != indices[-1] else b"\n")
    yield b"]}\n"


def check(data: bytes, keys: Sequence[Verifier] = ()) -> Checked:
    """Judge a file by `keys` (the log's; without any, by the one that it names itself)."""
    if len(data) > LARGEST:
        return Checked((Bad(0, 1, f"{len(data)} bytes; such a file has at most {LARGEST}"),))
    return _Reading(data).checked(keys)


Kind = TypeVar("Kind")
_AT = re.compile(r" \(byte (\d+)\)$")
"""How msgspec ends what it says of JSON: the byte of what it was given."""


class _Stop(Exception):
    """Nothing behind this can be judged."""


class _Reading:
    def __init__(self, data: bytes) -> None:
        self.texts = data.split(b"\n")
        self.starts = [0]
        for one in self.texts:
            self.starts.append(self.starts[-1] + len(one) + 1)
        self.bad: list[Bad] = []
        self.last: Line | None = None  # that of the export, if it is sound

    def checked(self, keys: Sequence[Verifier]) -> Checked:
        try:
            return self._checked(keys)
        except _Stop:
            return Checked(tuple(sorted(self.bad)))

    def _checked(self, keys: Sequence[Verifier]) -> Checked:
        if self._value(0, str) != FORMAT:
            self._stop(0, f"not a file of {FORMAT}")
        origin, incident, key_text = (self._value(at, str) for at in (1, 2, 3))
        key = self._parsed(3, Verifier.parse, key_text)
        if str(key) != key_text:
            self._stop(3, f"the key is spelled {key}")
        if keys and key not in keys:
            self._stop(3, "the file names another key of the log than the one that is trusted here")
        cosigners = [self._parsed(4, Cosigner.parse, one) for one in self._value(4, tuple[str, ...])]
        head, cosigned = self._head(key, origin, cosigners)
        body, receipts = self._value(6, str), self._value(7, tuple[Receipt, ...])
        found = self._rows(head, complete=not incident)
        rows = tuple((row.index, one) for row, one in found)
        self._ends(rows, incident, body, receipts)
        leaves = tuple(merkle.leaf(row.entry.encode()) for row, _ in found)
        complete = [index for index, _ in rows] == list(range(head.size))
        if not incident and not self.bad and not complete:
            self._tell(2, f"this is all of a journal of {head.size} lines, and {len(rows)} are there")
        if complete and not self.bad and merkle.root(leaves) != head.root:
            self._tell(5, "the lines do not have the root of the checkpoint")
        return Checked(
            tuple(sorted(self.bad)), incident, str(key), head, rows, leaves, complete and not self.bad, cosigned, body
        )

    def _head(self, key: Verifier, origin: str, cosigners: Sequence[Cosigner]) -> tuple[Checkpoint, dict[str, int]]:
        """The signed head, on which only known names stand."""
        head = self._parsed(5, lambda note: verify_checkpoint(note, [key]), self._value(5, str))
        if head.origin != origin:
            self._stop(1, f"the checkpoint is of the log {head.origin!r}")
        found: dict[str, int] = {}
        note = notes.parse(head.note)
        for one in note.signatures:
            times = {each.name: each.time_of(note.text, one) for each in cosigners}
            known = {name: when for name, when in times.items() if when is not None}
            if not known and (one.name, one.key_id) != (key.name, key.key_id):
                self._tell(5, f"the line of {one.name} on the checkpoint is not a cosignature of a witness named here")
            found |= known
        missing = () if self.bad else (each.name for each in cosigners if each.name not in found)
        for name in missing:
            self._tell(4, f"the witness {name} did not cosign the checkpoint")
        return head, found

    def _rows(self, head: Checkpoint, complete: bool) -> list[tuple[Row, Line]]:
        """The lines, each sound by itself and within the signed tree."""
        first, last = len(_HEAD) + 1, len(self.texts) - 2
        self._same(first - 1, b'"lines":[')
        if last < first or self.texts[last:] != [b"]}", b""]:
            self._stop(last + 1 if self.texts[-1] else last, "the file does not end as it should")
        if last - first > MOST_LINES:
            self._stop(first, f"{last - first} lines; such a file has at most {MOST_LINES}")
        found: list[tuple[Row, Line]] = []
        for at in range(first, last):
            row = self._row(at, at + 1 == last)
            one = row and self._line(at, row, head, complete)
            if row and one:
                before = found[-1][0].index if found else -1
                if row.index <= before or (complete and row.index != at - first):
                    self._tell(at, f"line {row.index} does not stand in its place", row.index)
                    continue
                found.append((row, one))
                self.last = one if at + 1 == last else None
        return found

    def _row(self, at: int, is_last: bool) -> Row | None:
        text = self.texts[at]
        try:
            row = msgspec.json.decode(text if is_last else text[:-1], type=Row)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._unread(at, "cannot be read", error)
            return None
        return row if self._same(at, msgspec.json.encode(row) + (b"" if is_last else b","), row.index) else None

    def _line(self, at: int, row: Row, head: Checkpoint, complete: bool) -> Line | None:
        entry = row.entry.encode()
        leaf = merkle.leaf(entry)
        if b64encode(leaf).decode() != row.leaf:
            self._tell(at, f"line {row.index} is not what was written: it does not have its hash", row.index)
            return None
        try:
            proof = [notes.unbase64(one, "a hash") for one in row.proof]
            if not complete and not verify_inclusion(row.index, head.size, leaf, proof, head.root):
                raise InputError("its proof does not lead to the signed root")
            if complete and (proof or not 0 <= row.index < head.size):
                raise InputError("it is not of this log")
            return lines.decode(entry)
        except InputError as error:
            self._tell(at, f"line {row.index}: {error.what}", row.index)
            return None

    def _ends(self, rows: Sequence[tuple[int, Line]], incident: str, body: str, receipts: Sequence[Receipt]) -> None:
        """The last line tells what the file is to hold."""
        end, said = len(self.texts) - 3, self.last
        if said is None or said.what != EXPORTED:
            if not self.bad:
                self._tell(end, "the last line is not that of the export")
            return
        own = exported(incident, [index for index, _ in rows[:-1]], body, receipts, said.actor, said.when)
        places = {"incident": 2, "body": 6, "receipts": 7, "lines": end, "indices": end}
        for name, at in places.items():
            if said.detail.get(name) != own.detail[name] and not (at == end and self.bad):
                self._tell(at, f"{name}: not what was exported")

    def _value(self, at: int, kind: type[Kind]) -> Kind:
        """The value of a line of the head."""
        if at >= len(self.texts):
            self._stop(at, "the file is cut off")
        text, name = self.texts[at], _HEAD[at]
        begin = (b"{" if at == 0 else b"") + f'"{name}":'.encode()
        try:
            value = msgspec.json.decode(text[len(begin) : -1], type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._unread(at, f"{name} cannot be read", error, len(begin))
            raise _Stop from None
        if not self._same(at, _head_line(name, value)[:-1]):
            raise _Stop
        return value

    def _parsed(self, at: int, parse: Any, text: str) -> Any:
        try:
            return parse(text)
        except InputError as error:
            self._stop(at, f"{_HEAD[at]}: {error.what}")

    def _same(self, at: int, wanted: bytes, index: int = -1) -> bool:
        """Whether a text line is spelled as it would be written."""
        text = self.texts[at] if at < len(self.texts) else b""
        if text != wanted:
            same = next((n for n, (a, b) in enumerate(zip(text, wanted, strict=False)) if a != b), 0)
            self.bad.append(Bad(self._byte(at) + same, at + 1, "not in the one spelling that it has", index))
        return text == wanted

    def _byte(self, at: int) -> int:
        return self.starts[min(at, len(self.starts) - 1)]

    def _tell(self, at: int, what: str, index: int = -1) -> None:
        self.bad.append(Bad(self._byte(at), at + 1, what, index))

    def _unread(self, at: int, what: str, error: Exception, skipped: int = 0) -> None:
        """What a decoder says of a text line without its first bytes; its byte becomes that of the file."""
        said = str(error)
        found = _AT.search(said)
        byte = self._byte(at) + (skipped + int(found[1]) if found else 0)
        self.bad.append(Bad(byte, at + 1, f"{what}: {_AT.sub('', said)}"))

    def _stop(self, at: int, what: str) -> Any:
        self._tell(at, what)
        raise _Stop


def _head_line(name: str, value: Any) -> bytes:
    begin = b"{" if name == _HEAD[0] else b""
    return begin + f'"{name}":'.encode() + msgspec.json.encode(value) + b",\n"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def about(rows: Iterable[tuple[int, Line]]) -> list[str]:
    """The receipts that lines name, each once."""
    return sorted({one.receipt for _, one in rows if one.receipt})
