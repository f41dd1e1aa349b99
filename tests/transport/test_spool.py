"""The spool: what is written stays until it is taken, whatever ends in between; what is dropped is counted."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.transport.spool import CLOSED, KILLED, NEW, RESET, Spool, _Head

LINE = b'{"time":1}\n'


def all_of(spool: Spool, start: int = 1) -> list[tuple[str, int, bytes]]:
    """What waits, in order; it is then on its way under the numbers from `start`."""
    found = []
    while kept := spool.next(start + len(found)):
        found.append((kept.lane, kept.first, kept.data))
    return found


def test_blocks_come_out_in_order_and_only_until_they_are_taken(tmp_path):
    """Each lane counts by itself."""
    spool = Spool(tmp_path / "spool")
    assert spool.found == NEW
    assert [spool.put("a", LINE, 1), spool.put("b", LINE * 2, 2), spool.put("a", LINE, 1)] == [1, 1, 2]
    assert [(lane, first) for lane, first, _ in all_of(spool)] == [("a", 1), ("b", 1), ("a", 2)]
    spool.took(1)
    spool.rewind()
    assert [(lane, first) for lane, first, _ in all_of(spool)] == [("b", 1), ("a", 2)]


def test_an_acknowledgement_out_of_turn_frees_nothing_before_it(tmp_path):
    """What was sent first is sent again, though what came after it was taken."""
    spool = Spool(tmp_path / "spool")
    for _ in range(3):
        spool.put("a", LINE, 1)
    all_of(spool)
    spool.took(2)
    spool.rewind()
    assert [first for _, first, _ in all_of(spool)] == [1, 2, 3]


def test_what_was_written_survives_kill_9(tmp_path):
    """And numbers go on where they were."""
    code = (
        "import sys, time; from pathlib import Path; from ringfence.transport.spool import Spool\n"
        f"spool = Spool(Path({str(tmp_path / 'spool')!r}))\n"
        "for number in range(1000): spool.put('a', b'x' * 100, 1)\n"
        "spool.next(1); spool.took(1); print('done', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
    spool = Spool(tmp_path / "spool")
    assert spool.found == KILLED
    assert spool.put("a", LINE, 1) == 1001
    assert [first for _, first, _ in all_of(spool)] == [*range(2, 1002)]


def test_a_spool_closed_in_order_counts_on(tmp_path):
    """Even after everything was taken and its segments are gone."""
    spool = Spool(tmp_path / "spool")
    spool.put("a", LINE, 1)
    all_of(spool)
    spool.took(1)
    spool.close()
    again = Spool(tmp_path / "spool")
    assert (again.found, all_of(again), again.put("a", LINE, 1)) == (CLOSED, [], 2)


def test_a_spool_that_the_machine_took_down_counts_anew(tmp_path):
    """Its last numbers may never have reached the disk; what did is still sent, as it was numbered."""
    spool = Spool(tmp_path / "spool")
    spool.put("a", LINE, 1)
    spool._written(_Head(spool._numbers, "another boot"))
    again = Spool(tmp_path / "spool")
    assert (again.found, again.put("a", LINE * 2, 2)) == (RESET, 1)
    assert [first for _, first, _ in all_of(again)] == [1, 1]


def test_a_full_spool_drops_the_oldest_and_counts_it_by_lane(tmp_path):
    """Never more than the limit is on disk."""
    spool = Spool(tmp_path / "spool", most=64 << 10)
    for number in range(200):
        spool.put(("a", "b")[number % 2], bytes(1000), 10)
    assert sum(one.stat().st_size for one in (tmp_path / "spool").iterdir()) <= 64 << 10
    dropped, left = spool.dropped(), all_of(spool)
    assert dropped["a"] > 0
    assert dropped["b"] > 0
    assert sum(dropped.values()) + 10 * len(left) == 2000
    assert not spool.dropped()


def test_a_full_disk_keeps_a_little_in_memory_and_drops_counted(tmp_path):
    """A file system of 128 KiB, taken by somebody else."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "none", disk], check=False).returncode
    ):
        pytest.skip("missing-part: root, to mount a small file system")
    try:
        spool = Spool(disk / "spool")
        (disk / "other").write_bytes(bytes(100 << 10))
        for _ in range(100):
            spool.put("a", bytes(50_000), 1)
        left = all_of(spool)
        assert len(left) >= 40
        assert spool.dropped()["a"] + len(left) == 100
        (disk / "other").unlink()
        for number in range(len(left)):
            spool.took(number + 1)
        spool.put("a", LINE, 1)
        assert [first for _, first, _ in all_of(spool, 1000)] == [101]
        spool.close()
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_damaged_record_costs_the_rest_of_its_segment_only(tmp_path):
    """A flipped bit, and a file cut short."""
    spool = Spool(tmp_path / "spool", most=1 << 20, segment=4096)
    for _ in range(40):
        spool.put("a", bytes(1000), 1)
    first, *_, last = sorted((tmp_path / "spool").glob("*.spool"))
    data = bytearray(first.read_bytes())
    data[1500] ^= 1
    first.write_bytes(data)
    os.truncate(last, max(0, last.stat().st_size - 3))
    found = [number for _, number, _ in all_of(Spool(tmp_path / "spool"))]
    assert found == sorted(found)
    assert 30 < len(found) < 40


def test_it_is_for_its_owner_alone(tmp_path):
    """0700 and 0600."""
    spool = Spool(tmp_path / "spool")
    spool.put("a", LINE, 1)
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    assert {one.stat().st_mode & 0o777 for one in (tmp_path / "spool").iterdir()} == {0o600}


def test_a_mark_that_is_of_another_spool_hides_nothing(tmp_path):
    """The segments were removed, the mark was not."""
    spool = Spool(tmp_path / "spool", segment=4096)
    for number in range(50):
        spool.put("a", bytes(1000), 1)
        spool.next(number)
        spool.took(number)
    spool.close()
    for one in (tmp_path / "spool").glob("*.spool"):
        one.unlink()
    again = Spool(tmp_path / "spool")
    again.put("a", LINE, 1)
    assert len(all_of(again)) == 1


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.sampled_from(["put", "next", "took", "rewind", "again"]), max_size=60))
def test_whatever_happens_nothing_is_lost_and_order_stands(tmp_path_factory, steps):
    """Put, send, take, lose the connection and restart in any order: what was not taken comes, from the oldest on."""
    folder = Path(tmp_path_factory.mktemp("spool"))
    spool, put, taken, sent, number = Spool(folder, segment=512), 0, 0, [], 0
    for step in steps:
        if step == "put":
            put += 1
            assert spool.put("a", msgspec.json.encode(put) * 50, 1) == put
        elif step == "next":
            number += 1
            kept = spool.next(number)
            assert (kept is None) == (taken + len(sent) == put)
            if kept:
                sent.append(number)
                assert kept.first == taken + len(sent)
        elif step == "took" and sent:
            spool.took(sent.pop(0))
            taken += 1
        elif step == "rewind":
            spool.rewind()
            sent.clear()
        elif step == "again":
            spool.close()
            spool = Spool(folder, segment=512)
            sent.clear()
    spool.rewind()
    assert [first for _, first, _ in all_of(spool, 1000)] == [*range(taken + 1, put + 1)]
    spool.close()
