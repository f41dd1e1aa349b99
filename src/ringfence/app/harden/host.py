"""One host: check, apply, complete, undo.

    look ─▶ plan ─▶ every check ─▶ receipt (all that was) ─▶ per change: changing, apply, changed ─▶ applied
                                      └ undo: the last change first, exactly as it was ─▶ undone

The receipt holds the changes themselves, so one that was cut off is completed without the plan, and undone without it.
Killed anywhere, each place holds what was or what is wanted; `apply` completes, `undo` takes back. How a receipt ends
is in the journal first: what is settled is never missing there, and a cut between the two makes the line twice.
"""

import secrets
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from time import time

import msgspec

from ringfence.app.harden.ledger import Ledger
from ringfence.assess.harden import reads
from ringfence.assess.harden.changes import place, told
from ringfence.assess.harden.measure import Measure
from ringfence.assess.harden.measures import MEASURES
from ringfence.assess.harden.plan import Plan, planned
from ringfence.collect.tree import Tree, look
from ringfence.enforce.host import act
from ringfence.enforce.host.act import Back, Theirs
from ringfence.enforce.host.kept import Kept, decode, encode
from ringfence.errors import EnforceError, RingfenceError, UsageError
from ringfence.store.state import receipts

STATE = "var/lib/ringfence/harden"
_OPEN = ("begun", "applied", "failed", "undoing")
WAYS_ON = (
    "`ringfence harden undo --keep-theirs --apply` leaves what they changed as it is and closes the receipt; "
    "`--overwrite-theirs --apply` puts back what was there before us and keeps a copy of theirs; or mend it, undo again"
)


class Foreign(StrEnum):
    """What an undo makes of a place that somebody else changed since: leaves it and stays open, or one of two ways on.

    `keep`: it stays as they made it, and the receipt asks for it no more. `overwrite`: it holds what was there before
    us; the bytes of a file of theirs are kept beside the receipts.
    """

    ASK = "ask"
    KEEP = "keep"
    OVERWRITE = "overwrite"


class Outcome(msgspec.Struct, frozen=True):
    """What became of one change: `done`, `undone`, `kept` (as somebody else made it) or `failed`."""

    place: str
    status: str
    why: str = ""


def chosen(names: Sequence[str]) -> tuple[Measure, ...]:
    """The measures named by id or name; all for none. Raises `UsageError`."""
    known = {key: one for one in MEASURES for key in (one.id, one.name)}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(f"there is no measure {unknown[0]!r}", "`ringfence harden explain` lists them")
    wanted = {known[name].id for name in names}
    return tuple(one for one in MEASURES if one.id in wanted or not names)


def plan_of(root: Path, measures: Sequence[Measure]) -> Plan:
    """What the host needs. Changes nothing."""
    return planned(look(Tree(root), reads.paths(measures), reads.questions(measures)), measures)


class Refused(msgspec.Struct, frozen=True):
    """A change that an apply would not make: everything else of its plan would be left as well."""

    place: str
    why: str
    remedy: str


def refused(root: Path, plan: Plan) -> list[Refused]:
    """What stands against a plan now, by the looks that an apply takes before it begins. Changes nothing."""
    tree, found = Tree(root), []
    for change in plan.changes:
        try:
            act.check(tree, change)
            act.before(tree, change)
        except RingfenceError as error:
            found.append(Refused(place(change), error.what, error.remedy))
    return found


def folder_of(root: Path, state: Path | None) -> Path:
    """Where receipts and journal are kept: below the root, unless somebody says otherwise."""
    return state or Tree(root).root / STATE


