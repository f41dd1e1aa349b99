"""Open ports and growing files on their way into the engine."""

import asyncio
import json
import time

import pytest

from ringfence.app.watch.doors import Doors, beside, offered, telling
from ringfence.app.watch.read import Forms
from ringfence.collect.telemetry.heard import Heard
from ringfence.collect.telemetry.listen import Lost
from ringfence.errors import StateError
from ringfence.watch.batch import Batch, of_events
from ringfence.wire.ocsf.classes import TELEMETRY
from ringfence.wire.ocsf.event import Event

GOOD = json.dumps(
    {
        "class_uid": 1007,
        "activity_id": 1,
        "time": 1,
        "device.hostname": "a",
        "logsource": "linux//x",
        "source": "host:b/x",
    }
).encode()


class Engine:
    """Takes batches, or refuses the first few."""

    def __init__(self, refuses: int = 0) -> None:
        self.rows, self._refuses = [], refuses

    async def put(self, record, urgent=False) -> None:
        """Keep rows."""
        if self._refuses:
            self._refuses -= 1
            raise StateError("no room", "make room")
        self.rows += record.to_pylist()


class Lines:
    """What listeners heard, and then nothing more."""

    def __init__(self, *heard) -> None:
        self._heard = list(heard)

    async def __aiter__(self):
        while self._heard:
            yield self._heard.pop(0)
        await asyncio.Event().wait()


def served(engine: Engine, *heard) -> tuple[Doors, list[str]]:
    """Serve lines for a moment."""

    async def run():
        doors = Doors(engine.put, said.append, Forms())
        async with beside(doors.lines(Lines(*heard))):
            await asyncio.sleep(0.1)
        return doors

    said: list[str] = []
    return asyncio.run(run()), said


def test_lines_that_are_no_events_are_one_event_for_each_source():
    """With their number; the good ones among them are events whose source is where they came in."""
    bad = [Heard("ndjson/10.0.0.9", "agent", b"{")] * 50
    engine = Engine()
    doors, said = served(engine, *bad, Heard("ndjson/10.0.0.9", "agent", GOOD), Lost("syslog/10.0.0.8", 7, "no room"))
    health = [row for row in engine.rows if row["class_uid"] == TELEMETRY]
    assert {(row["telemetry.of"], row["telemetry.count"]) for row in health} == {
        ("ndjson/10.0.0.9", 50),
        ("syslog/10.0.0.8", 7),
    }
    (one,) = [row for row in engine.rows if row["class_uid"] == 1007]
    assert one["source"] == "ndjson/10.0.0.9/host:b/x"
    assert (doors.problems, doors.dropped) == (50, 7)
    assert any("50 lines that are no events" in one for one in said)


def test_what_the_engine_refuses_is_offered_again_and_told():
    """Until it is taken."""
    engine, said = Engine(refuses=1), []
    record = of_events([Event(1007, 1, 1, "a", "x", {})]).record
    asyncio.run(offered(engine.put, record, False, said.append))
    assert len(engine.rows) == 1
    assert len(said) == 1
    assert "no room" in said[0]


def test_agents_are_given_back_what_is_refused_and_it_is_told_once():
    """Their spools hold it."""
    engine, said = Engine(refuses=2), []
    put = telling(engine.put, said.append)
    record = of_events([Event(1007, 1, 1, "a", "x", {})]).record
    for _ in range(2):
        with pytest.raises(StateError):
            asyncio.run(put(record, False))
    assert len(said) == 1
    assert "spools" in said[0]


def test_work_that_fails_ends_the_block_and_says_why():
    """A watch that has gone deaf must not look alive."""

    async def fails():
        raise StateError("the disk is gone")

    async def run():
        async with beside(fails()):
            await asyncio.sleep(10)

    with pytest.raises(StateError, match="the disk is gone"):
        asyncio.run(run())


def test_a_file_is_followed_from_where_it_was_left(tmp_path):
    """Its place is kept once the engine has what was read."""

    async def follow(engine):
        doors = Doors(engine.put, lambda _: None, Forms())
        async with beside(doors.files([tmp_path / "a.log"], tmp_path)):
            await asyncio.sleep(0.1)

    counts = []
    for more in (2, 3):
        with (tmp_path / "a.log").open("ab") as file:
            file.write((GOOD + b"\n") * more)
        engine = Engine()
        asyncio.run(follow(engine))
        counts.append(len(engine.rows))
        assert all(time.time() - 60 < row["received"] / 1e6 <= time.time() for row in engine.rows)
    assert counts == [2, 3]
    assert len(Batch(of_events([]).record)) == 0
