"""Receipts to disk: in the journal and in the ledger before a node is told that it may forget one.

And what nodes did without an order: tried to speak for another host, put back what somebody had changed.
"""

import time
from typing import NamedTuple

import msgspec

from ringfence.app.orders.batches import Batches
from ringfence.store.journal import Journal, Line
from ringfence.store.journal.lines import encode
from ringfence.store.ledger import Ledger
from ringfence.wire.orders import MENDED, Receipt


class Answer(NamedTuple):
    """A receipt as it came."""

    receipt: Receipt
    envelope: bytes


class Foreign(NamedTuple):
    """An attempt: the certificate's host and public key (hexadecimal), and what it said that is not its to say."""

    host: str
    public: str
    said: str


EACH = 100
"""So many lines of one kind about one host are written; from then on every hundredth, with the count in it."""


class Recorder(Batches[Answer | Foreign, bool]):
    """`await recorder(answer)`: True if the receipt is new, False if it was known, or nobody asked for it."""

    def __init__(self, ledger: Ledger, journal: Journal, actor: str) -> None:
        super().__init__(self._keep)
        self._ledger, self._journal, self._actor = ledger, journal, actor

    def _keep(self, batch: list[Answer | Foreign]) -> list[bool]:
        """The journal first: what is cut off in between is journalled twice, never left out."""
        answers = [one for one in batch if isinstance(one, Answer) and one.receipt.outcome != MENDED]
        kept = {one.receipt.order: one for one in reversed(answers)}
        new = self._ledger.unanswered((one.receipt.order, one.receipt.host) for one in kept.values())
        if new:
            self._journal.append([encode(self._line(kept[order].receipt)) for order in sorted(new)])
            self._ledger.answered((order, kept[order].envelope) for order in sorted(new))
        self._unasked([one for one in batch if isinstance(one, Foreign) or one.receipt.outcome == MENDED])
        return [isinstance(one, Answer) and kept.get(one.receipt.order) is one and one.receipt.order in new
                for one in batch]  # fmt: skip

    def _unasked(self, batch: list[Answer | Foreign]) -> None:
        """Count all, journal as many as nobody can fill a disk with."""
        for one in batch:
            what = "foreign" if isinstance(one, Foreign) else MENDED
            host = one.host if isinstance(one, Foreign) else one.receipt.host
            count = self._ledger.count(host, what)
            if count <= EACH or not count % EACH:
                self._journal.append([encode(self._line_of(one, count))])

    def _line_of(self, one: Answer | Foreign, count: int) -> Line:
        if isinstance(one, Answer):
            line = self._line(one.receipt)
            return msgspec.structs.replace(line, detail={**line.detail, "count": count})
        detail = {"certificate": one.public, "said": one.said, "count": count}
        return Line(time.time(), self._actor, "node.foreign", one.host, detail)

    def _line(self, receipt: Receipt) -> Line:
        detail = {"target": receipt.target, "job": receipt.job, "sequence": receipt.sequence, "digest": receipt.digest}
        if receipt.error:
            detail |= {"error": receipt.error, "left": receipt.left[:10]}
        return Line(float(receipt.when), self._actor, f"order.{receipt.outcome}", receipt.host, detail, receipt.order)
