"""Apply, complete, undo, drift: a design put in force by the enforcers of a site, and taken back.

in force (old) ─▶ stages(old, new) ─▶ compiled ─▶ steps ─▶ run ─▶ new stands
                                                     └ receipt ─▶ undo ─▶ old stands
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

from ringfence.app.fence import run
from ringfence.app.fence.design import Design
from ringfence.app.fence.ledger import Change, Ledger
from ringfence.app.fence.run import Enforcers, Outcome
from ringfence.app.fence.steps import Step, Unreached, steps_of
from ringfence.errors import EnforceError, UsageError
from ringfence.segment.churn import stages
from ringfence.segment.model import Artefact, Compiled, Difference, Policy
from ringfence.store.state import receipts


class Applying:
    """One apply: what it would do, then doing it. `receipt` is the id under which it can be undone."""

    def __init__(self, design: Design, ledger: Ledger, enforcers: Enforcers, receipt: str = "") -> None:
        self._design, self._ledger, self._enforcers = design, ledger, enforcers
        self.receipt = receipt or secrets.token_hex(8)
        standing = ledger.in_force()
        self._old = standing.policy if standing else ""

    @cached_property
    def _stages(self) -> list[Policy]:
        return list(stages(self._ledger.policy(self._old) if self._old else None, self._design.policy))

    @cached_property
    def _compiled(self) -> list[dict[str, Compiled]]:
        return [self._design.compiled_of(policy) for policy in self._stages]

    @cached_property
    def _planned(self) -> tuple[list[Step], list[Unreached]]:
        return steps_of(self._compiled, self._enforcers)

    @property
    def steps(self) -> list[Step]:
        """What would be done, in order."""
        return self._planned[0]

    @property
    def unreached(self) -> list[Unreached]:
        """Artefacts that no enforcer of the site takes."""
        return self._planned[1]

    def shown(self) -> dict[str, Any]:
        """`ringfence fence apply --json` without `--apply`."""
        return {
            "receipt": self.receipt,
            "stages": len(self._stages),
            "steps": [
                {"stage": one.stage, "target": one.target, "where": one.where, "artefact": one.artefact.name}
                for one in self.steps
            ],
            "unreached": [msgspec.to_builtins(one) for one in self.unreached],
            "cannot_be_undone": ["connections that are ended stay ended"],
        }

    def apply(self) -> Iterator[Outcome]:
        """Do it. Raises `EnforceError`; `UsageError` where a proof does not hold, and then changes nothing."""
        if not self._design.holds:
            raise UsageError("a proof does not hold; nothing was changed", "`ringfence fence prove` shows why")
        before, silent = run.kept_before(self.steps, self._enforcers)
        if silent:
            yield from silent
            told = tuple(f"{one.target} on {one.where}: {one.why}" for one in silent)
            raise EnforceError(f"{len(silent)} places do not answer; nothing was changed", "mend them first", told)
        new = self._ledger.keep(self._design.policy)
        change = Change(self._old, new)
        self._ledger.intend(self.receipt, change)
        plan = bytes.fromhex(new)
        receipts.begin(self._ledger.database, self.receipt, plan, before, run.time())
        self._ledger.write_down("fence.apply.begun", f"policy:{new[:16]}", self.receipt, places=len(before))
        yield from self._carry_out(new)

    def complete(self) -> Iterator[Outcome]:
        """Do again what an apply that was cut off had begun; what it kept before is not overwritten."""
        self._ledger.write_down("fence.apply.resumed", "", self.receipt)
        yield from self._carry_out(self._ledger.keep(self._design.policy))

    def _carry_out(self, new: str) -> Iterator[Outcome]:
        yield from run.carry_out(self.receipt, self.steps, self._enforcers, self._ledger, self._check)
        run.settle(self._ledger, self.receipt, "applied")
        self._ledger.stands(self.receipt, new)
        self._ledger.write_down("fence.apply.done", f"policy:{new[:16]}", self.receipt, steps=len(self.steps))

    def _check(self, stage: int, found: Mapping[str, Sequence[Artefact]]) -> list[Difference]:
        policy, compiled = self._stages[stage], self._compiled[stage]
        return differences(self._design, policy, compiled, found)


def differences(
    design: Design, policy: Policy, compiled: Mapping[str, Compiled], found: Mapping[str, Sequence[Artefact]]
) -> list[Difference]:
    """How what was read back differs from a policy. Places that were not read count as they were compiled."""
    wrong: list[Difference] = []
    for target, artefacts in found.items():
        read = {where for artefact in artefacts for where in artefact.loaded_by}
        rest = [
            msgspec.structs.replace(one, loaded_by=tuple(where for where in one.loaded_by if where not in read))
            for one in compiled[target].artefacts
        ]
        everywhere = [*artefacts, *(one for one in rest if one.loaded_by)]
        wrong += design.proof_of(policy, target, everywhere, compiled[target].residuals).differences
    return wrong


def undo(design: Design, ledger: Ledger, enforcers: Enforcers, receipt: str = "") -> Iterator[Outcome]:
    """Take the last apply back (or the one named, if it is the last). Raises `UsageError`, `EnforceError`."""
    found = _to_undo(ledger, receipt)
    change = ledger.change(found.id)
    if found.status != "undoing":
        run.settle(ledger, found.id, "undoing")
    ledger.write_down("fence.undo.begun", "", found.id)
    if change and change.old and found.status == "applied":
        yield from _through_the_middle(design, ledger, enforcers, found.id, change)
    outcomes = list(run.take_back(receipts.receipt(ledger.database, found.id) or found, enforcers, ledger))
    yield from outcomes
    failed = tuple(f"{one.target} on {one.where}: {one.why}" for one in outcomes if one.status == "failed")
    if failed:
        raise EnforceError(f"{len(failed)} places were not restored", "mend them and undo again", failed)
    run.settle(ledger, found.id, "undone")
    if change and change.old:
        ledger.stands(_receipt_of(ledger, change.old), change.old)
    else:
        ledger.nothing_stands()
    ledger.write_down("fence.undo.done", "", found.id)


def _through_the_middle(
    design: Design, ledger: Ledger, enforcers: Enforcers, receipt: str, change: Change
) -> Iterator[Outcome]:
    """Going back is a hand-over too: what no longer stands ends before what stood is opened again."""
    back = stages(ledger.policy(change.new), ledger.policy(change.old))[:-1]
    compiled = [design.compiled_of(policy) for policy in back]
    steps, _ = steps_of(compiled, enforcers)
    yield from run.carry_out(
        receipt, steps, enforcers, ledger, lambda at, found: differences(design, back[at], compiled[at], found)
    )


def _to_undo(ledger: Ledger, wanted: str) -> receipts.Receipt:
    open_ = receipts.listed(ledger.database, ("begun", "applied", "failed", "undoing"))
    if not open_:
        raise UsageError("there is nothing to undo", "`ringfence fence status` lists what was applied")
    last = open_[-1]
    if wanted and wanted != last.id:
        raise UsageError(f"{wanted} is not the last apply; {last.id} came after it", "undo that one first")
    return last


def _receipt_of(ledger: Ledger, policy: str) -> str:
    done = receipts.listed(ledger.database, ("applied",))
    return next((one.id for one in reversed(done) if one.plan.hex() == policy), "")


def interrupted(ledger: Ledger) -> list[receipts.Receipt]:
    """Applies and undos that somebody was cut off in."""
    return receipts.listed(ledger.database, ("begun", "undoing"))


def resumed(design: Design, ledger: Ledger, enforcers: Enforcers) -> Iterator[Outcome]:
    """Complete the applies that were cut off. Raises `UsageError` where an undo was: that is undone first."""
    for one in interrupted(ledger):
        change = ledger.change(one.id)
        if one.status == "undoing" or change is None:
            raise UsageError(f"an undo of {one.id} was cut off", "`ringfence fence undo --apply` completes it")
        wanted = design.with_policy(ledger.policy(change.new))
        yield from Applying(wanted, ledger, enforcers, one.id).complete()


def drift(design: Design, enforcers: Enforcers) -> tuple[list[Difference], list[Outcome]]:
    """(how what is really there differs from the design, places that do not answer)."""
    found: dict[str, list[Artefact]] = {}
    silent = []
    steps, _ = steps_of([design.compiled], enforcers)
    for step in steps:
        try:
            text = enforcers[step.target, step.where].read()
        except EnforceError as error:
            silent.append(Outcome(0, step.target, step.where, "failed", error.what))
        else:
            found.setdefault(step.target, []).append(Artefact(step.artefact.name, text, (step.where,)))
    return differences(design, design.policy, design.compiled, found), silent


def status(ledger: Ledger) -> dict[str, Any]:
    """`ringfence fence status --json`."""
    standing = ledger.in_force()
    return {
        "in_force": msgspec.to_builtins(standing) if standing else None,
        "interrupted": [_told(one) for one in interrupted(ledger)],
        "receipts": [_told(one) for one in receipts.listed(ledger.database)],
    }


def _told(one: receipts.Receipt) -> dict[str, Any]:
    places = {target.target: target.status for target in one.targets}
    return {"receipt": one.id, "status": one.status, "begun_at": one.begun_at, "places": places}
