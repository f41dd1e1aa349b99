"""Undo: the last apply taken back, through the same middle by which it came."""

from collections.abc import Iterator

from ringfence.app.fence import run
from ringfence.app.fence.change import differences, jobs_on
from ringfence.app.fence.clusters import informed
from ringfence.app.fence.design import Design
from ringfence.app.fence.drivers import covering
from ringfence.app.fence.ledger import Change, Ledger
from ringfence.app.fence.run import Outcome
from ringfence.app.fence.standing import compiled_stages
from ringfence.app.fence.steps import Enforcers, steps_of
from ringfence.errors import EnforceError, UsageError
from ringfence.segment.churn import stages
from ringfence.store.state import receipts


def to_undo(ledger: Ledger, wanted: str = "") -> receipts.Receipt:
    """The receipt that an undo would take back. Raises `UsageError`."""
    open_ = receipts.listed(ledger.database, ("begun", "applied", "failed", "undoing"))
    if not open_:
        raise UsageError("there is nothing to undo", "`ringfence fence status` lists what was applied")
    last = open_[-1]
    if wanted and wanted != last.id:
        raise UsageError(f"{wanted} is not the last apply; {last.id} came after it", "undo that one first")
    return last


def undo(design: Design, ledger: Ledger, enforcers: Enforcers, receipt: str = "") -> Iterator[Outcome]:
    """Take the last apply back (or the one named, if it is the last). Raises `UsageError`, `EnforceError`.

    Cut off, it is completed by undoing again: it goes through the middle once more, whatever was restored before.
    """
    found = to_undo(ledger, receipt)
    change = ledger.change(found)
    ledger.ready()
    run.settle(ledger, found.id, "undoing")
    ledger.write_down("fence.undo.begun", "", found.id)
    covering(enforcers, jobs_on(design.estate))
    yield from _through_the_middle(informed(design, enforcers), ledger, enforcers, found, change)
    outcomes = list(run.take_back(receipts.receipt(ledger.database, found.id) or found, enforcers, ledger))
    yield from outcomes
    failed = tuple(str(one) for one in outcomes if one.status == "failed")
    if failed:
        raise EnforceError(f"{len(failed)} places were not restored", "mend them and undo again", failed)
    ledger.stands(change.before)
    run.settle(ledger, found.id, "undone")
    ledger.write_down("fence.undo.done", "", found.id)


def _through_the_middle(
    design: Design, ledger: Ledger, enforcers: Enforcers, found: receipts.Receipt, change: Change
) -> Iterator[Outcome]:
    """Going back is a hand-over too: what no longer stands ends before what stood is opened again."""
    if not (change.before and change.before.fences and any(one.status != "planned" for one in found.targets)):
        return
    back = stages(ledger.policy(change.new), ledger.policy(change.before.policy))[:-1]
    compiled, _ = compiled_stages(design, back, enforcers)
    steps, _ = steps_of(compiled, enforcers)
    kept = {one.target for one in found.targets}
    mine = [step for step in steps if run.place(step.target, step.where) in kept]
    yield from run.carry_out(
        found.id, mine, enforcers, ledger, lambda at, there: differences(design, back[at], compiled[at], there)
    )
