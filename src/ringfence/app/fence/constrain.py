"""What the fence's proof says of constraints, as facts: the audit reads nothing else."""

from collections.abc import Iterator, Sequence
from time import time

from msgspec.structs import replace

from ringfence.app.fence.design import Design
from ringfence.app.fence.run import Outcome
from ringfence.app.fence.steps import Unreached
from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact, Scalar
from ringfence.segment.constraints import TARGET as CONSTRAINTS
from ringfence.segment.constraints import held, required
from ringfence.segment.model import Difference, Proof

__all__ = ["CONSTRAINTS", "constrained", "in_force", "read_back"]

TARGET = "slurm"
PROOF, READ_BACK = "proof", "read-back"
"""What a fact rests on: the proof of what was compiled, or the same proof of what was read back."""
SOURCE = {PROOF: "fence proof", READ_BACK: "fence read-back"}


def in_force(design: Design, proofs: dict[str, Proof], by: str = PROOF, now: float | None = None) -> Iterator[Fact]:
    """One fact for each constraint that can be told of: whether proofs show that it is kept, and of what."""
    when = time() if now is None else now
    for one in held(required(design.estate), design.policy, proofs.get(TARGET)):
        if one.held is None:
            continue  # what nothing can tell stays unknown
        about: dict[str, Scalar] = {"held": one.held, "by": by, "reason": one.why}
        yield Fact(one.constraint.subject, "constraint_in_force", one.constraint.rule, about, SOURCE[by], when)


def constrained(design: Design, proofs: dict[str, Proof], by: str = PROOF, now: float | None = None) -> Estate:
    """The design's estate with these facts, instead of earlier ones that rest on the same."""
    old = design.estate.told_by(SOURCE[by], "constraint_in_force")
    return design.estate.with_delta(in_force(design, proofs, by, now), old)


def read_back(
    design: Design, wrong: Sequence[Difference], away: Sequence[Outcome | Unreached], now: float | None = None
) -> Estate:
    """The design's estate with what a look at the real scheduler says: `wrong` is how it differs from the design.

    Where some of the scheduler's part did not answer (`away`), or none is in force, nothing is said.
    """
    proofs = {}
    if TARGET in design.compiled and not any(one.target == TARGET for one in away):
        made = design.proofs[TARGET]
        mine = tuple(one for one in wrong if one.plane == made.plane)
        proofs[TARGET] = replace(made, differences=mine)
    return constrained(design, proofs, READ_BACK, now)
