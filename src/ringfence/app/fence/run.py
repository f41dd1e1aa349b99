"""Doing what a plan says, so that whatever interrupts it can be named, completed or taken back.

What is at every place is kept in the receipt before the first is touched. Nothing of a later stage begins before
every step of the one before it was read back and proven: the stage between two tenants' rules must have been seen
everywhere. Within a stage the places of one target change at the same time. Applying is idempotent, so an apply that
was killed is completed by carrying its steps out again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from time import time
from typing import Protocol, TypeVar, runtime_checkable

import msgspec

from ringfence.app.fence.ledger import Ledger
from ringfence.app.fence.steps import Enforcers, Step
from ringfence.enforce.base import Enforcer
from ringfence.errors import EnforceError, RingfenceError
from ringfence.segment.model import Artefact, Difference
from ringfence.store.state import receipts

Found = Mapping[str, Sequence[Artefact]]
"""What was read back, by target."""

Check = Callable[[int, Found], Sequence[Difference]]
"""(stage, what was read back) → how that differs from what is meant."""

AT_ONCE = 64
"""Places that are changed at the same time: most of them wait for a host far away."""

One = TypeVar("One")
Other = TypeVar("Other")


@runtime_checkable
class Looking(Protocol):
    """An enforcer that can show more than what is ours: what others put beside it, or what the hardware holds."""

    def look(self) -> str:
        """All that takes part in a proof."""
        ...


@runtime_checkable
class Beside(Protocol):
    """An enforcer beside whose objects others may put theirs, which open what ours do not (Kubernetes)."""

    def theirs(self) -> str:
        """Those of others, in the same language."""
        ...


class Outcome(msgspec.Struct, frozen=True):
    """What became of one place in one stage: `done`, `failed`, `undone`, or `differs` (less passes than is meant)."""

    stage: int
    target: str
    where: str
    status: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.target} on {self.where}: {self.why}"


def kept_before(steps: Sequence[Step], enforcers: Enforcers) -> tuple[list[receipts.Target], list[Outcome]]:
    """(what is at every place now, the places that do not answer). Changes nothing."""

    def kept(one: tuple[str, str]) -> receipts.Target | Outcome:
        try:
            return receipts.Target(place(*one), _bytes(enforcers[one].read()))
        except RingfenceError as error:
            return Outcome(0, *one, "failed", error.what)

    found = list(_at_once(kept, dict.fromkeys((step.target, step.where) for step in steps)))
    silent = [one for one in found if isinstance(one, Outcome)]
    return [one for one in found if isinstance(one, receipts.Target)], silent


def seen(steps: Sequence[Step], enforcers: Enforcers) -> tuple[dict[str, list[Artefact]], list[Outcome]]:
    """(what is there, others' included, by target; the places that do not answer). Changes nothing."""

    def looked(step: Step) -> tuple[Step, Artefact | Outcome]:
        enforcer = enforcers[step.target, step.where]
        try:
            found = look(step, enforcer)
            beside = enforcer.theirs() if isinstance(enforcer, Beside) else ""
            return step, msgspec.structs.replace(found, text=found.text + beside)
        except RingfenceError as error:
            return step, Outcome(step.stage, step.target, step.where, "failed", error.what)

    found: dict[str, list[Artefact]] = {}
    silent = []
    for step, one in _at_once(looked, steps):
        if isinstance(one, Outcome):
            silent.append(one)
        else:
            found.setdefault(step.target, []).append(one)
    return found, silent


def look(step: Step, enforcer: Enforcer) -> Artefact:
    """What is really there, for the prover."""
    text = enforcer.look() if isinstance(enforcer, Looking) else enforcer.read()
    return Artefact(step.artefact.name, text, step.stands_for)


def carry_out(
    receipt: str, steps: Sequence[Step], enforcers: Enforcers, ledger: Ledger, check: Check
) -> Iterator[Outcome]:
    """Carry the steps out, stage by stage, yielding each outcome.

    A place that fails does not stop the others of its stage, but no later stage begins. Raises `EnforceError`
    then, or where what was read back lets more pass than is meant; `left` lists what is missing or open. Where less
    passes, others deny it (their own tables): that is told, and stops nothing.
    """
    for stage, together in groupby(steps, key=lambda step: step.stage):
        mine = list(together)
        found: dict[str, list[Artefact]] = {}
        failed = []
        for target, places in groupby(mine, key=lambda step: step.target):
            for outcome in _target(receipt, list(places), enforcers, ledger, found.setdefault(target, [])):
                failed += [str(outcome)] if outcome.status == "failed" else []
                yield outcome
        if failed:
            what = f"{len(failed)} of {len(mine)} places did not follow, so nothing more was opened"
            raise EnforceError(what, "mend them and apply again, or undo", tuple(failed))
        wrong = check(stage, found)
        if left := tuple(told(one) for one in wrong if one.kind == "leak"):
            raise EnforceError("what was read back is open", "undo, or mend and apply again", left)
        yield from (Outcome(stage, "", one.source, "differs", told(one)) for one in wrong)


def take_back(receipt: receipts.Receipt, enforcers: Enforcers, ledger: Ledger) -> Iterator[Outcome]:
    """Restore the places of a receipt, the last touched target first; what is undone already is left alone."""

    def restored(one: receipts.Target) -> Outcome:
        target, where = one.target.split(" ", 1)
        try:
            enforcers[target, where].restore(one.before.decode("utf-8", "surrogateescape"))
        except KeyError:
            return Outcome(0, target, where, "failed", "no enforcer is named for it")
        except RingfenceError as error:
            return Outcome(0, target, where, "failed", error.what)
        return Outcome(0, target, where, "undone")

    touched = [one for one in reversed(receipt.targets) if one.status not in ("planned", "undone")]
    for _, together in groupby(touched, key=lambda one: one.target.partition(" ")[0]):
        outcomes = list(_at_once(restored, together))
        done = [place(one.target, one.where) for one in outcomes if one.status == "undone"]
        receipts.mark(ledger.database, receipt.id, done, "undone")
        yield from outcomes


def told(one: Difference) -> str:
    """A difference in a line."""
    return f"{one.kind} on {one.plane}: {one.source} → {one.target} {one.what} {one.because}".rstrip()


def place(target: str, where: str) -> str:
    """The name under which a receipt keeps a place."""
    return f"{target} {where}"


def settle(ledger: Ledger, receipt: str, status: str) -> None:
    """Move the receipt on."""
    receipts.settle(ledger.database, receipt, status, time())


def _target(
    receipt: str, steps: Sequence[Step], enforcers: Enforcers, ledger: Ledger, found: list[Artefact]
) -> Iterator[Outcome]:
    """All places of one target in one stage. `changing` is on disk before the first is touched."""

    def changed(step: Step) -> tuple[Outcome, Artefact | None]:
        enforcer = enforcers[step.target, step.where]
        try:
            enforcer.apply(step.artefact)
            there = look(step, enforcer)
        except RingfenceError as error:
            why = "; ".join((error.what, *getattr(error, "left", ())))
            return Outcome(step.stage, step.target, step.where, "failed", why), None
        return Outcome(step.stage, step.target, step.where, "done"), there

    receipts.mark(ledger.database, receipt, [place(step.target, step.where) for step in steps], "changing")
    done = []
    for outcome, there in _at_once(changed, steps):
        if there:
            found.append(there)
            done.append(place(outcome.target, outcome.where))
        yield outcome
    receipts.mark(ledger.database, receipt, done, "changed")


def _at_once(do: Callable[[One], Other], all_: Iterable[One]) -> Iterator[Other]:
    """In the order of `all_`, whatever is done first."""
    with ThreadPoolExecutor(AT_ONCE, "fence") as pool:
        yield from pool.map(do, all_)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
