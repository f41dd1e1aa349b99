"""What the derived policy would have cut of what was observed; and, once it stands, what breaks it."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

import msgspec

from ringfence.app.fence.design import Design
from ringfence.errors import InputError, Problem
from ringfence.segment.learn import Judge, suggested
from ringfence.wire.flows import Flow, read
from ringfence.wire.flows.read import LONGEST_LINE


def learn(design: Design, files: Iterable[Path]) -> dict[str, Any]:
    """`ringfence fence learn --json`: `flows`, `judged` (cut first), `suggested` exceptions, `problems`."""
    problems: list[Problem] = []
    judged = Judge(design.policy, design.inventory).summary(_flows(files, problems))
    counts = dict.fromkeys(("allowed", "cut", "unfenced"), 0)
    for one in judged:
        counts[one.verdict] += one.flows
    cut = [one for one in judged if one.verdict == "cut"]
    names = ("from", "to", "what", "reason")
    return {
        "flows": sum(counts.values()),
        **counts,
        "judged": [msgspec.to_builtins(one) for one in judged],
        "suggested": [dict(zip(names, row, strict=True)) for row in suggested(one for one in cut if not one.unknown)],
        "problems": [msgspec.to_builtins(problem) for problem in problems],
    }


def follow(design: Design, stream: TextIO | None = None) -> Iterator[dict[str, Any]]:
    """Each connection of a stream that the policy does not allow, as it comes; damaged lines too."""
    judge = Judge(design.policy, design.inventory)
    for one in read("-", _lines(stream or sys.stdin)):
        if isinstance(one, Problem):
            yield {"problem": str(one)}
        else:
            judged = judge.judge(one)
            if judged.verdict != "allowed":
                yield {**msgspec.to_builtins(judged), "when": one.when, "line": one.line}


def _flows(files: Iterable[Path], problems: list[Problem]) -> Iterator[Flow]:
    for file in files:
        try:
            with file.open(encoding="utf-8", errors="replace") as stream:
                for one in read(str(file), _lines(stream)):
                    if isinstance(one, Problem):
                        problems.append(one)
                    else:
                        yield one
        except OSError as error:
            raise InputError(f"{file}: {error.strerror}", remedy="name files of observed connections") from None


def _lines(stream: TextIO) -> Iterator[str]:
    """Lines, none longer than is looked at: the rest of a longer one counts as further lines."""
    while line := stream.readline(LONGEST_LINE + 1):
        yield line
