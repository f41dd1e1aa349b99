"""Receipts to disk: in the journal and in the ledger before a node is told that it may forget one."""

from typing import NamedTuple

from ringfence.app.orders.batches import Batches
from ringfence.store.journal import Journal, Line
from ringfence.store.journal.lines import encode
from ringfence.store.ledger import Ledger
from ringfence.wire.orders import Receipt


class Answer(NamedTuple):
    """A receipt as it came."""

    receipt: Receipt
    envelope: bytes


class Recorder(Batches[Answer, bool]):
    """`await recorder(answer)`: True if the receipt is new, False if it was known, or nobody asked for it."""

    def __init__(self, ledger: Ledger, journal: Journal, actor: str) -> None:
        super().__init__(self._keep)
        self._ledger, self._journal, self._actor = ledger, journal, actor

    def _keep(self, batch: list[Answer]) -> list[bool]:
        """The journal first: what is cut off in between is journalled twice, never left out."""
        kept = {one.receipt.order: one for one in reversed(batch)}
        new = self._ledger.unanswered((one.receipt.order, one.receipt.host) for one in kept.values())
        if new:
            self._journal.append([encode(self._line(kept[order].receipt)) for order in sorted(new)])
            self._ledger.answered((order, kept[order].envelope) for order in sorted(new))
        return [one.receipt.order in new and kept[one.receipt.order] is one for one in batch]

    def _line(self, receipt: Receipt) -> Line:
        detail = {"target": receipt.target, "job": receipt.job, "sequence": receipt.sequence, "digest": receipt.digest}
        if receipt.error:
            detail |= {"error": receipt.error, "left": receipt.left[:10]}
        return Line(receipt.when, self._actor, f"order.{receipt.outcome}", receipt.host, detail, receipt.order)
