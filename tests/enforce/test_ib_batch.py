"""Job events are gathered: what comes while a sweep is under way shares the next one."""

import threading

import pytest

from ringfence.enforce.ib_batch import Batch


def test_events_during_a_sweep_share_the_next_one():
    """Fifty events, two sweeps; the second has the newest state."""
    swept, begun, go_on = [], threading.Event(), threading.Event()

    def sweep(wanted: int) -> None:
        swept.append(wanted)
        begun.set()
        assert go_on.wait(10)

    batch = Batch(sweep, gather=0)
    first = batch.submit(0)
    assert begun.wait(10)
    others = [batch.submit(number) for number in range(1, 50)]
    assert not first.done()
    go_on.set()
    for one in (first, *others):
        one.result(10)
    batch.close()
    assert swept == [0, 49]


def test_a_failed_sweep_is_told_to_those_who_waited_for_it_and_the_next_is_tried():
    """And a closed batch takes nothing more."""
    failures = [ValueError("no manager")]

    def sweep(_: str) -> None:
        if failures:
            raise failures.pop()

    batch = Batch(sweep, gather=0)
    with pytest.raises(ValueError, match="no manager"):
        batch.submit("a").result(10)
    assert batch.submit("b").result(10) is None
    batch.close()
    with pytest.raises(RuntimeError):
        batch.submit("c")
