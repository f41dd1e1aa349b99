"""The heart of the enforcer: takes signed orders, carries them out, and can always say what is in force.

        envelope ─▶ signature ─▶ host, times, sequence ─▶ slot written as pending ─▶ apply ─▶ read back
                       │                 │                (from here on a restart           │
                    counted        a receipt that          finishes it)                     ▼
                                   says why                           slot and receipt written, receipt sent

One order at a time; whoever calls sees to that. Everything that matters is in `Slots`, on disk: a keeper that was
killed anywhere is followed by one that knows what is pending.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ringfence.app.enforcer.standing import reading, stands
from ringfence.enforce import confine
from ringfence.enforce.base import Enforcer, Lapsing, Telling
from ringfence.errors import EnforceError, InputError, RingfenceError
from ringfence.segment.model import Artefact
from ringfence.store.slots import FAILED, IN_FORCE, PENDING, Good, Slot, Slots
from ringfence.transport import signing
from ringfence.wire import orders
from ringfence.wire.hooks import Answer, Held
from ringfence.wire.orders import Envelope, Order, Receipt, Release

Drivers = Mapping[str, Callable[[str, str], Enforcer]]
"""Target → what makes its enforcer, given the host and the job ("" for the host's own slot)."""


@runtime_checkable
class Refilled(Protocol):
    """An enforcer of which something has to be done every minute: budgets are given back hour by hour."""

    def refill(self) -> None:
        """Do it."""


_AGAIN = 10.0
"""Seconds until what could not be lifted is tried again."""

Record = Callable[..., None]
"""Writes one line of the journal: what, detail, and the order's id."""


def _apply(driver: Enforcer, slot: Slot) -> None:
    confine.prepare(slot.desired)
    driver.apply(Artefact(slot.name, slot.desired, (driver.where,)))


def _sendable(text: str) -> str:
    """The read-back, or "" where it is longer than a message takes: the digest tells."""
    return text if orders.travels(text) else ""


def _standing(slot: Slot, good: Good | None) -> str:
    """The digest of what a slot whose order failed still has."""
    return good.slot.digest if good and slot.state == FAILED else ""


DO: dict[str, Callable[[Enforcer, Slot], None]] = {
    "apply": _apply,
    "restore": lambda driver, slot: driver.restore(slot.desired),
    "remove": lambda driver, slot: driver.restore(slot.before),
}
"""How a slot's action is carried out. `read` changes no slot."""


class Keeper:
    """The slots of one host. `own` signs its receipts; `trusted` are the keys whose orders it obeys."""

    def __init__(
        self,
        host: str,
        drivers: Drivers,
        slots: Slots,
        trusted: Mapping[str, Ed25519PublicKey],
        own: Ed25519PrivateKey,
        record: Record,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.host, self.slots, self._drivers = host, slots, drivers
        self._trusted, self._own, self._record, self._clock = trusted, own, record, clock
        self._looked = False
        self._astray: set[tuple[str, str]] = set()
        self._later: dict[str, float] = {}

    def take(self, envelope: Envelope, text: str = "") -> Receipt | None:
        """Carry out an order, or refuse it; the receipt is on disk. None for what is no order that we trust."""
        try:
            order = signing.opened(envelope, Order, self._trusted)
        except InputError as error:
            self._count(error.what)
            return None
        seen = self.slots.counter("sequence")
        why = orders.refusal(order, text, self.host, seen, self._clock()) or self._cannot(order)
        if why:
            return self._refuse(order, why)
        return self._read(order) if order.action == "read" else self._accept(order, text)

    def recover(self) -> None:
        """After a start, or at the end of a release: whatever is pending, failed or not as it was is brought about."""
        released = self.released()
        for slot in self.slots.all():
            driver = self._driver(slot.target, slot.job)
            if driver is None:
                self.slots.finish(self._changed(slot, FAILED, "", "no driver for this target any more"))
            elif released:
                self._open(driver, slot)
            elif slot.state != IN_FORCE or self._differs(driver, slot):
                self._bring_about(driver, slot, slot.state != IN_FORCE)
        self._looked = True

    def guard(self, job: str | None = None) -> bool:
        """Read back every slot, or those that let `job` start; what is not as it was applied is applied again.

        True if anything was found changed. A slot whose last order failed is held to what was in force before it.
        """
        wanted = self.slots.all() if job is None else self._of(job)
        return self._mend_all(wanted)

    def tend(self) -> None:
        """To be called every minute or so: what is in force is kept in order."""
        for slot in () if self.released() else self.slots.all():
            driver = self._driver(slot.target, slot.job)
            if isinstance(driver, Refilled):
                try:
                    driver.refill()
                except RingfenceError as error:
                    self._record("enforcer.failed", {"target": slot.target, "error": error.what[:300]}, "")

    def lapse(self) -> None:
        """To be called every second: what has expired is lifted, also what no order of ours is known for any more."""
        for target in self._drivers:
            driver = self._driver(target, "")
            if not isinstance(driver, Lapsing) or self._later.get(target, 0.0) > time.monotonic():
                continue
            try:
                gone = driver.lapse() if driver.due() <= self._clock() else ()
            except Exception as error:  # as in `_bring_about`; the others lapse all the same
                self._later[target] = time.monotonic() + _AGAIN
                self._record("enforcer.failed", {"target": target, "error": str(error)[:300]}, "")
                continue
            if gone:
                self._record("enforcer.lapsed", {"target": target, "lifted": list(gone)}, "")

    def remove_job(self, job: str) -> tuple[str, ...]:
        """A job has ended: its own slots go, and no other lets it start any more; what could not be removed."""
        self.slots.forget(job)
        left = []
        for slot in self.slots.all():
            if job in slot.covers:
                rest = tuple(one for one in slot.covers if one != job)
                self.slots.finish(msgspec.structs.replace(slot, covers=rest))
            driver = self._driver(slot.target, slot.job) if job and slot.job == job else None
            if driver:
                removal = self._changed(msgspec.structs.replace(slot, action="remove", made_by=""), PENDING, "", "")
                self.slots.begin(self.slots.counter("sequence"), removal)
                receipt = self._bring_about(driver, removal, False)
                left += [f"{slot.target}: {receipt.error}"] if receipt.outcome != "applied" else []
        return tuple(left)

    def release(self, envelope: Envelope) -> Answer:
        """Open this host with an offline token; what cannot be opened is named."""
        now = self._clock()
        try:
            token = signing.opened(envelope, Release, self._trusted)
            why = orders.release_refusal(token, self.host, self.slots.used(token.id), now)
        except InputError as error:
            why = error.what
        if why:
            self._count(why)
            return Answer("refused", why)
        until = int(now) + token.lasts
        self.slots.release(token.id, until)
        self._record("enforcer.release", {"why": token.why, "until": until}, token.id)
        left = []
        for slot in self.slots.all():
            driver = self._driver(slot.target, slot.job)
            left += [problem] if driver and (problem := self._open(driver, slot)) else []
        said = f"{self.host} is open until {until}" + ("; not taken back: " + "; ".join(left) if left else "")
        return Answer("refused" if left else "done", said[:1000])

    def released(self) -> int:
        """Until which second the host is open by a release token; 0 if it is not."""
        until = self.slots.counter("released")
        return until if until > self._clock() else 0

    def job(self, job: str) -> tuple[str, str]:
        """(state, why) of a job's compartment: in force, pending, failed, released, or "" where none is known."""
        if until := self.released():
            return "released", f"the host is open until {until}"
        mine = self._of(job)
        if not mine:
            return "", "no order for this job has come"
        if not self._looked:  # after a reboot nothing of what is written here may be in force
            return PENDING, "what is in force is being looked at"
        if any((slot.target, slot.job) in self._astray for slot in mine):
            return FAILED, "what is in force is not what was applied; it is being applied again"
        worst = next((slot for state in (FAILED, PENDING) for slot in mine if slot.state == state), mine[0])
        return worst.state, worst.error or f"{worst.target} since {worst.since}"

    def held(self) -> tuple[Held, ...]:
        """Every slot, as `status` tells it."""
        slots = [(one, self.slots.good(one.target, one.job)) for one in self.slots.all()]
        return tuple(
            Held(one.target, one.job, one.state, one.made_by, one.digest, one.since, one.error, _standing(one, good))
            for one, good in slots
        )

    @property
    def targets(self) -> tuple[str, ...]:
        """What this host can be ordered to change."""
        return tuple(sorted(self._drivers))

    def _mend_all(self, slots: list[Slot]) -> bool:
        found = [self._mend(slot) for slot in slots if not self.released()]  # all of them, not up to the first
        return any(found)

    def _of(self, job: str) -> list[Slot]:
        return [slot for slot in self.slots.all() if job == slot.job or job in slot.covers]

    def _cannot(self, order: Order) -> str:
        if self.released() and order.action != "read":
            return f"released: the host is open until {self.released()}"
        if order.target not in self._drivers:
            return f"unknown target {order.target}: this host has {', '.join(sorted(self._drivers)) or 'none'}"
        try:
            self._drivers[order.target](self.host, order.job)
        except RingfenceError as error:
            return f"no driver: {error.what}"
        return ""

    def _accept(self, order: Order, text: str) -> Receipt:
        driver, old = self._drivers[order.target](self.host, order.job), self.slots.find(order.target, order.job)
        fresh = dict.fromkeys(("state", "digest", "error"), "")
        values: dict[str, Any] = {**fresh, "state": PENDING, "since": int(self._clock()), "made_by": order.id}
        try:
            before = old.before if old else driver.read()
        except RingfenceError as error:
            return self._refuse(order, f"cannot read what is there: {error.what}")
        slot = Slot(
            order.target, order.job, order.action, order.name, text, order.covers, before,
            sequence=order.sequence, **values,
        )  # fmt: skip
        self.slots.begin(order.sequence, slot)
        return self._bring_about(driver, slot, True)

    def _bring_about(self, driver: Enforcer, slot: Slot, told: bool) -> Receipt:
        """Carry out what the slot says; the slot and (if the server is to be told) the receipt are on disk."""
        error, text = "", ""
        left: tuple[str, ...] = ()
        try:
            DO[slot.action](driver, slot)
            text = driver.read()
            left = driver.left if isinstance(driver, Telling) else ()
        except EnforceError as problem:
            error, left = problem.what, problem.left
        except RingfenceError as problem:
            error = problem.what
        except Exception as problem:  # a driver's own fault must not end the enforcer, and must be told
            error = f"{type(problem).__name__}: {problem}"
        receipt = self._receipt(slot, "failed" if error else "applied", text, error, left)
        gone = slot.action == "remove" and not error
        now = self._changed(slot, FAILED if error else IN_FORCE, receipt.digest, receipt.error)
        envelope = msgspec.json.encode(signing.seal(self._own, receipt)) if told and slot.made_by else b""
        key = (slot.target, slot.job)
        found = None if error or gone else text
        self.slots.finish(None if gone else now, key if gone else None, slot.made_by, envelope, _sendable(text), found)
        self._astray.discard(key)
        detail = {"target": slot.target, "job": slot.job, "action": slot.action, "digest": receipt.digest}
        self._record(f"enforcer.{receipt.outcome}", detail | ({"error": receipt.error} if error else {}), slot.made_by)
        if error:
            self._mend(now)
        return receipt

    def _mend(self, slot: Slot) -> bool:
        """Hold a slot to what it last had in force; True if that was not there any more."""
        key, good = (slot.target, slot.job), self.slots.good(slot.target, slot.job)
        driver = self._driver(*key)
        if good is None or driver is None or slot.state == PENDING:
            return False
        found, ours = reading(driver), slot.made_by == good.slot.made_by
        if found is not None and stands(slot.target, good.found, found):
            if ours and slot.state == FAILED:  # it had gone astray and is back
                self.slots.finish(self._changed(slot, IN_FORCE, good.slot.digest, ""))
            return False
        known = ours and slot.state == FAILED  # told before: each round tries again and says nothing new
        self._astray.add(key)
        error, text = self._again(driver, good)
        if not (error and known):
            self._tell_mended(slot, good, error, text)
        if ours:
            self.slots.finish(self._changed(slot, FAILED if error else IN_FORCE, orders.digest(text), error))
        self._astray.discard(key)
        return True

    def _again(self, driver: Enforcer, good: Good) -> tuple[str, str]:
        """(error, read-back) of applying what was last in force, if need be from the ground."""
        for before in (None, good.slot.before):
            try:
                if before is not None:
                    driver.restore(before)
                DO[good.slot.action](driver, good.slot)
            except Exception as problem:  # as in `_bring_about`
                return f"what was in force is gone, and cannot be brought back: {problem}"[:1000], ""
            text = reading(driver)
            if text is not None and stands(driver.target, good.found, text):
                return "", text
        return "what is in force is not what was applied, and applying it again did not mend it", text or ""

    def _tell_mended(self, slot: Slot, good: Good, error: str, text: str) -> None:
        """Counted, journalled, and sent as a receipt of its own."""
        self.slots.count("mended")
        outcome, made_by = "failed" if error else "mended", secrets.token_hex(16)
        said = error or "what was in force was not what had been applied"
        receipt = self._receipt_of(
            made_by, slot.target, slot.job, good.slot.sequence or 1, orders.MENDED, text, said, ()
        )
        sealed = msgspec.json.encode(signing.seal(self._own, receipt))
        self.slots.finish(None, None, made_by, sealed, _sendable(text))
        detail = {"target": slot.target, "job": slot.job, "digest": receipt.digest, "applied": good.slot.digest}
        self._record("enforcer.mended", detail | {"outcome": outcome, "error": said}, good.slot.made_by)

    def _read(self, order: Order) -> Receipt:
        self.slots.begin(order.sequence, None)
        error = text = ""
        try:
            text = self._drivers[order.target](self.host, order.job).read()
        except RingfenceError as problem:
            error = problem.what
        return self._send(order, "failed" if error else "applied", text, error)

    def _refuse(self, order: Order, why: str) -> Receipt:
        self._count(why)
        return self._send(order, "refused", "", why)

    def _send(self, order: Order, outcome: str, text: str, error: str) -> Receipt:
        receipt = self._receipt_of(order.id, order.target, order.job, order.sequence, outcome, text, error, ())
        sealed = msgspec.json.encode(signing.seal(self._own, receipt))
        self.slots.finish(None, None, order.id, sealed, _sendable(text))
        return receipt

    def _receipt(self, slot: Slot, outcome: str, text: str, error: str, left: tuple[str, ...]) -> Receipt:
        by = slot.made_by or "0" * 32
        return self._receipt_of(by, slot.target, slot.job, slot.sequence, outcome, text, error, left)

    def _receipt_of(
        self, id: str, target: str, job: str, sequence: int, outcome: str, text: str, error: str, left: tuple[str, ...]
    ) -> Receipt:
        return Receipt(
            order=id,
            host=self.host,
            target=target,
            sequence=sequence,
            outcome=outcome,
            when=int(self._clock()),
            job=job,
            digest=orders.digest(text),
            error=error[:1000],
            left=tuple(one[:1000] for one in left[:100]),
        )

    def _open(self, driver: Enforcer, slot: Slot) -> str:
        try:
            driver.restore(slot.before)
        except Exception as problem:  # the others are opened all the same, and this is told
            return f"{slot.target}{' job ' + slot.job if slot.job else ''}: {problem}"[:200]
        return ""

    def _differs(self, driver: Enforcer, slot: Slot) -> bool:
        good, found = self.slots.good(slot.target, slot.job), reading(driver)
        if found is None or orders.digest(found) == slot.digest:
            return found is None
        return good is None or good.slot.made_by != slot.made_by or not stands(slot.target, good.found, found)

    def _driver(self, target: str, job: str) -> Enforcer | None:
        try:
            return self._drivers[target](self.host, job)
        except (KeyError, RingfenceError):
            return None

    def _changed(self, slot: Slot, state: str, digest: str, error: str) -> Slot:
        since = int(self._clock())
        return msgspec.structs.replace(slot, state=state, digest=digest, error=error[:1000], since=since)

    def _count(self, why: str) -> None:
        self.slots.refuse(why.partition(":")[0][:100])
        self._record("enforcer.refused", {"why": why[:300]}, "")
