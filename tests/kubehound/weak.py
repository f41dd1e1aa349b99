"""Deriving one manifest alone, and applying the repairs that the table describes."""

import copy
from collections import Counter
from typing import Any

import yaml

from ringfence.analyse.derive import derive
from ringfence.analyse.moves import MOVES
from ringfence.analyse.positions import text
from ringfence.app.survey import survey_files
from ringfence.collect.base import CapturedFile, Scope

Row = tuple[str, str, str, bool]


def derived(documents: list[Any]) -> Counter[Row]:
    """Every move of one manifest on its own, as `moves --json` prints them: (id, from, to, unknown).

    A move that rests on other facts a second time (a token that two containers mount) is there twice.
    """
    file = CapturedFile("manifest.yaml", yaml.safe_dump_all(documents).encode())
    survey = survey_files([file], Scope(cluster="lab"))
    assert not survey.problems
    estate = survey.estate
    edges = derive(estate, MOVES)
    return Counter(
        (
            MOVES[edges.move[at]].id,
            " & ".join(text(estate, int(start)) for start in edges.start[at] if start >= 0),
            text(estate, int(edges.to[at])),
            bool(edges.unknown[at]),
        )
        for at in range(len(edges))
    )


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
