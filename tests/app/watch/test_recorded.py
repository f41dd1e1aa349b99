"""What an engine has taken stands in the history."""

import asyncio

import pytest

from ringfence.app.watch.recorded import recorded
from ringfence.errors import StateError
from ringfence.store import history
from tests.app.watch.counting import events


def test_what_was_taken_is_in_the_history_and_what_was_given_back_is_not(tmp_path):
    """The engine comes first."""
    pytest.importorskip("duckdb", reason="missing-part: duckdb")

    async def put(record, urgent=False):
        if urgent:
            raise StateError("no room")

    async def main():
        async with recorded(tmp_path / "history", put, told.append) as both:
            await both(events("gpu0001", 1, 5).record)
            with pytest.raises(StateError):
                await both(events("gpu0002", 1, 5).record, True)

    told = []
    asyncio.run(main())
    _, rows = history.ask(tmp_path / "history", 'SELECT "device.hostname", count(*) FROM events GROUP BY 1')
    assert list(rows) == [("gpu0001", 5)]
    assert told == []


def test_a_history_that_cannot_be_written_is_told_and_the_engine_goes_on(tmp_path):
    """No sender waits for it."""

    async def put(record, urgent=False):
        taken.append(record.num_rows)

    async def main():
        async with recorded(tmp_path / "history", put, told.append) as both:
            await both(events("gpu0001", 1, 5).record)

    taken, told = [], []
    (tmp_path / "history").write_text("a file where the folder should be")
    asyncio.run(main())
    assert taken == [5]
    assert "5 events did not reach the history" in told[0]
