"""What an engine has taken stands in the history."""

import asyncio

import pytest

from ringfence.app.watch.embedded import embedded
from ringfence.app.watch.recorded import Logged, recorded
from ringfence.errors import StateError
from ringfence.store import history
from ringfence.store.spans import Spans
from tests.app.watch.counting import COUNTING, events


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


def watch(home, first, count, killed=False, told=None):
    """Have an embedded engine take events; `killed` leaves the history as a kill does."""

    async def main():
        logged = Logged(home / "history", (told if told is not None else []).append)
        async with embedded(home, COUNTING, print, print, recorded=logged.position) as engine:
            if killed:
                await engine.put(events("a", first, count).record)
                return
            async with logged.following(engine):
                await engine.put(events("a", first, count).record)

    asyncio.run(main())


def numbers(home):
    _, rows = history.ask(home / "history", "SELECT seq FROM events ORDER BY seq")
    return [seq for (seq,) in rows]


def test_what_was_acknowledged_before_a_kill_reaches_the_history_after_it(tmp_path):
    """From the log, once."""
    pytest.importorskip("duckdb", reason="missing-part: duckdb")
    watch(tmp_path, 1, 30, killed=True)
    watch(tmp_path, 31, 10)
    watch(tmp_path, 41, 1)
    assert numbers(tmp_path) == list(range(1, 42))


def test_parts_that_a_kill_left_without_their_number_are_not_doubled(tmp_path):
    """The number is kept after them; a part that it does not cover is written again."""
    pytest.importorskip("duckdb", reason="missing-part: duckdb")
    watch(tmp_path, 1, 5)
    number = (tmp_path / "history" / "recorded.json").read_bytes()
    watch(tmp_path, 6, 5)
    (tmp_path / "history" / "recorded.json").write_bytes(number)
    watch(tmp_path, 11, 5)
    assert numbers(tmp_path) == list(range(1, 16))


def test_a_full_disk_makes_the_history_wait_in_the_log(tmp_path):
    """It is told, and what waited is written when there is room."""
    pytest.importorskip("duckdb", reason="missing-part: duckdb")
    told = []
    (tmp_path / "history").write_text("a file where the folder should be")
    watch(tmp_path, 1, 5, told=told)
    assert "5 events wait for the history" in told[0]
    (tmp_path / "history").unlink()
    watch(tmp_path, 6, 5)
    assert numbers(tmp_path) == list(range(1, 11))


def test_a_log_that_begins_anew_does_not_take_the_old_history_away(tmp_path):
    """Its numbers are its own."""
    spans = Spans(tmp_path)
    spans.begin(10)
    spans.add(10, events("a", 1, 3).record)
    assert spans.commit() is None
    again = Spans(tmp_path)
    again.begin(2)
    assert again.position == 0
    again.add(1, events("a", 4, 3).record)
    assert again.commit() is None
    assert len(list(tmp_path.glob("date=*/hour=*/part-*"))) == 2


def test_the_log_keeps_what_the_history_has_not(tmp_path):
    """However far the stages are: once all of it is recorded something is needless, and before that nothing."""
    recorded = [0]

    async def main():
        async with embedded(tmp_path, COUNTING, print, print, 0.05, recorded=lambda: recorded[0]) as engine:
            await engine.put(events("a", 1, 5).record)
            await asyncio.sleep(0.5)
            before, recorded[0] = engine._needless(), 1_000_000
            async with asyncio.timeout(10):
                while not engine._needless():
                    await asyncio.sleep(0.05)
            return before

    assert asyncio.run(main()) == 0
