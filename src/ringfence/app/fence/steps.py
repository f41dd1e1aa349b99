"""What an apply would do, in order: every step one artefact for one enforcer.

        stages (middle, new) ─▶ per stage: compile ─▶ steps ─▶ the enforcers that are known here

Within a stage the planes that deny without a host's help come first (fabric, then hosts, then the rest), so that a
host that is slow to answer is already fenced on its ports. A fabric is one place, however many managers load its file.
"""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from ringfence.enforce.base import Enforcer
from ringfence.segment.model import Artefact, Compiled

Enforcers = Mapping[tuple[str, str], Enforcer]
"""By (target, where)."""

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

FABRICS = frozenset({"opensm", "ufm"})
"""Targets whose artefacts are a fabric's (`<fabric>/…`), loaded by all its managers."""


class Step(msgspec.Struct, frozen=True):
    """Put one artefact in force at one place. `stage` counts from 0; `digest` is the SHA-256 of its text.

    `stands_for`: those of `artefact.loaded_by` that this step serves.
    """

    number: int
    stage: int
    target: str
    where: str
    artefact: Artefact
    digest: str
    stands_for: tuple[str, ...]


class Unreached(msgspec.Struct, frozen=True, order=True):
    """An artefact that nobody here can put in force."""

    target: str
    where: str
    why: str


def steps_of(stages: Sequence[Mapping[str, Compiled]], enforcers: Enforcers) -> tuple[list[Step], list[Unreached]]:
    """(steps in order, what none of the enforcers takes)."""
    steps: list[Step] = []
    unreached: dict[tuple[str, str], Unreached] = {}
    for stage, compiled in enumerate(stages):
        for target in sorted(compiled, key=_place):
            for artefact in compiled[target].artefacts:
                digest = digest_of(artefact)
                for where, hosts in places_of(target, artefact).items():
                    if (target, where) in enforcers:
                        steps.append(Step(len(steps), stage, target, where, artefact, digest, hosts))
                        late = standbys(enforcers[target, where], hosts)
                    else:
                        why = "no enforcer is named for it" if compiled[target].enforced else "compiled, not enforced"
                        late = [Unreached(target, where, why)]
                    unreached |= {(target, one.where): one for one in late}
    return steps, sorted(unreached.values())


def places_of(target: str, artefact: Artefact) -> dict[str, tuple[str, ...]]:
    """Place → those who load the artefact there."""
    if target in FABRICS:
        return {f"network:ib/{artefact.name.partition('/')[0]}": artefact.loaded_by}
    return {where: (where,) for where in artefact.loaded_by}


def standbys(enforcer: Enforcer, hosts: Sequence[str]) -> list[Unreached]:
    """Managers whose file stays as it is: when one of them becomes master, the fabric follows that."""
    seats = getattr(enforcer, "hosts", hosts)
    why = "its file is not changed from here; as master it would load that"
    return [Unreached(enforcer.target, host, why) for host in hosts if host not in seats]


def digest_of(artefact: Artefact) -> str:
    """SHA-256 of the artefact's text, hexadecimal."""
    return hashlib.sha256(artefact.text.encode()).hexdigest()


def _place(target: str) -> tuple[int, str]:
    return (ORDER.index(target) if target in ORDER else len(ORDER), target)
