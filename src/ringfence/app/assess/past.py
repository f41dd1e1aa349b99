"""Past incidents asked of an estate: our own data about published case studies, and patterns of post-mortems."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from ringfence.analyse import positions
from ringfence.analyse.reach import closure
from ringfence.app.questions import Questions
from ringfence.assess.incidents import INCIDENTS
from ringfence.assess.replay import Ground, replay
from ringfence.assess.replay_pattern import replay_pattern
from ringfence.errors import InputError, UsageError
from ringfence.estate.kinds import OUTSIDE
from ringfence.wire.pattern import LARGEST

_MOST = 1_000
"""Files of one folder that are read."""


def past(asked: Questions, footholds: tuple[str, ...], patterns: Path | None) -> dict[str, Any]:
    """Each incident and pattern, whether it would work here, and how far."""
    outside = _outside(asked)
    from_ = [outside] if outside else list(footholds)
    ground = Ground(asked.estate, asked.graph, tuple(asked.footholds(from_)))
    return {
        "from": from_,
        "incidents": [msgspec.to_builtins(one) | {"steps": _steps(one.steps)} for one in replay(ground, INCIDENTS)],
        "patterns": list(_patterns(ground, asked, footholds, patterns)) if patterns is not None else [],
    }


def _steps(steps: Any) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(one) | {"facts": [fact.as_json() for fact in one.facts]} for one in steps]


def _outside(asked: Questions) -> str:
    """The outside, where a move starts from it."""
    place = f"{OUTSIDE}#send"
    known = OUTSIDE in asked.estate and asked.graph.index(positions.parse(asked.estate, place)) >= 0
    return place if known else ""


def _patterns(ground: Ground, asked: Questions, footholds: tuple[str, ...], folder: Path) -> Iterator[dict[str, Any]]:
    from ringfence.respond.pattern import read

    reached = closure(asked.graph, asked.footholds(footholds))
    for path in _files(folder):
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path.name}: {path.stat().st_size} bytes; a pattern has at most {LARGEST}")
        try:
            pattern = read(path.read_bytes())
        except InputError as error:
            raise InputError(f"{path.name}: {error.what}", line=error.line, remedy=error.remedy) from None
        told = replay_pattern(ground, reached, pattern)
        way = [{"from": list(start), "move": move, "to": to} for start, move, to in told.way]
        yield {
            "file": path.name,
            "threats": list(pattern.threats),
            "works": told.works.value,
            "held": told.held,
            "why": told.why,
            "way": way,
        }


def _files(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", "`ringfence postmortem ID -o FOLDER` writes patterns into one")
    found = sorted(path for path in folder.glob("*.pattern.json") if path.is_file())
    if not found:
        raise UsageError(f"{folder} holds no *.pattern.json", "`ringfence postmortem ID -o FOLDER` writes them")
    return found[:_MOST]
