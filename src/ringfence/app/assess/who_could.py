"""Who could read a model at a time in the past: the question after a leak, asked of the estates that were kept.

        folder of estates ─▶ the last not later than the moment ─▶ who reaches `entity#read`, each on their own

Each answers for themselves alone: accounts, jobs, workstations and the outside. *Directly*: a file's mode, a policy
or the job's own work says so. *By moves*: an attacker who holds them gets there; the quickest way is shown.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ringfence.analyse import positions
from ringfence.analyse.reach import nearest, reach_from, reach_sets, settle
from ringfence.app.assess.debt_history import estates_in, named
from ringfence.app.questions import Questions
from ringfence.app.survey import entities_of
from ringfence.errors import Problem, UsageError
from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact
from ringfence.estate.ids import clean
from ringfence.estate.kinds import EVERYONE, KINDS, OUTSIDE, kind_of
from ringfence.estate.stamps import utc as _iso

ASKED = ("identity", "job", "workstation")
"""Kinds of those who are asked about, beside the outside."""

_DAY = 86_400.0
_FEW = 3

READABLE = tuple(name for name, kind in KINDS.items() if kind.default == "read")
"""Kinds of what can be read."""


class Kept(msgspec.Struct, frozen=True):
    """The survey that answers: its file, when it was (seconds), and what says so: its `name`, else its `facts`.

    `problems`: files of the folder that are no survey, are dated ahead of today, or could not be read.
    """

    path: Path
    at: float
    by: str
    estate: Estate
    problems: tuple[Problem, ...] = ()


def moment(text: str, now: float | None = None) -> float:
    """Seconds of `2026-03-01` (that day's end, UTC) or of a time such as 2026-03-01T07:00.

    Raises `UsageError`, also where it lies ahead of `now` (seconds, that of the clock): a day is past as it begins.
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no date", "as in 2026-03-01, or 2026-03-01T07:00 (UTC)") from None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    if when.timestamp() > (time.time() if now is None else now):
        raise UsageError(f"{text} has not come yet", "name a past day; of today's estate `ringfence paths` tells")
    whole_day = len(text) <= len("2026-03-01")
    return when.timestamp() + (_DAY - 1e-6 if whole_day else 0.0)


def kept_at(folder: Path, when: float, identity: Path | None = None, now: float | None = None) -> Kept:
    """The last estate in the folder that is not later than `when` and can be read; `now` as in `moment`.

    A file's time is the one in its name, else that of its newest fact. What is dated ahead of today, and what cannot be
    read, is named, as is the second of two of one time; the next older one answers. Raises `UsageError` where none is
    so early.
    """
    surveys = estates_in(folder, identity, now=now)
    found = surveys.last(when)
    if found is None:
        holds = f"; the first there is of {_iso(surveys.first)}" if surveys.first is not None else ", nor any later"
        named_ = "".join(f"; {one.file}: {one.what}" for one in surveys.problems[:_FEW])
        raise UsageError(
            f"{folder} holds no estate as early as {_iso(when)}{holds}{named_}",
            "`ringfence collect --from DIR -o FOLDER/2026-03-01.estate` keeps one",
        )
    at, path, estate = found
    return Kept(path, at, "facts" if named(path.name) is None else "name", estate, tuple(surveys.problems))


def who_could(entity: str, when: float, folder: Path, most: int = 20, identity: Path | None = None) -> dict[str, Any]:
    """The documented shape of `ringfence who-could read`; the ways of the `most` quickest are shown.

    Raises `UsageError` for what nobody reads (`READABLE`), and where no estate or none with the entity is kept.
    """
    data = positions.split(entity)[0]
    if kind_of(data) not in READABLE:
        raise UsageError(
            f"a {kind_of(data)} is nothing that is read",
            f"name a {', '.join(READABLE[:-1])} or {READABLE[-1]}; of others `ringfence paths` tells the ways",
        )
    kept = kept_at(folder, when, identity)
    asked = Questions(kept.estate)
    target = f"{data}#read"
    positions.parse(asked.estate, target)  # says so where the estate does not know it
    who = list(_candidates(asked.estate))
    able, perhaps = _able(asked, who, target)
    direct = {name: facts for name in who if (facts := list(_directly(asked.estate, name, target)))}
    near = _minutes(asked, target)
    rows = sorted((name for name in who if name in able or name in direct), key=lambda name: (near(name), name))
    return {
        "read": target,
        "on": _iso(when),
        "estate": {
            "file": clean(kept.path.name),
            "at": _iso(kept.at),
            "by": kept.by,
            "days_older": int(when // _DAY - kept.at // _DAY),
        },
        "count": len(rows),
        "who": [_row(asked, name, target, direct, able, shown=n < most) for n, name in enumerate(rows)],
        "unknown": sorted(perhaps - set(rows)),
        "unreadable": [{"file": one.file, "what": one.what, "remedy": one.remedy} for one in kept.problems],
    }


def _candidates(estate: Estate) -> Iterator[str]:
    yield from (one for one in entities_of(estate, *ASKED) if one != EVERYONE)
    if OUTSIDE in estate:
        yield OUTSIDE


def _able(asked: Questions, who: Sequence[str], target: str) -> tuple[set[str], set[str]]:
    """(those who get there, those who do only if something that was not collected holds)."""
    goal = asked.graph.index(positions.parse(asked.estate, target))
    if goal < 0:
        return set(), set()
    at = np.array([asked.graph.index(positions.parse(asked.estate, _held(one))) for one in who], np.int64)
    known = settle(reach_sets(asked.graph, [goal]), seconds=60.0).lower.matrix()[:, 0]
    maybe = reach_sets(asked.graph, [goal], with_unknown=True).upper.matrix()[:, 0]
    able = {one for one, number in zip(who, at.tolist(), strict=True) if number >= 0 and known[number]}
    return able, {one for one, number in zip(who, at.tolist(), strict=True) if number >= 0 and maybe[number]} - able


def _held(entity: str) -> str:
    return f"{entity}#{KINDS[kind_of(entity)].default}"


def _minutes(asked: Questions, target: str) -> Any:
    """How near each is, for the order: a lower bound, infinite where there is no way."""
    goal = asked.graph.index(positions.parse(asked.estate, target))
    if goal < 0:
        return lambda name: 0.0
    near = nearest(asked.graph, np.array([goal]))
    return lambda name: float(near.minutes[asked.graph.index(positions.parse(asked.estate, _held(name)))])


def _directly(estate: Estate, name: str, target: str) -> Iterator[Fact]:
    """The facts that let it read by right: of itself, of a group of its own or of everybody, and a job's own work."""
    data = target.rpartition("#")[0]
    if kind_of(name) == "job":
        yield from (fact for fact in estate.about(name, "reads") if fact.object == data)
    elif kind_of(name) == "identity":
        groups = {fact.object: fact for fact in estate.about(name, "member_of")}
        for fact in estate.about(data, "readable_by"):
            if fact.object in (name, EVERYONE):
                yield fact
            elif fact.object in groups:
                yield from (groups[fact.object], fact)


def _row(
    asked: Questions, name: str, target: str, direct: dict[str, list[Fact]], able: set[str], *, shown: bool
) -> dict[str, Any]:
    way = None
    if shown and name in able:
        reached = reach_from(asked.graph, asked.footholds([_held(name)]))
        goal = asked.graph.index(positions.parse(asked.estate, target))
        way = next(iter(asked.paths_in(reached, goal, 1)), None)
    return {
        "entity": name,
        "from": _held(name),
        "direct": name in direct,
        "facts": [fact.as_json() for fact in direct.get(name, ())],
        "by_moves": name in able,
        "path": way,
    }
