"""Doing what a plan says, step by step, so that whatever interrupts it can be named, completed or taken back.

Before a place is first touched, what was there is kept in the receipt. Every step is noted when it begins and when
it was read back. Nothing of a later stage begins before every step of the one before it is done and its proof
holds: the stage between two tenants' rules must have been seen everywhere. Applying is idempotent, so that an
apply that was killed is completed by running it again.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from ringfence.app.fence.steps import Step
from ringfence.enforce.base import Enforcer
from ringfence.errors import EnforceError, RingfenceError
from ringfence.segment.model import Artefact, Difference

Enforcers = Mapping[tuple[str, str], Enforcer]


class Receipt(Protocol):
    """Where one apply keeps what it did; every call is durable when it returns."""

    def before(self, target: str, where: str) -> str | None:
        """What was there before this apply touched it, None if it has not."""

    def keep(self, target: str, where: str, before: str) -> None:
        """Keep what was there."""

    def done(self, number: int) -> bool:
        """Whether this step has been read back."""

    def mark(self, number: int, status: str, detail: str) -> None:
        """Note that a step has `begun`, is `done` or has `failed`."""


class Outcome(msgspec.Struct, frozen=True):
    """What became of one step: `done`, `kept` (it was done already) or `failed`, and why."""

    step: Step
    status: str
    why: str = ""


Check = Callable[[int, Mapping[str, Sequence[Artefact]]], Sequence[Difference]]
"""(stage, what was read back per target) → how that differs from what is meant."""


def run(steps: Sequence[Step], enforcers: Enforcers, receipt: Receipt, check: Check) -> Iterator[Outcome]:
    """Carry the steps out, yielding each outcome. Raises `EnforceError` at the end of a stage that is not proven.

    `left` of the error lists what is missing. A place that fails does not stop the others of its stage.
    """
    for stage in sorted({step.stage for step in steps}):
        mine = [step for step in steps if step.stage == stage]
        found: dict[str, list[Artefact]] = {}
        failed = []
        for step in mine:
            outcome = _carried_out(step, enforcers[step.target, step.where], receipt, found)
            failed += [f"{step.target} on {step.where}: {outcome.why}"] if outcome.status == "failed" else []
            yield outcome
        if failed:
            raise EnforceError(
                f"{len(failed)} of {len(mine)} places did not follow, so nothing more was opened",
                "mend them and apply again, or undo",
                tuple(failed),
            )
        wrong = check(stage, found)
        if wrong:
            told = tuple(f"{one.kind} on {one.plane}: {one.source} → {one.target} {one.what}" for one in wrong)
            raise EnforceError("what was read back is not what is meant", "undo, or mend and apply again", told)


def _carried_out(step: Step, enforcer: Enforcer, receipt: Receipt, found: dict[str, list[Artefact]]) -> Outcome:
    kept = receipt.done(step.number)
    try:
        if receipt.before(step.target, step.where) is None:
            receipt.keep(step.target, step.where, enforcer.read())
        if not kept:
            receipt.mark(step.number, "begun", step.digest)
            enforcer.apply(step.artefact)
        text = enforcer.read()
    except RingfenceError as error:
        receipt.mark(step.number, "failed", error.what)
        return Outcome(step, "failed", error.what)
    found.setdefault(step.target, []).append(Artefact(step.artefact.name, text, (step.where,)))
    receipt.mark(step.number, "done", hashlib.sha256(text.encode()).hexdigest())
    return Outcome(step, "kept" if kept else "done")


def take_back(
    places: Sequence[tuple[str, str]], enforcers: Enforcers, receipt: Receipt
) -> Iterator[tuple[str, str, str]]:
    """Restore places, the last touched first; yields (target, where, "" or why it failed)."""
    for target, where in reversed(places):
        before = receipt.before(target, where)
        if before is None:
            continue
        enforcer = enforcers.get((target, where))
        if enforcer is None:
            yield target, where, "no enforcer is named for it"
            continue
        try:
            enforcer.restore(before)
        except RingfenceError as error:
            yield target, where, error.what
        else:
            yield target, where, ""
