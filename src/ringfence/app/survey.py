"""From a capture, or the live system, to an estate.

capture tree / probes ─▶ collect ─▶ facts ─▶ coverage ─▶ Survey(estate, problems)
"""

import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ringfence.collect.base import CapturedFile, Scope
from ringfence.collect.captures import COLLECTORS, collect_files, read_tree
from ringfence.collect.coverage import completed
from ringfence.collect.join import joined
from ringfence.collect.questions import QUESTIONS
from ringfence.collect.script import capture_script
from ringfence.collect.slurm_hooks import on_storage
from ringfence.collect.storage_after import after
from ringfence.errors import Problem, UsageError
from ringfence.estate.estate import Estate, EstateBuilder
from ringfence.estate.facts import Fact, Scalar
from ringfence.estate.kinds import JEWELS, KINDS
from ringfence.store import plain

__all__ = ["Scope", "Survey", "survey_files", "survey_tree"]

Progress = Callable[[str, int, int], None]
"""Called with (step, done, of) now and then."""


class Survey(msgspec.Struct, frozen=True):
    """What one collection gave. `problems` are what could not be read; `files` were read."""

    estate: Estate
    problems: tuple[Problem, ...]
    files: int


def capture_script_text() -> str:
    """The POSIX shell script that fills a capture folder, from the same questions that `--live` asks."""
    return capture_script(QUESTIONS)


def survey_tree(root: Path, scope: Scope, progress: Progress | None = None) -> Survey:
    """The estate of a folder tree copied from a cluster. Raises `UsageError` if there is no such folder."""
    if not root.is_dir():
        raise UsageError(f"{root} is not a folder", "`ringfence capture-script` shows how to fill one")
    files = list(read_tree(root))
    return survey_files(files, msgspec.structs.replace(scope, salt=scope.salt or capture_salt(root)), progress)


def survey_files(files: Iterable[CapturedFile | Problem], scope: Scope, progress: Progress | None = None) -> Survey:
    """The estate of captured files, wherever they came from."""
    files = [file for file in files if isinstance(file, Problem) or file.path != SALT]
    facts: list[Fact] = []
    problems: list[Problem] = []
    for found in collect_files(files, scope):
        if isinstance(found, Problem):
            problems.append(found)
        else:
            facts.append(found)
        if progress and len(facts) % 100_000 == 0:
            progress("facts", len(facts), 0)
    facts = list(joined(facts))
    facts.extend(on_storage(facts))
    facts.extend(after(facts, scope))
    facts.extend(completed(facts, {aspect for collector in COLLECTORS for aspect in collector.aspects}))
    facts.extend(holes(problems))
    builder = EstateBuilder(scope.salt).extend(facts)
    return Survey(builder.build(), tuple(sorted(problems)), len(files))


def holes(problems: Iterable[Problem]) -> Iterable[Fact]:
    """Every file that could not be read, as a coverage fact: a saved estate still knows what it lacks."""
    for problem in problems:
        attributes: dict[str, Scalar] = {"answered": False, "reason": str(problem)[:200]}
        yield Fact("capture", "asked", problem.file or "capture", attributes, problem.file)


SALT = "salt"
"""Where the capture script leaves the salt of a capture's hashes."""


def read_salt(path: Path) -> bytes:
    """The salt in a file of hexadecimal digits. Raises `UsageError`."""
    try:
        return bytes.fromhex(plain.read(path).decode("ascii").strip())
    except ValueError:
        raise UsageError(f"{path} is not a salt", "it holds hexadecimal digits, as the script wrote it") from None


def capture_salt(root: Path) -> bytes:
    """The salt with which the capture's secrets were hashed, or a new one where it names none."""
    path = root / SALT
    return read_salt(path) if path.is_file() and not path.is_symlink() else secrets.token_bytes(16)


def summary(estate: Estate) -> dict[str, Any]:
    """The documented shape of `ringfence show --json`."""
    return {
        "entities": kind_counts(estate),
        "facts": {name: table.count for name, table in sorted(estate.tables.items()) if table.count},
        "sources": sorted(source for source in estate.sources.values if source),
        "holes": unanswered(estate),
    }


def kind_counts(estate: Estate) -> dict[str, int]:
    """How many entities of each kind, by name."""
    counts = np.bincount(estate.kinds[estate.entities], minlength=len(KINDS))
    return dict(sorted((name, int(count)) for name, count in zip(KINDS, counts, strict=True) if count))


def entities_of(estate: Estate, *kinds: str) -> list[str]:
    """The ids of all entities of these kinds, sorted."""
    codes = [code for code, name in enumerate(KINDS) if name in kinds]
    found = estate.entities[np.isin(estate.kinds[estate.entities], codes)]
    return sorted(estate.terms.values[term] for term in found)


def entities_of_kind(estate: Estate, kind: str) -> list[str]:
    """The same for one kind that a user names. Raises `UsageError` for a kind that does not exist."""
    if kind not in KINDS:
        raise UsageError(f"no kind of entity is called {kind!r}", "one of: " + ", ".join(KINDS))
    return entities_of(estate, kind)


def unanswered(estate: Estate) -> list[dict[str, Any]]:
    """What was asked for and not answered: one entry per aspect and reason, with every subject."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for fact in estate.facts("asked"):
        if fact.attributes.get("answered") is False:
            key = (fact.object, str(fact.attributes.get("reason", "")))
            grouped.setdefault(key, []).append(fact.subject)
    return [
        {"aspect": aspect, "reason": reason, "count": len(subjects), "subjects": sorted(subjects)}
        for (aspect, reason), subjects in sorted(grouped.items())
    ]


def jewels(estate: Estate) -> list[str]:
    """Entities to protect: those that the user marked; else the default kinds and what collectors marked."""
    by_user = {fact.subject for fact in estate.facts("jewel") if fact.attributes.get("marked_by") == "user"}
    if by_user:
        return sorted(by_user)
    marked = {fact.subject for fact in estate.facts("jewel")}
    return sorted(marked | set(entities_of(estate, *JEWELS)))