class Host:
    """A tree and what was done to it."""

    def __init__(self, root: Path, ledger: Ledger) -> None:
        self.tree, self.ledger = Tree(root), ledger

    def apply(self, plan: Plan, receipt: str = "") -> Iterator[Outcome]:
        """Carry a plan out, under the id `receipt` if one is given; under one that was applied nothing is done again.

        Raises `EnforceError`; what was done until then stands in the receipt. `UsageError` for one that was taken back
        or failed: an order that comes late undoes no undo.
        """
        known = receipts.receipt(self.ledger.database, receipt) if receipt else None
        if known and known.status not in ("begun", "applied"):
            raise UsageError(f"the receipt {receipt} is {known.status} already", "apply under another id")
        if not plan.changes or (known and known.status == "applied"):
            return
        for change in plan.changes:
            act.check(self.tree, change)
        kept = [act.before(self.tree, change) for change in plan.changes]
        self.ledger.ready()
        receipt = receipt or secrets.token_hex(8)
        targets = [receipts.Target(place(one.change), encode(one)) for one in kept]
        receipts.begin(self.ledger.database, receipt, plan.digest, targets, time())
        self.ledger.note("harden.apply.begun", receipt, changes=[told(change) for change in plan.changes])
        yield from self._carry_out(receipt, kept)

    def complete(self) -> Iterator[Outcome]:
        """Do again what an apply that was cut off had begun. Raises `UsageError` where an undo was."""
        for receipt in self.interrupted():
            if receipt.status == "undoing":
                raise _half_undone(receipt, self.theirs(receipt))
            kept = [decode(one.before) for one in receipt.targets]
            self.ledger.note("harden.apply.resumed", receipt.id, changes=[told(one.change) for one in kept])
            yield from self._carry_out(receipt.id, kept)

    def half_undone(self) -> UsageError | None:
        """Why no apply may begin: an undo was cut off, or left what somebody else changed."""
        half = next((one for one in self.interrupted() if one.status == "undoing"), None)
        return _half_undone(half, self.theirs(half)) if half else None

    def interrupted(self) -> list[receipts.Receipt]:
        """Applies and undos that somebody was cut off in."""
        return receipts.listed(self.ledger.database, ("begun", "undoing"))

    def known(self, receipt: str) -> str:
        """How a receipt stands; "" for an id that was never given here."""
        found = receipts.receipt(self.ledger.database, receipt)
        return found.status if found else ""

    def open(self) -> list[str]:
        """The ids of all that is in force, the last first."""
        return [one.id for one in reversed(receipts.listed(self.ledger.database, _OPEN))]

    def in_force(self, receipt: str) -> bool:
        """Whether anything of a receipt may still stand."""
        return any(one.id == receipt for one in receipts.listed(self.ledger.database, _OPEN))

    def to_undo(self, wanted: str = "") -> receipts.Receipt:
        """The receipt that an undo takes back: the last one. Raises `UsageError`."""
        open_ = receipts.listed(self.ledger.database, _OPEN)
        if not open_:
            raise UsageError("there is nothing to undo", "`ringfence harden apply --apply` changes something")
        last = open_[-1]
        if wanted and wanted != last.id:
            raise UsageError(f"{wanted} is not the last apply; {last.id} came after it", "undo that one first")
        return last

    def theirs(self, receipt: receipts.Receipt) -> list[Theirs]:
        """Places of a receipt that somebody else changed since."""
        still = (decode(one.before) for one in reversed(receipt.targets) if one.status not in ("planned", "undone"))
        return [found for kept in still if (found := act.theirs(self.tree, kept))]

    def back(self, receipt: receipts.Receipt) -> list[Back]:
        """What an undo of a receipt gives back, in its order."""
        still = (one for one in reversed(receipt.targets) if one.status not in ("planned", "undone"))
        return [act.back(decode(one.before)) for one in still]

    def undo(self, receipt: receipts.Receipt, foreign: Foreign = Foreign.ASK) -> Iterator[Outcome]:
        """Put everything back, the last change first. Raises `EnforceError` where something was not."""
        self.ledger.ready()
        receipts.settle(self.ledger.database, receipt.id, "undoing", time())
        self.ledger.note("harden.undo.begun", receipt.id)
        left: list[str] = []
        kept_theirs: list[str] = []
        met, strange = 0, False
        for one in reversed(receipt.targets):
            if one.status in ("planned", "undone"):
                continue
            kept = decode(one.before)
            found = act.theirs(self.tree, kept)
            if found and foreign is Foreign.ASK:
                met, strange = met + 1, True
                left.append("\n".join(said(found)))
                yield Outcome(one.target, "failed", f"somebody else changed it since: {found.what}")
                continue
            try:
                outcome = self._put_back(receipt.id, kept, found, foreign)
            except RingfenceError as error:
                met += 1
                left.append(f"{one.target}: {error.what}")
                yield Outcome(one.target, "failed", error.what)
                continue
            receipts.step(self.ledger.database, receipt.id, one.target, "undone")
            kept_theirs += [outcome.place] if outcome.status == "kept" else []
            yield outcome
        if left:
            remedy = WAYS_ON if strange else "mend them, then undo again"
            raise EnforceError(f"{met} of {len(receipt.targets)} places were not put back", remedy, tuple(left))
        self.ledger.note("harden.undo.done", receipt.id, kept_theirs=kept_theirs)
        receipts.settle(self.ledger.database, receipt.id, "undone", time())

    def _put_back(self, receipt: str, kept: Kept, found: Theirs | None, foreign: Foreign) -> Outcome:
        if found is None:
            act.restore(self.tree, kept)
            return Outcome(place(kept.change), "undone")
        about = {"place": found.place, "was": found.was, "ours": found.ours, "theirs": found.now}
        if foreign is Foreign.KEEP:
            self.ledger.note("harden.undo.kept_theirs", receipt, **about)
            return Outcome(found.place, "kept", f"somebody else changed it since: {found.what}")
        copy = self.ledger.keep_theirs(found.content) if found.content is not None else ""
        self.ledger.note("harden.undo.overwrote_theirs", receipt, copy=copy, **about)
        act.restore(self.tree, kept, found)
        return Outcome(found.place, "undone", f"theirs is kept as {copy}" if copy else "")

    def _carry_out(self, receipt: str, kept: Sequence[Kept]) -> Iterator[Outcome]:
        database = self.ledger.database
        for one in kept:
            name = place(one.change)
            receipts.step(database, receipt, name, "changing")
            try:
                act.apply(self.tree, one)
            except RingfenceError as error:
                self.ledger.note("harden.apply.failed", receipt, place=name, why=error.what)
                receipts.settle(database, receipt, "failed", time())
                stands = "the changes before it stand; `ringfence harden undo --apply` takes them back"
                left = (*getattr(error, "left", ()), stands)
                raise EnforceError(f"{name}: {error.what}", error.remedy, left) from error
            receipts.step(database, receipt, name, "changed")
            yield Outcome(name, "done")
        self.ledger.note("harden.apply.done", receipt, changes=len(kept))
        receipts.settle(database, receipt, "applied", time())


def said(one: Theirs) -> list[str]:
    """What somebody else made of a place, in lines."""
    shorter = [
        (name, value[:64] or "nothing") for name, value in (("was", one.was), ("ours", one.ours), ("now", one.now))
    ]
    told = ", ".join(f"{name} {value}" for name, value in shorter)
    return [f"{one.place}: somebody else changed it since: {one.what} ({told})", *(f"  {it}" for it in one.difference)]


def _half_undone(receipt: receipts.Receipt, theirs: Sequence[Theirs]) -> UsageError:
    if not theirs:
        return UsageError(f"an undo of {receipt.id} was cut off", "`ringfence harden undo --apply` completes it")
    places = ", ".join(one.place for one in theirs[:5])
    what = f"an undo of {receipt.id} left {len(theirs)} places that somebody else changed since: {places}"
    return UsageError(what, f"`ringfence harden undo` shows how; {WAYS_ON}")
