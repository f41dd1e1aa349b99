"""The fence's journal, audited: every byte is what was signed, every line is one, and every receipt stands in it."""

from pathlib import Path
from typing import Any

import msgspec

from ringfence.app.fence.ledger import ORIGIN, Ledger
from ringfence.errors import InputError, Problem, StateError
from ringfence.store.journal import Line, Verifier, check, lines, read
from ringfence.store.state import receipts

_RESTORE = "restore it from a copy of the journal"


class Audited(msgspec.Struct, frozen=True):
    """`size`: how many lines could be read; `lines`: the last of them, with their numbers. No problems: all is well."""

    size: int
    lines: tuple[dict[str, Any], ...]
    problems: tuple[Problem, ...]


def audit(ledger: Ledger, last: int) -> Audited:
    """Read all of the journal. Changes nothing, and makes no key; raises `StateError` where the state is damaged."""
    known = receipts.listed(ledger.database)
    folder = ledger.folder / "journal"
    if not folder.exists():
        what = f"is gone, and {len(known)} receipts are there"
        return Audited(0, (), (Problem("journal", 0, what, _RESTORE),) if known else ())
    try:
        keys = [ledger.signer.verifier]
    except StateError as error:
        return Audited(0, (), (Problem.of("journal.key", error),))
    found, odd = _lines(folder, keys)
    problems = _located(check(folder, keys, ORIGIN)) or odd
    if not problems:
        told = {one.receipt for _, one in found}
        # one that was cut off may have been begun a moment before its line
        lacking = [one.id for one in known if one.id not in told and one.status != "begun"]
        problems = [Problem("journal", 0, f"has no line for the receipt {one}", _RESTORE) for one in lacking]
    size = found[-1][0] + 1 if found else 0
    tail = found[-last:] if last > 0 else []
    return Audited(size, tuple({"number": at} | msgspec.to_builtins(one) for at, one in tail), tuple(problems))


def _lines(folder: Path, keys: list[Verifier]) -> tuple[list[tuple[int, Line]], list[Problem]]:
    """(the lines that can be read, with their numbers; entries that are none). A damaged tile ends them."""
    found, problems = [], []
    try:
        for at, entry in enumerate(read(folder, keys, ORIGIN).entries()):
            try:
                found.append((at, lines.decode(entry)))
            except InputError as error:
                problems.append(Problem("journal", 0, f"entry {at}: {error.what}", _RESTORE))
    except StateError as error:
        problems.append(Problem.of("journal", error))
    return found, problems


def _located(problems: list[Problem]) -> list[Problem]:
    return [msgspec.structs.replace(one, file=f"journal/{one.file}") for one in problems]
