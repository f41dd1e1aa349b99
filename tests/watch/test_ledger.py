"""Sums under names, as arrays."""

import msgspec
import numpy as np

from ringfence.watch.ledger import Ledger


def test_sums_grow_are_taken_and_saved():
    """A name that was taken begins anew."""
    ledger = Ledger(2, 1000)
    for _ in range(3):
        ledger.add([f"n{at}" for at in range(300)], np.ones((300, 2)))
        ledger = msgspec.msgpack.decode(msgspec.msgpack.encode(ledger), type=Ledger)
    assert ledger.take("n7").tolist() == [3.0, 3.0]
    ledger.add(["n7"], np.array([[5.0, 0.0]]))
    assert ledger.take("n7").tolist() == [5.0, 0.0]
    assert ledger.take("n299").tolist() == [3.0, 3.0]


def test_a_flood_of_names_is_refused_and_counted():
    """What stood there stays."""
    ledger = Ledger(1, 10)
    ledger.add(["mine"], np.ones((1, 1)))
    ledger.add([f"{'x' * 500}{at}" for at in range(5)], np.ones((5, 1)))
    ledger.add([f"n{at}" for at in range(50)], np.ones((50, 1)))
    assert len(ledger.places) == 10
    assert ledger.refused == 42
    assert ledger.take("mine").tolist() == [1.0]
