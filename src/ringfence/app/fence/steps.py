"""What an apply would do, in order: every step one artefact for one enforcer.

        stages (middle, new) ─▶ per stage: compile ─▶ steps ─▶ the enforcers that are known here

Within a stage the planes that deny without a host's help come first (fabric, then hosts, then the rest), so that a
host that is slow to answer is already fenced on its ports.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ringfence.segment.model import Artefact, Compiled

ORDER = (
    "opensm",
    "ufm",
    "nmx-m",
    "fabric-manager",
    "imex",
    "nftables",
    "sshd",
    "exports",
    "lustre",
    "kubernetes",
    "slurm",
)
"""Targets in the order in which a stage puts them in force; others follow by name."""


class Step(msgspec.Struct, frozen=True):
    """Put one artefact in force at one place. `stage` counts from 0; `digest` is the SHA-256 of its text."""

    number: int
    stage: int
    target: str
    where: str
    artefact: Artefact
    digest: str


class Unreached(msgspec.Struct, frozen=True, order=True):
    """An artefact that nobody here can put in force."""

    target: str
    where: str
    why: str


def steps_of(
    stages: Sequence[Mapping[str, Compiled]], reachable: Iterable[tuple[str, str]]
) -> tuple[list[Step], list[Unreached]]:
    """(steps in order, what none of the `reachable` (target, where) enforcers takes)."""
    known = set(reachable)
    steps: list[Step] = []
    unreached: dict[tuple[str, str], Unreached] = {}
    for stage, compiled in enumerate(stages):
        for target in sorted(compiled, key=_place):
            for artefact in compiled[target].artefacts:
                digest = digest_of(artefact)
                for where in artefact.loaded_by:
                    if (target, where) in known:
                        steps.append(Step(len(steps), stage, target, where, artefact, digest))
                    else:
                        why = "no enforcer is named for it" if compiled[target].enforced else "compiled, not enforced"
                        unreached[target, where] = Unreached(target, where, why)
    return steps, sorted(unreached.values())


def digest_of(artefact: Artefact) -> str:
    """SHA-256 of the artefact's text, hexadecimal."""
    return hashlib.sha256(artefact.text.encode()).hexdigest()


def _place(target: str) -> tuple[int, str]:
    return (ORDER.index(target) if target in ORDER else len(ORDER), target)
