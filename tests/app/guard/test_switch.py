"""The global stop: whoever sees nothing clear sees a stop."""

import contextlib
import os
import subprocess
import sys
import threading

import pytest

from ringfence.app import files
from ringfence.app.fence.ledger import Ledger
from ringfence.app.guard import commands, switch
from ringfence.errors import StateError


def test_nobody_has_stopped_what_was_never_stopped(tmp_path):
    """A new folder, and one whose guard has begun."""
    assert switch.stopped(tmp_path) == ""
    assert switch.now(tmp_path) is None
    switch.begin(tmp_path)
    assert switch.stopped(tmp_path) == ""


def test_a_stop_is_seen_by_another_process_at_its_next_look(tmp_path):
    """It says who and why; resuming ends it."""
    code = "import sys; from pathlib import Path; from ringfence.app.guard import switch;"
    code += "switch.stop(Path(sys.argv[1]), 'alice', 'a drill')"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)
    assert switch.stopped(tmp_path) == "stopped by alice: a drill"
    switch.resume(tmp_path, "bob")
    assert switch.stopped(tmp_path) == ""
    switch.begin(tmp_path)
    assert switch.now(tmp_path).who == "bob"


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'{"stopped":false}', b"\xff\x00", b"[" * 100_000])
def test_what_cannot_be_read_counts_as_stopped(tmp_path, content):
    """A disk that failed must not let a stopped guard loose."""
    switch.stop(tmp_path, "alice", "")
    (tmp_path / "switch" / "now.json").write_bytes(content)
    assert "counts as stopped" in switch.stopped(tmp_path)
    switch.resume(tmp_path, "alice")
    assert switch.stopped(tmp_path) == ""


def test_a_link_a_folder_and_a_pipe_in_its_place_count_as_stopped(tmp_path):
    """None of them is followed, and none makes the guard wait."""
    place = tmp_path / "switch" / "now.json"
    place.parent.mkdir()
    (tmp_path / "elsewhere").write_bytes(b'{"stopped":false,"who":"","why":"","uid":0,"at":0}')
    place.symlink_to(tmp_path / "elsewhere")
    assert switch.stopped(tmp_path)
    place.unlink()
    os.mkfifo(place)
    assert switch.stopped(tmp_path)
    place.unlink()
    place.mkdir()
    assert switch.stopped(tmp_path)


def test_a_stop_that_cannot_be_written_empties_the_file(tmp_path):
    """As on a full disk: here another process holds the folder and never lets go."""
    switch.begin(tmp_path)
    with files.alone(tmp_path / "switch"):
        said = switch.stop(tmp_path, "alice", "quick")
    assert said.stopped
    assert "counts as stopped" in switch.stopped(tmp_path)


def test_a_stop_that_cannot_be_kept_at_all_says_that_it_is_not_stopped(tmp_path):
    """Nothing is worse than a stop that only seems to be one."""
    (tmp_path / "switch").write_bytes(b"no folder")
    with pytest.raises(StateError, match="NOT stopped"):
        switch.stop(tmp_path, "alice", "")


def test_many_who_set_it_at_once_leave_one_of_their_words(tmp_path):
    """Never a mixture, and never a failure."""
    switch.begin(tmp_path)
    names = [f"p{at}" for at in range(8)]
    threads = [threading.Thread(target=switch.stop, args=(tmp_path, name, "now")) for name in names]
    for one in threads:
        one.start()
    for one in threads:
        one.join(timeout=30)
    assert switch.now(tmp_path).who in names


def test_names_that_would_draw_on_a_terminal_are_cleaned(tmp_path):
    """Who and why are shown to others."""
    switch.stop(tmp_path, "al\x1b[31mice", "x" * 9000)
    assert "\x1b" not in switch.stopped(tmp_path)
    assert len(switch.stopped(tmp_path)) < 500


@pytest.fixture
def small(tmp_path):
    """A disk of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.getuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], check=False).returncode:
        pytest.skip("missing-part: root, to mount a small disk")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_does_not_keep_anybody_from_stopping(small):
    """Who and why are lost then; resuming waits for room."""
    switch.begin(small)
    with (small / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(b"x" * 512)
    switch.stop(small, "alice", "the disk is full")
    assert "counts as stopped" in switch.stopped(small)
    (small / "filler").unlink()
    switch.resume(small, "alice")
    assert switch.stopped(small) == ""


@pytest.mark.parametrize("began", [True, False])
def test_a_full_disk_on_which_no_guard_ever_began_is_named_as_the_cause(small, began):
    """There is nothing to empty then; a folder may be there or not."""
    if began:
        (small / "switch").mkdir()
    with (small / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(b"x" * 512)
    with pytest.raises(StateError, match="No space left on device; it is NOT stopped"):
        switch.stop(small, "alice", "the disk is full")
    assert switch.stopped(small) == ""


def test_a_stop_in_a_folder_where_nothing_ever_was_does_not_keep_the_guard_from_beginning(tmp_path):
    """The stop is the folder's first line of the journal, and no receipt is missing."""
    commands.stopped(commands.Site(tmp_path, tmp_path / "watch", tmp_path / "fence.toml"), "before the first night")
    assert Ledger(tmp_path).database
