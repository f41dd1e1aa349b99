"""Deriving one manifest alone, and applying the repairs that the table describes."""

import copy
from typing import Any

import yaml

from ringfence.analyse.derive import derive
from ringfence.analyse.moves import MOVES
from ringfence.analyse.positions import text
from ringfence.app.survey import survey_files
from ringfence.collect.base import CapturedFile, Scope
from ringfence.estate.kinds import KINDS, kind_of

Row = tuple[str, str, str]


def derived(documents: list[Any]) -> set[Row]:
    """Every move of one manifest on its own: (id, from, to)."""
    file = CapturedFile("manifest.yaml", yaml.safe_dump_all(documents).encode())
    survey = survey_files([file], Scope(cluster="lab"))
    assert not survey.problems
    estate = survey.estate
    edges = derive(estate, MOVES)
    rows = {
        (
            MOVES[edges.move[at]].id,
            " & ".join(text(estate, int(start)) for start in edges.start[at] if start >= 0),
            text(estate, int(edges.to[at])),
        )
        for at in range(len(edges))
    }
    return _standable(rows)


def _standable(rows: set[Row]) -> set[Row]:
    """Without instances from positions that nobody can ever hold (a pod's `#user`, a cluster's `#login`).

    A position can be held if some other instance leads to it, if it is what naming the entity
    means, or if it is an account's on a host.
    """
    while True:
        reached = {to for _, _, to in rows}
        left = {row for row in rows if all(_starts(one) or one in reached for one in row[1].split(" & "))}
        if left == rows:
            return rows
        rows = left


def _starts(position: str) -> bool:
    entity, _, capability = position.rpartition("#")
    kind = kind_of(entity)
    return capability == KINDS[kind].default or (kind == "host" and capability == "user")


def repaired(documents: list[Any], changes: list[dict[str, Any]]) -> list[Any]:
    """The documents with each change made: `set` a value at a path, or `remove` what is there."""
    documents = copy.deepcopy(documents)
    for change in changes:
        *path, last = [int(part) if part.isdigit() else part for part in change["path"].split(".")]
        node = documents[change["document"]]
        for part in path:
            node = node[part]
        if change["do"] == "remove":
            del node[last]
        else:
            node[last] = change["value"]
    return documents
