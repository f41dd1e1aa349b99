"""`ringfence portfolio`: a folder of saved estates, each judged by itself, one in memory at a time."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ringfence.app.assess.audit import prepared
from ringfence.assess.check import CLASSIC, Check
from ringfence.assess.checks import CHECKS
from ringfence.assess.judge import judge
from ringfence.assess.portfolio import (
    AWARE,
    COMPUTE,
    PREDICATE,
    WORDS,
    Portfolio,
    Row,
    Tally,
    compute_aware,
    portfolio,
    row,
)
from ringfence.assess.portfolio_svg import svg
from ringfence.errors import Problem, RingfenceError, UsageError
from ringfence.estate.ids import clean
from ringfence.store import plain
from ringfence.store.saved import load, write_private

__all__ = ["PREDICATE", "WORDS", "Row", "Surveyed", "draw", "shown", "survey"]

ENDING = ".estate"


class Surveyed(msgspec.Struct, frozen=True):
    """The portfolio of a folder, and what of it could not be read."""

    found: Portfolio
    problems: tuple[Problem, ...]


def survey(
    folder: Path,
    identity: Path | None = None,
    checks: Sequence[Check] = CHECKS,
    step: Callable[[str, int, int], None] = lambda _name, _done, _of: None,
) -> Surveyed:
    """Judge every saved estate of a folder. Raises `UsageError` where there is none to judge.

    An estate that cannot be read is named and the rest goes on. Labels are names of files; nothing else of an estate
    is kept but counts.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", "name one that holds saved estates")
    named = sorted(path for path in folder.iterdir() if path.suffix == ENDING)
    if not named:
        raise UsageError(f"{folder} holds no saved estate", f"`ringfence collect --from DIR -o {folder}/NAME{ENDING}`")
    paths, problems = _once(named)
    rows = []
    for done, path in enumerate(paths, 1):
        label = clean(path.stem)
        step("judging", done, len(paths))
        try:
            rows.append(row(label, judge(prepared(load(path, identity)), checks)))
        except RingfenceError as error:
            problems.append(Problem(clean(path.name), 0, clean(error.what.removeprefix(f"{path}: ")), error.remedy))
    return Surveyed(portfolio(rows), tuple(problems))


_PLAIN = f"a saved estate, NAME{ENDING}, is a plain file"


def _once(named: Sequence[Path]) -> tuple[list[Path], list[Problem]]:
    """(plain files and links to such, each file once, problems); none is opened. Of two names a link is left out."""
    seen: dict[tuple[int, int], Path] = {}
    kept, problems = [], []
    for path in sorted(named, key=lambda one: (one.is_symlink(), one)):
        try:
            about = path.stat()
        except OSError as error:
            what = "a link that leads nowhere" if path.is_symlink() else str(error.strerror)
            problems.append(Problem(clean(path.name), 0, what, _PLAIN))
            continue
        first = seen.setdefault((about.st_dev, about.st_ino), path)
        if what := plain.kind(about.st_mode):
            problems.append(Problem(clean(path.name), 0, f"{what}, which is not read", _PLAIN))
        elif first != path:
            what = f"the same file as {clean(first.name)}, which counts once"
            problems.append(Problem(clean(path.name), 0, what, "take one of them out of the folder"))
        else:
            kept.append(path)
    return sorted(kept), sorted(problems)


def draw(found: Portfolio, path: Path) -> None:
    """Write the picture, private to its owner. Raises `UsageError` where there is nothing to draw, or nowhere to."""
    if not found.rows:
        raise UsageError("there is nothing to draw", "no estate of the folder could be read")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is not a folder", "make it first, or name another")
    write_private(path, svg(found).encode())


def shown(told: Surveyed, checks: Sequence[Check] = CHECKS) -> dict[str, Any]:
    """`ringfence portfolio --json`."""
    spread = told.found.distribution()
    return {
        "checks": {"all": len(checks), "compute_aware": round(compute_aware(checks), 4)},
        "estates": [_row(one) for one in told.found.rows],
        "predicate": PREDICATE,
        "reliance": {str(kind): count for kind, count in told.found.counts().items()},
        "lacking": [
            {"families": [str(layer) for layer in families], "estates": count}
            for families, count in told.found.lacking()
        ],
        "layers": {str(layer): _tally(tally) for layer, tally in told.found.layers().items()},
        "distribution": None
        if spread is None
        else {
            "low": round(spread.low, 4),
            "quarter": round(spread.quarter, 4),
            "median": round(spread.median, 4),
            "three_quarters": round(spread.three_quarters, 4),
            "high": round(spread.high, 4),
            "tenths": list(spread.tenths),
        },
        "unreadable": [{"file": one.file, "what": one.what, "remedy": one.remedy} for one in told.problems],
    }


def _row(one: Row) -> dict[str, Any]:
    return {
        "estate": one.label,
        "reliance": str(one.reliance),
        "lacks": {str(layer): str(lack) for layer, lack in one.lacks.items()},
        "covered": round(one.covered, 4),
        "meant": None if one.meant is None else round(one.meant, 4),
        "unseen": round(one.unseen, 4),
        "aware": None if one.aware is None else round(one.aware, 4),
        "all": _tally(one.of()),
        "classic": _tally(one.of(CLASSIC)),
        "compute_aware": _tally(one.of(AWARE)),
        "compute_only": _tally(one.of(COMPUTE)),
        "layers": {str(layer): _tally(tally) for layer, tally in one.layers.items()},
        "mismatches": {str(mismatch): _tally(tally) for mismatch, tally in one.mismatches.items() if mismatch},
    }


def _tally(tally: Tally) -> dict[str, Any]:
    share = tally.share
    parts = {"passed": tally.passed, "failed": tally.failed, "unknown": tally.unknown}
    return {
        "controls": tally.controls,
        "whole": tally.whole,
        **{name: round(part, 4) for name, part in parts.items()},
        "share": None if share is None else round(share, 4),
    }
