"""The guard against the real opensm: a good `partitions.conf` is broken in many ways, and the tables are the judge."""

import signal
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from ringfence.collect.ib_tables import TableReader
from ringfence.segment.compile.partitions import TARGET, plan_fabrics, tables, text
from ringfence.segment.prove.failopen import refuse
from ringfence.wire.ibnet import partitions
from ringfence.wire.ibnet.partitions import LONGEST_LINE
from tests.live.opensm import Running, fabric
from tests.live.partitions_broken import broken
from tests.live.test_ib_fence import SMALL, inventory, policy

pytestmark = pytest.mark.live

SMALL_JOBS = {"t0/a": range(1, 5), "t1/b": range(5, 9), "t0/c": range(9, 13)}


def judged(folder: Path, count: int) -> dict[str, list[str]]:
    """What the guard says of each broken text, and what the real opensm makes of it: the kinds of both, by verdict."""
    wanted = policy(SMALL_JOBS, range(14, 16))
    (plan,), _ = plan_fabrics(wanted, inventory(SMALL), TARGET, {})
    good, goal = text(plan), tables(plan)
    found: dict[str, list[str]] = {}
    todo = broken(good, count)
    while todo:
        place = folder / str(len(todo))
        place.mkdir()
        with fabric(place, SMALL, good) as running, TableReader(running.environment, str(place)) as reader:
            places = reader.places()
            while todo:
                kind, bad = todo.pop()
                stopped = bool(refuse(bad, plan.fabric, goal))
                if not swept(running, bad):
                    found.setdefault("stopped a crash" if stopped else "let a crash through", []).append(kind)
                    break
                seen = reader.read(places)
                assert seen.unread == ()
                same = seen.ends == goal == seen.leaves
                verdict = f"{'stopped' if stopped else 'let through'} {'equal' if same else 'different'}"
                if stopped and same and max(map(len, bad.split("\n"))) > LONGEST_LINE:
                    verdict = "stopped an over-long line"
                elif stopped and same and partitions.unresolved(partitions.read(bad.encode())):
                    verdict = "stopped a key that opensm remembers by name until it is started again"
                found.setdefault(verdict, []).append(kind)
    return found


def swept(running: Running, partitions: str) -> bool:
    """Put the bytes in place and wait for the sweep; False if opensm died of them."""
    assert running.opensm is not None
    log = running.folder / "osm.log"
    (running.folder / "partitions.conf").write_bytes(partitions.encode())
    before = log.read_bytes().count(b"SUBNET UP")
    running.opensm.send_signal(signal.SIGHUP)
    until = time.monotonic() + 10
    while log.read_bytes().count(b"SUBNET UP") <= before:
        if running.opensm.poll() is not None:
            return False
        assert time.monotonic() < until, "no sweep after SIGHUP"
        time.sleep(0.002)
    return True


def test_no_broken_file_passes_the_guard_and_no_good_one_is_stopped(tmp_path: Path):
    """Judged by the tables of the real opensm: different ones are stopped, equal ones let through."""
    check(judged(tmp_path, 46))


@pytest.mark.long
def test_a_thousand_broken_files_are_judged_as_opensm_does(tmp_path: Path):
    """The same, for every kind of damage many times."""
    check(judged(tmp_path, 1000))


def check(found: Mapping[str, list[str]]) -> None:
    """None of the wrong verdicts, and both main ones occur."""
    wrong = {"stopped equal", "let through different", "let a crash through"}
    assert {verdict: kinds for verdict, kinds in found.items() if verdict in wrong} == {}
    assert {"stopped different", "let through equal"} <= set(found)
