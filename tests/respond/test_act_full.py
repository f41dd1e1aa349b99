"""A full disk under the queue: what lapses by itself is done from memory, the rest waits, and nothing is lost."""

import os
import subprocess

import msgspec
import pytest

from ringfence.errors import StateError
from ringfence.store import actions
from tests.respond.acting import BLOCK, NODE, QUICK, Clocks, Site, do


class SmallDisk:
    """A real file system of 2 MiB, that is filled and emptied."""

    def __init__(self, folder):
        self.folder = folder

    def fill(self, database):
        """No byte more, not even in the write-ahead log."""
        database._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with (self.folder / "ballast").open("wb") as file:
            while True:
                try:
                    os.write(file.fileno(), bytes(4096))
                except OSError:
                    return

    def empty(self):
        (self.folder / "ballast").unlink()


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)]
    if os.getuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("missing-part: mounting a small file system needs root")
    yield SmallDisk(folder)
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def site(disk):
    site = Site(disk.folder)
    yield site
    site.database.close()


def test_a_block_is_done_from_memory_and_told_and_the_rest_was_not_queued(site, disk):
    """And written down once there is room: looked at, not done again."""
    with site.act() as act:
        disk.fill(site.database)
        with pytest.raises(StateError, match="full"):
            act.submit("one", do([BLOCK, NODE]))
        assert not act.settle(0.3)
        assert BLOCK.subject in site.there(BLOCK)
        assert (act.status().counted, act.status().unwritten, site.there(NODE)) == ({}, 1, "")
        assert [one.detail["holds"] for one in site.evidence.lines if one.what == "respond.verify"] == [True]
        disk.empty()
        act.submit("one", do([BLOCK, NODE]))
        assert act.settle(10)
        assert act.status().counted == {"done": 2}
        assert act.status().unwritten == 0
    assert len(site.enforcer("contain", BLOCK.place).applies) == 1


def test_where_that_is_set_nothing_is_done_that_is_not_written(site, disk):
    """The other policy: it is told, and the caller keeps it."""
    with site.act(msgspec.structs.replace(QUICK, on_full="wait")) as act:
        disk.fill(site.database)
        with pytest.raises(StateError, match="full"):
            act.submit("one", do([BLOCK]))
        act.settle(0.2)
        assert site.lanes == {}


def test_what_was_queued_before_the_disk_was_full_is_done_and_stays_so(site, disk):
    """The queue cannot even say that it is being done."""
    with site.act() as act:
        act.submit("one", do([BLOCK, NODE]))
        disk.fill(site.database)
        assert not act.settle(0.3)
        assert BLOCK.subject in site.there(BLOCK)
        assert site.there(NODE) == ""
        assert any("done from memory" in why or "full" in why for why in act.status().problems.values())
        disk.empty()
        assert act.settle(10)
    assert actions.counted(site.database) == {"done": 2}
    assert len(site.enforcer("contain", BLOCK.place).applies) == 1


def test_what_stands_is_renewed_although_that_cannot_be_written(site, disk):
    """It would lapse while its incident is open."""
    clocks = Clocks()
    with site.act(clock=lambda: clocks.wall, pace=lambda: clocks.steady) as act:
        act.submit("one", do([BLOCK]))
        assert act.settle(10)
        disk.fill(site.database)
        for _ in range(4):
            clocks.pass_(110)
            act.renew(["one"])
            act.settle(0.2)
            assert f"{int(clocks.wall) + 300}" in site.there(BLOCK)
        disk.empty()
        clocks.pass_(110)
        act.renew(["one"])
        assert act.settle(10)
        assert f"{int(clocks.wall) + 300}" in site.there(BLOCK)
    assert actions.counted(site.database) == {"done": 1}


def test_what_only_memory_has_can_be_taken_back(site, disk):
    """At three in the morning the disk may still be full."""
    with site.act() as act:
        disk.fill(site.database)
        act.submit("one", do([BLOCK]))
        act.settle(0.3)
        assert BLOCK.subject in site.there(BLOCK)
        act.undo("one")
        act.settle(0.3)
        assert site.there(BLOCK) == ""
        disk.empty()
        assert act.settle(10)
        assert (act.status().counted, act.status().unwritten) == ({}, 0)
