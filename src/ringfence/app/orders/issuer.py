"""Numbers, signatures and records of orders, in batches: orders to a thousand hosts cost a few flushes to disk.

An order is in the ledger, and its number used up, before it is on the wire.
"""

import secrets
import time
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ringfence.app.orders.batches import Batches
from ringfence.store.ledger import Desired, Ledger
from ringfence.store.state import orders as numbering
from ringfence.store.state.database import Database
from ringfence.transport import signing
from ringfence.wire import orders
from ringfence.wire.orders import Envelope, Order

LIFE = 300
"""Seconds for which an order is good."""


class Issued(NamedTuple):
    """An order and its envelope."""

    order: Order
    envelope: Envelope


class Issuer(Batches[Desired, Issued]):
    """`await issuer(wanted)` gives the next order to that host, signed and on record."""

    def __init__(self, state: Database, ledger: Ledger, key: Ed25519PrivateKey) -> None:
        super().__init__(self._issue)
        self._state, self._ledger, self._key = state, ledger, key

    def _issue(self, batch: list[Desired]) -> list[Issued]:
        numbers = numbering.next_sequences(self._state, [one.host for one in batch])
        made = [order_of(wanted, number) for wanted, number in zip(batch, numbers, strict=True)]
        issued = [Issued(order, signing.seal(self._key, order)) for order in made]
        encode = msgspec.json.encode
        self._ledger.sent((order.id, order.host, order.sequence, encode(envelope)) for order, envelope in issued)
        return issued


def order_of(wanted: Desired, sequence: int) -> Order:
    """The order that brings about what is wanted, from now on for `LIFE` seconds."""
    now = int(time.time())
    return Order(
        id=secrets.token_hex(16),
        host=wanted.host,
        target=wanted.target,
        action=wanted.action,
        sequence=sequence,
        not_before=now,
        expires=now + LIFE,
        digest=wanted.digest,
        name=wanted.name,
        job=wanted.job,
        covers=wanted.covers,
    )


def desired(host: str, target: str, action: str, text: str = "", name: str = "", job: str = "",
            covers: tuple[str, ...] = ()) -> Desired:  # fmt: skip
    """A desired state with the digest of its text."""
    return Desired(host, target, job, action, name, orders.digest(text), text, covers)
