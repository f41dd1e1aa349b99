"""The rules in files, parsed once and kept in the user's cache.

        files, our own pack ──▶ texts ──▶ ruleset ──▶ kept under <cache>/ringfence/rules-<digest of the names>.msgpack

The cache holds plain values under digests of the files' texts: a changed file is parsed again, a damaged or foreign
cache is passed over, and where none can be written the rules are parsed each time.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from ringfence.app.watch import pack
from ringfence.errors import InputError, Problem
from ringfence.watch.sigma import Ruleset, load
from ringfence.watch.sigma.ruleset import Known, keep, kept

FEW = 200
"""So many are parsed sooner than it is worth keeping them."""


def ruleset(paths: Sequence[Path], own: bool = True) -> tuple[Ruleset, list[Problem]]:
    """The rules in these files and folders, and where `own` those that ship with the program.

    What is no rule is a problem and the others go on. Raises `InputError` where a path is not there.
    """
    problems: list[Problem] = []
    texts = [*(pack.texts() if own else ()), *_texts(paths, problems)]
    if len(texts) < FEW:
        found, wrong = load(texts)
        return found, problems + wrong
    place = _cache() / f"rules-{hashlib.sha256(repr([name for name, _ in texts]).encode()).hexdigest()[:16]}.msgpack"
    known: Known = {}
    with suppress(OSError):
        known = dict(kept(place.read_bytes()))
    before = set(known)
    found, wrong = load(texts, known=known)
    if set(known) != before:
        with suppress(OSError):
            _write(place, keep(known))
    return found, problems + wrong


def _texts(paths: Iterable[Path], problems: list[Problem]) -> Iterable[tuple[str, str]]:
    for path in _files(paths):
        try:
            yield str(path), path.read_text("utf-8")
        except UnicodeDecodeError:
            problems.append(Problem(str(path), 0, "not UTF-8", "rules are YAML in UTF-8"))
        except OSError as error:
            problems.append(Problem(str(path), 0, f"cannot be read: {error.strerror}", "check the file and its mode"))


def _files(paths: Iterable[Path]) -> list[Path]:
    """The files named, and the YAML below the folders named, each once."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            found |= dict.fromkeys(
                sorted(one for one in path.rglob("*") if one.suffix in pack.ENDINGS and one.is_file())
            )
        elif path.exists():
            found[path] = None
        else:
            raise InputError(f"{path} is not there", remedy="name rule files, or folders of them")
    return list(found)


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ringfence"


def _write(place: Path, data: bytes) -> None:
    """Replace the file at once, so that two that start together do not read halves."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=place.parent, delete=False) as file:
        file.write(data)
    Path(file.name).replace(place)
