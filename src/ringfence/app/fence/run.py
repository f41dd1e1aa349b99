"""Doing what a plan says, step by step, so that whatever interrupts it can be named, completed or taken back.

What is at every place is kept in the receipt before the first is touched. Nothing of a later stage begins before
every step of the one before it was read back and proven: the stage between two tenants' rules must have been seen
everywhere. Applying is idempotent, so an apply that was killed is completed by carrying its steps out again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from time import time

import msgspec

from ringfence.app.fence.ledger import Ledger
from ringfence.app.fence.steps import Step
from ringfence.enforce.base import Enforcer
from ringfence.errors import EnforceError, RingfenceError
from ringfence.segment.model import Artefact, Difference
from ringfence.store.state import receipts

Enforcers = Mapping[tuple[str, str], Enforcer]
Check = Callable[[int, Mapping[str, Sequence[Artefact]]], Sequence[Difference]]
"""(stage, what was read back per target) → how that differs from what is meant."""


class Outcome(msgspec.Struct, frozen=True):
    """What became of one place in one stage: `done`, `failed` or `undone`, and why."""

    stage: int
    target: str
    where: str
    status: str
    why: str = ""


def kept_before(steps: Sequence[Step], enforcers: Enforcers) -> tuple[list[receipts.Target], list[Outcome]]:
    """(what is at every place now, the places that do not answer). Changes nothing."""
    found, silent = [], []
    for target, where in dict.fromkeys((step.target, step.where) for step in steps):
        try:
            found.append(receipts.Target(place(target, where), enforcers[target, where].read().encode()))
        except RingfenceError as error:
            silent.append(Outcome(0, target, where, "failed", error.what))
    return found, silent


def carry_out(
    receipt: str, steps: Sequence[Step], enforcers: Enforcers, ledger: Ledger, check: Check
) -> Iterator[Outcome]:
    """Carry the steps out, stage by stage, yielding each outcome.

    A place that fails does not stop the others of its stage, but no later stage begins. Raises `EnforceError`
    then, or where what was read back is not what is meant; `left` lists what is missing or wrong.
    """
    for stage in sorted({step.stage for step in steps}):
        mine = [step for step in steps if step.stage == stage]
        found: dict[str, list[Artefact]] = {}
        failed = []
        for step in mine:
            outcome = _one(receipt, step, enforcers[step.target, step.where], ledger, found)
            failed += [f"{step.target} on {step.where}: {outcome.why}"] if outcome.status == "failed" else []
            yield outcome
        if failed:
            told = f"{len(failed)} of {len(mine)} places did not follow, so nothing more was opened"
            raise EnforceError(told, "mend them and apply again, or undo", tuple(failed))
        if wrong := check(stage, found):
            left = tuple(f"{one.kind} on {one.plane}: {one.source} → {one.target} {one.what}" for one in wrong)
            raise EnforceError("what was read back is not what is meant", "undo, or mend and apply again", left)


def take_back(receipt: receipts.Receipt, enforcers: Enforcers, ledger: Ledger) -> Iterator[Outcome]:
    """Restore the places of a receipt, the last touched first; what is undone already is left alone."""
    for one in reversed(receipt.targets):
        if one.status in ("planned", "undone"):
            continue
        target, where = one.target.split(" ", 1)
        try:
            enforcers[target, where].restore(one.before.decode())
        except KeyError:
            yield Outcome(0, target, where, "failed", "no enforcer is named for it")
        except RingfenceError as error:
            yield Outcome(0, target, where, "failed", error.what)
        else:
            receipts.step(ledger.database, receipt.id, one.target, "undone")
            yield Outcome(0, target, where, "undone")


def place(target: str, where: str) -> str:
    """The name under which a receipt keeps a place."""
    return f"{target} {where}"


def settle(ledger: Ledger, receipt: str, status: str) -> None:
    """Move the receipt on."""
    receipts.settle(ledger.database, receipt, status, time())


def _one(receipt: str, step: Step, enforcer: Enforcer, ledger: Ledger, found: dict[str, list[Artefact]]) -> Outcome:
    name = place(step.target, step.where)
    try:
        receipts.step(ledger.database, receipt, name, "changing")
        enforcer.apply(step.artefact)
        text = enforcer.read()
        receipts.step(ledger.database, receipt, name, "changed")
    except RingfenceError as error:
        return Outcome(step.stage, step.target, step.where, "failed", error.what)
    found.setdefault(step.target, []).append(Artefact(step.artefact.name, text, (step.where,)))
    return Outcome(step.stage, step.target, step.where, "done")
