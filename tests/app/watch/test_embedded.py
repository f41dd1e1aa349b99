"""Both stages in one process, over a log on disk."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from ringfence.app.watch import keeping
from ringfence.app.watch.embedded import Embedded, embedded
from ringfence.app.watch.stages import Verdict
from ringfence.errors import StateError
from ringfence.store.state import Database
from tests.app.watch.counting import COUNTING, events


def run(home, work, told=None, changed=None, processes=0):
    """Have an engine do some work, and end it in order."""

    async def main():
        says, tells = (told if told is not None else []).append, (changed if changed is not None else []).append
        async with embedded(home, COUNTING, says, tells, processes=processes) as engine:
            await work(engine)
            while engine.behind:
                await asyncio.sleep(0.01)

    asyncio.run(main())


def incidents(home):
    with Database.open(home / "watch.db") as database:
        return {one.id: one for one in keeping.kept(database)}


@pytest.mark.parametrize("processes", [0, 2])
def test_events_become_incidents_that_are_kept(tmp_path, processes):
    """`changed` hears of each version once, wherever the node stages are."""
    changed = []

    async def work(engine):
        await asyncio.gather(*(engine.put(events(host, 1, 20).record) for host in ("a", "b")))
        await engine.put(events("a", 21, 5).record, urgent=True)

    run(tmp_path, work, changed=changed, processes=processes)
    assert {name: one.suppressed for name, one in incidents(tmp_path).items()} == {"RF-a": 25, "RF-b": 20}
    assert len({(one.id, one.version) for one in changed}) == len(changed)


def test_an_acknowledged_event_survives_kills_and_no_incident_is_doubled(tmp_path):
    """Three times SIGKILL in the middle; each successor goes on from the checkpoint."""
    acknowledged = 0
    for _ in range(3):
        command = [sys.executable, "-m", "tests.app.watch.embedded_worker", str(tmp_path), "a", str(acknowledged + 1)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            for _ in range(60):
                acknowledged = int(process.stdout.readline())
            process.kill()
            left = process.stdout.read().split()
            acknowledged = int(left[-1]) if left else acknowledged
    told, changed = [], []

    async def nothing(engine):
        pass

    run(tmp_path, nothing, told, changed)
    [incident] = incidents(tmp_path).values()
    assert acknowledged <= incident.suppressed <= acknowledged + 10
    assert "caught up" in told[0]
    assert len({one.version for one in changed}) == len(changed)


def test_a_verdict_reaches_the_joint_stage(tmp_path):
    """Through the log, so that a successor knows it too."""

    async def work(engine):
        await engine.put(events("a", 1, 5).record)
        await engine.verdict(Verdict("RF-a", "benign"))

    run(tmp_path, work)
    assert incidents(tmp_path)["RF-a"].state == "benign"


def test_a_damaged_checkpoint_is_told_and_the_log_read_again(tmp_path):
    """Learning begins anew; what was found is kept."""

    async def work(engine):
        await engine.put(events("a", 1, 5).record)

    run(tmp_path, work)
    path = tmp_path / "checkpoint"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    told = []
    run(tmp_path, work, told)
    assert "learning begins anew" in told[0]
    assert incidents(tmp_path)["RF-a"].suppressed == 5


def test_a_batch_that_finds_no_room_is_given_back(tmp_path):
    """The sender keeps it; the refusal is counted."""

    async def main():
        engine = Embedded(tmp_path, COUNTING, told.append, lambda incident: None, most=10)
        lanes = [asyncio.create_task(lane.run()) for lane in engine.lanes]
        with pytest.raises(StateError, match="holds"):
            await engine.put(events("a", 1, 5).record)
        for lane in lanes:
            lane.cancel()
        assert engine.counted.given_back == 5

    told = []
    asyncio.run(main())


def test_how_many_processes_there_are_may_change_from_run_to_run(tmp_path):
    """The shares, whose states are saved, stay."""

    def sending(first):
        async def work(engine):
            await asyncio.gather(*(engine.put(events(f"gpu{at:04d}", first, 10).record) for at in range(12)))

        return work

    for first, processes in ((1, 3), (11, 0), (6, 2)):  # the last half of which was there before
        run(tmp_path, sending(first), processes=processes)
    assert {one.suppressed for one in incidents(tmp_path).values()} == {20}


def test_a_process_that_is_killed_ends_the_engine_and_loses_nothing(tmp_path):
    """It is told; the next start goes on from the checkpoint."""

    async def main():
        async with embedded(tmp_path, COUNTING, lambda said: None, lambda incident: None, processes=2) as engine:
            for first in range(1, 10_000, 10):
                await engine.put(events("a", first, 10).record, urgent=True)
                acknowledged.append(first + 9)
                if first == 51:
                    os.kill(engine.processes[0], signal.SIGKILL)
                    os.kill(engine.processes[1], signal.SIGKILL)

    acknowledged = []
    with pytest.raises(StateError, match="has died"):
        asyncio.run(main())

    async def nothing(engine):
        pass

    run(tmp_path, nothing, processes=2)
    assert acknowledged[-1] <= incidents(tmp_path)["RF-a"].suppressed <= acknowledged[-1] + 10
