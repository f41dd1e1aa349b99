"""`ringfence evidence export` and `verify`: what was seen, decided and done, for somebody who does not trust us.

export: choose lines ─▶ a line that tells the export ─▶ heads to the witnesses ─▶ one file
verify: the file by itself ─▶ the journal ─▶ what the witnesses took
"""

import os
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from time import time

import msgspec

from ringfence.app import files
from ringfence.app.fence.ledger import ORIGIN, Ledger
from ringfence.app.guard.evidence import Book
from ringfence.app.guard.witness import Watched, kept
from ringfence.errors import InputError, Problem, StateError, UsageError
from ringfence.respond import evidence_file
from ringfence.respond.evidence import incident_of
from ringfence.respond.evidence_file import LARGEST, MOST_LINES, Checked, Receipt, compose, exported
from ringfence.store.journal import Checkpoint, Line, Tree, Verifier, check, lines, read
from ringfence.store.journal.witness import Cosigner, cosigned, cosigners
from ringfence.store.state import receipts
from ringfence.transport.witness import HttpWitness, Sent, Witness, heads_in


class Exported(msgspec.Struct, frozen=True):
    """A file of evidence: how many lines stand in it, of a journal of `size`; what each witness said of its head."""

    file: Path
    lines: int
    size: int
    witnesses: tuple[Sent, ...] = ()


class Verified(msgspec.Struct, frozen=True):
    """What verification came to; no problems: all of it is as it was signed.

    `trusted`: by a key that was named, not only by the one in the file. `cosigned`: witness → seconds since the epoch.
    `compared`: heads of witnesses' files that were compared. `lines` are (number, line).
    """

    problems: tuple[Problem, ...]
    size: int = 0
    incident: str = ""
    trusted: bool = False
    cosigned: dict[str, int] = {}
    compared: int = 0
    lines: tuple[tuple[int, Line], ...] = ()


def export(
    state: Path,
    out: Path,
    incident: str = "",
    body: bytes = b"",
    witnesses: Sequence[Witness] = (),
) -> Exported:
    """Write the lines of an incident ("": all lines) with their proofs into a new file, 0600.

    `body`: the incident's JSON as it is kept. The head goes to `witnesses` first; a cosignature is taken along where
    the witness's key is known. Raises `UsageError` for an incident without lines or a file that is there, `StateError`
    for a damaged journal.
    """
    ledger = Ledger(state).there()
    if out.exists():
        raise UsageError(f"{out} is there already", "name a new file")
    book = Book(ledger)
    tree = book.tree()
    chosen = [(at, one) for at, one in _lines(tree) if not incident or incident in incident_of(one)]
    if not chosen:
        told = "`ringfence incidents --all` lists them"
        raise UsageError(f"the journal has no line of {incident or 'anything'}", told)
    if len(chosen) >= MOST_LINES:
        raise UsageError(f"{len(chosen)} lines; a file takes {MOST_LINES}", "export an incident, or copy the journal")
    named = evidence_file.about(chosen)
    found = [Receipt(one.id, _digest(one)) for one in receipts.listed(ledger.database) if one.id in named]
    text = body.decode()
    before = [at for at, _ in chosen]
    while True:
        last = exported(incident, before, text, found, f"identity:uid/{os.getuid()}", time())
        book.write([last])
        tree = book.tree()
        index = _index_of(tree, last, before[-1] + 1)
        between = list(range(before[-1] + 1, index))
        if incident or not between:
            break
        before += between  # somebody wrote in between: all lines are to be there, without a hole
    with Watched(witnesses, lambda: tree, state) as watched:
        said = watched.once() if witnesses else []
    own = [one.key for one in witnesses if isinstance(one, HttpWitness) and one.key]
    note, names = _cosigned(tree, [*(one.note for one in said if one.note), *kept(state)], own)
    key = ledger.signer.verifier
    _write(out, compose(tree, [*before, index], key, names, note, incident, text, sorted(found)))
    return Exported(out, len(before) + 1, tree.size, tuple(said))


def verify(
    file: Path | None,
    keys: Sequence[Verifier] = (),
    witness_files: Sequence[Path] = (),
    journal: Path | None = None,
) -> Verified:
    """Check a file of evidence, or a journal, or one by the other, and both by what witnesses took.

    Without `keys` a file is judged by the key that it names itself: then it is only known not to have changed since.
    Raises `UsageError` for a file that is not there, and where there is nothing to check.
    """
    if file is None and journal is None:
        raise UsageError("there is nothing to verify", "name a file of evidence, or --journal DIR")
    if file is None and not keys:
        raise UsageError("a journal is verified by its key", "name it with --key")
    found = _read(file, keys) if file else Checked(())
    problems = [_problem(file, one) for one in found.bad] if file else []
    log = list(keys) or ([Verifier.parse(found.key)] if found.key else [])
    tree = None
    if journal and log:
        problems += [msgspec.structs.replace(one, file=f"{journal}/{one.file}") for one in check(journal, log, ORIGIN)]
        tree = None if problems else read(journal, log, ORIGIN)
    if tree and found.head:
        problems += _same_log(file, found.head, tree)
    compared = 0
    if not problems:
        for one in witness_files:
            wrong, count = _witnessed(one, tuple(log), found, tree)
            problems += wrong
            compared += count
    size = tree.size if tree else found.head.size if found.head else 0
    return Verified(tuple(problems), size, found.incident, bool(keys), found.cosigned, compared, found.rows)


