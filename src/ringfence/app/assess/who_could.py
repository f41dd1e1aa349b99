"""Who could read a model at a time in the past: the question after a leak, asked of the estates that were kept.

        folder of estates ─▶ the last not later than the moment ─▶ who reaches `entity#read`, each on their own

Each answers for themselves alone: accounts, jobs, workstations and the outside. *Directly*: a file's mode, a policy
or the job's own work says so. *By moves*: an attacker who holds them gets there; the quickest way is shown.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ringfence.analyse import positions
from ringfence.analyse.reach import nearest, reach_from, reach_sets, settle
from ringfence.app.assess.debt_history import named, newest
from ringfence.app.estates import open_estate
from ringfence.app.questions import Questions
from ringfence.app.survey import entities_of
from ringfence.errors import UsageError
from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import EVERYONE, KINDS, OUTSIDE, kind_of
from ringfence.estate.stamps import utc as _iso

ASKED = ("identity", "job", "workstation")
"""Kinds of those who are asked about, beside the outside."""

READABLE = tuple(name for name, kind in KINDS.items() if kind.default == "read")
"""Kinds of what can be read."""


def moment(text: str) -> float:
    """Seconds of `2026-03-01` (that day's end, UTC) or of a time such as 2026-03-01T07:00. Raises `UsageError`."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no date", "as in 2026-03-01, or 2026-03-01T07:00 (UTC)") from None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    whole_day = len(text) <= len("2026-03-01")
    return (when + timedelta(days=1, microseconds=-1) if whole_day else when).timestamp()


def kept_at(folder: Path, when: float, identity: Path | None = None) -> tuple[Path, float, str]:
    """(file, its time, "name" or "facts") of the last estate in the folder that is not later than `when`.

    A file's time is the one in its name, else that of its newest fact. Raises `UsageError` where there is none.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", "name the folder that holds saved estates, one per survey")
    found = [_dated(path, identity) for path in sorted(folder.glob("*.estate"))]
    early = [each for each in found if each[1] <= when]
    if not early:
        first = min((at for _, at, _ in found), default=None)
        holds = f"; the first there is of {_iso(first)}" if first is not None else ", nor any later"
        raise UsageError(
            f"{folder} holds no estate as early as {_iso(when)}{holds}",
            "`ringfence collect --from DIR -o FOLDER/2026-03-01.estate` keeps one",
        )
    return max(early, key=lambda each: (each[1], each[0].name))


def _dated(path: Path, identity: Path | None) -> tuple[Path, float, str]:
    at = named(path.name)
    return (path, at, "name") if at is not None else (path, newest(open_estate(path, identity)), "facts")


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
    path, at, by = kept_at(folder, when, identity)
    asked = Questions(open_estate(path, identity))
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
        "estate": {"file": path.name, "at": _iso(at), "by": by},
        "count": len(rows),
        "who": [_row(asked, name, target, direct, able, shown=n < most) for n, name in enumerate(rows)],
        "unknown": sorted(perhaps - set(rows)),
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
