"""What people said of cuts and incidents, in the order in which they said it: approvals first of all.

        approve(folder, "RF-1", cuts, uid, "alice") ─▶ words/said.json ─▶ words(folder) ─▶ guard.decide(…, words=…)

An approval is of the very cuts that were shown: what a plan grows by later waits for a person anew. Two people are two
user ids; the caller tells them (`person.person`), and writes what was said into the journal.
"""

import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ringfence.app import files
from ringfence.errors import StateError, UsageError
from ringfence.estate import ids
from ringfence.respond.spent import APPROVE, BENIGN, CONFIRMED, RELEASE, UNDO, Word
from ringfence.respond.values import Cut, action_id

_FOLDER, _FILE = "words", "said.json"
MOST = 10_000
"""Words that are kept. More are refused: none of those that hold may be forgotten unseen (`forget` drops old ones)."""
SAYINGS = (APPROVE, UNDO, RELEASE, BENIGN, CONFIRMED)
_REMEDY = "restore it from a copy; the journal has every word"


def approve(folder: Path, incident: str, cuts: Iterable[Cut], uid: int, who: str, why: str = "") -> Word:
    """A person lets held cuts be done. Raises `UsageError` without a cut, `StateError` where it cannot be kept."""
    actions = tuple(sorted(action_id(incident, one) for one in cuts))
    if not actions:
        raise UsageError(f"nothing of {incident} waits for a person", "`ringfence respond plan` shows what does")
    return say(folder, Word(APPROVE, incident, time.time(), uid, who, actions, why))


def undone(folder: Path, incident: str, uid: int, who: str, why: str = "", actions: Iterable[str] = ()) -> Word:
    """A person took an incident's cuts back, or these alone (`action_id`): automation does none of them again.

    Raises `StateError`.
    """
    return say(folder, Word(UNDO, incident, time.time(), uid, who, tuple(sorted(actions)), why))


def released(folder: Path, host: str, actions: Iterable[str], uid: int, who: str, why: str = "") -> Word:
    """A person opened a host (`host:…`), on which these actions (`action_id`) stood. Raises `StateError`.

    Automation does none of them again, and for the grace nothing else there either.
    """
    return say(folder, Word(RELEASE, host, time.time(), uid, who, tuple(sorted(actions)), why))


def judged(folder: Path, incident: str, verdict: str, uid: int, who: str, why: str = "") -> Word:
    """A person called an incident `benign` or `confirmed`. Raises `StateError`, `UsageError` for another word."""
    return say(folder, Word(verdict, incident, time.time(), uid, who, (), why))


def say(folder: Path, word: Word) -> Word:
    """Keep a word as the latest. The same approval by the same person once more changes nothing."""
    if word.what not in SAYINGS:
        raise UsageError(f"{word.what!r} is no word about an incident", f"one of {', '.join(SAYINGS)}")
    clean = msgspec.structs.replace(word, who=ids.clean(word.who), why=ids.clean(word.why))
    with files.alone(folder / _FOLDER):
        before = words(folder)
        last = next((one for one in reversed(before) if one.about == clean.about), None)
        if last and msgspec.structs.replace(last, when=clean.when) == clean:
            return last
        if len(before) >= MOST:
            raise StateError(f"{folder / _FOLDER / _FILE} holds {MOST:,} words", "drop those of incidents long over")
        _write(folder, (*before, clean))
    return clean


def forget(folder: Path, open_incidents: Iterable[str], before: float) -> int:
    """Drop words said before a time (seconds since the epoch) that no open incident needs; how many were dropped."""
    kept_for = set(open_incidents)
    with files.alone(folder / _FOLDER):
        every = words(folder)
        kept = tuple(one for one in every if one.when >= before or one.about in kept_for)
        if len(kept) < len(every):
            _write(folder, kept)
    return len(every) - len(kept)


def mark(folder: Path) -> tuple[int, int]:
    """Changes whenever something was said."""
    try:
        found = (folder / _FOLDER / _FILE).stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_ino


def words(folder: Path) -> tuple[Word, ...]:
    """Everything that was said, the latest last. Raises `StateError` for a file that is damaged: do nothing then."""
    path = folder / _FOLDER / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[Word, ...])
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}", _REMEDY) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise StateError(f"{path} is damaged", _REMEDY) from None


def _write(folder: Path, every: tuple[Word, ...]) -> None:
    try:
        files.write(folder / _FOLDER, _FILE, msgspec.json.encode(every))
    except OSError as error:
        what = f"{folder / _FOLDER}: {error.strerror}; it was not kept"
        raise StateError(what, "make room and say it again") from None