def _read(file: Path, keys: Sequence[Verifier]) -> Checked:
    try:
        with file.open("rb") as opened:
            return evidence_file.check(opened.read(LARGEST + 1), keys)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}", "name a file that `ringfence evidence export` wrote") from None


def _same_log(file: Path | None, head: Checkpoint, tree: Tree) -> list[Problem]:
    if head.size > tree.size:
        what = f"tells of {head.size} lines, and the journal has {tree.size}: it was put back or rewritten"
    elif tree.root(head.size) != head.root:
        what = f"the first {head.size} lines of the journal are not those that it tells of"
    else:
        return []
    return [Problem(str(file), _CHECKPOINT, what, _LOUD)]


_CHECKPOINT = 6
"""The text line of the checkpoint."""
_LOUD = "whoever has the journal's key has changed what was done; take what the witness has"


def _witnessed(path: Path, keys: tuple[Verifier, ...], found: Checked, tree: Tree | None) -> tuple[list[Problem], int]:
    """(what the heads that a witness took say against the log, how many could be compared)."""
    problems, compared, ahead = [], 0, 0
    size = tree.size if tree else found.head.size if found.head else 0
    for line, head in heads_in(path, keys):
        if isinstance(head, InputError):
            problems.append(Problem.of(str(path), head))
            continue
        root = found.root(head.size) or (tree.root(head.size) if tree and head.size <= tree.size else None)
        compared += root is not None
        ahead = max(ahead, head.size)
        if root is not None and root != head.root:
            what = f"the first {head.size} lines were others when this witness took their head: the log was rewritten"
            problems.append(Problem(str(path), line, what, _LOUD))
    if tree and ahead > tree.size:
        what = f"it took a head of {ahead} lines, and the journal has {tree.size}: lines were taken away"
        problems.append(Problem(str(path), 0, what, _LOUD))
    if not compared and not problems:
        what = f"it took no head that a log of {size} lines can be compared with"
        remedy = "verify with --journal, or export all lines; a head that no witness saw proves nothing"
        problems.append(Problem(str(path), 0, what, remedy))
    return problems, compared


def _problem(file: Path | None, one: evidence_file.Bad) -> Problem:
    return Problem(str(file), one.line, f"{one.what} (at byte {one.byte} of the file, counted from 0)")


def _lines(tree: Tree) -> list[tuple[int, Line]]:
    try:
        return [(at, lines.decode(entry)) for at, entry in enumerate(tree.entries())]
    except InputError as error:
        raise StateError(f"{tree.folder}: {error.what}", "`ringfence fence journal` locates it") from None


def _index_of(tree: Tree, wanted: Line, first: int) -> int:
    entry = lines.encode(wanted)
    return next(at for at, one in enumerate(tree.entries(first), first) if one == entry)


def _cosigned(tree: Tree, notes: Sequence[str], keys: Sequence[Cosigner]) -> tuple[str, list[Cosigner]]:
    """The head with the cosignatures that were given for it, and whose they are."""
    text = tree.checkpoint.note.rpartition("\n\n")[0]
    told: dict[str, str] = {}
    for key in keys:
        for note in notes:
            if note.rpartition("\n\n")[0] == text and key.name in cosigners(note, [key]):
                told[key.name] = cosigned(tree.checkpoint, note.rpartition("\n\n")[2], [key])
    extra = "".join(one.removeprefix(tree.checkpoint.note) for one in told.values())
    return tree.checkpoint.note + extra, [key for key in keys if key.name in told]


def _write(out: Path, parts: Iterable[bytes]) -> None:
    """Make the file, whole or not at all."""
    data = bytearray()
    for one in parts:
        data += one
        if len(data) > LARGEST:
            raise UsageError(f"the file would have more than {LARGEST} bytes", "export one incident")
    try:
        files.new(out, bytes(data))
    except OSError as error:
        out.unlink(missing_ok=True)
        raise StateError(f"{out}: {error.strerror}", "make room, or name another file") from None


def _digest(receipt: receipts.Receipt) -> str:
    return sha256(msgspec.json.encode(receipt, order="sorted")).hexdigest()
