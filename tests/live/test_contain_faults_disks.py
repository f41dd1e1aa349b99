"""A real disk without room under the guard's journal or its whole folder: what is done is what guard.toml says."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ringfence.app.guard.room import Room
from ringfence.errors import StateError
from ringfence.respond.values import HOLD
from ringfence.store import actions
from tests.live.contained import Contained, Guarded, contained, leak, out
from tests.live.netns import settled

pytestmark = pytest.mark.live
SETTINGS = 'on_full_journal = "{}"\n'


@pytest.fixture(scope="module")
def running() -> Iterator[Contained]:
    """Three hosts with their enforcers, and a server, on a disk that has room."""
    with contained(3) as found:
        yield found


@pytest.fixture
def whole(running: Contained) -> Iterator[Contained]:
    """The same, with nothing in force before and after."""
    yield running
    running.clear()


@contextmanager
def small(folder: Path) -> Iterator[Path]:
    """A folder on a disk of its own of 8 MiB, with what was in it; the file that fills it, which is not there yet."""
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("missing-part: root, to mount a small file system")
    kept = folder.with_name(f"{folder.name}.kept")
    folder.rename(kept)
    folder.mkdir(0o700)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", folder], check=False).returncode:
        pytest.skip("missing-part: mount of a tmpfs")
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        yield folder / "filler"
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(file: Path) -> None:
    """Until nothing more goes on that disk."""
    with file.open("wb", buffering=0) as filler:
        for size in (4096, 1):
            try:
                while filler.write(bytes(size)):
                    pass
            except OSError:
                continue


def a_guard(whole: Contained, says: str) -> Guarded:
    """A guard's folder, with a journal and a queue in it."""
    guarded = whole.guard(SETTINGS.format(says))
    Room(guarded.folder).make()
    return guarded


@pytest.mark.parametrize("what", ["journal", "."])
def test_where_the_user_holds_nothing_is_done_unrecorded_and_all_of_it_once_there_is_room(whole, what):
    """The journal alone is full, or the queue too. Nobody has to ask again."""
    guarded = a_guard(whole, "hold")
    with small(guarded.folder / what) as filler, guarded.acting() as guard:
        guard.does(leak("RF-before", 0, 1))
        fill(filler)
        for at in (1, 2):
            guard.inbox.put(leak(f"RF-{at}", at, at))
        assert settled(lambda: guard.guard.book.stuck)
        assert not settled(lambda: whole.blocked(1) + whole.blocked(2) != [], 1.0)
        assert whole.blocked(0) == [out(1)]
        filler.unlink()
        for at in (1, 2):
            assert settled(lambda at=at: whole.blocked(at) == [out(at)], 10)
        guard.until(actions.DONE)
        assert settled(lambda: not guard.guard.book.waiting)
        in_order(guarded, ["RF-before", "RF-1", "RF-2"])
        guard.undone()


@pytest.mark.parametrize("what", ["journal", "."])
def test_where_the_user_acts_the_own_host_is_cut_unrecorded_and_told_in_order_once_there_is_room(whole, what):
    """A cut that others vouch for waits all the same."""
    guarded = a_guard(whole, "act")
    with small(guarded.folder / what) as filler, guarded.acting() as guard:
        guard.does(leak("RF-before", 0, 1))
        fill(filler)
        assert settled(lambda: full(guard))
        guard.inbox.put(leak("RF-1", 1, 1))
        assert settled(lambda: whole.blocked(1) == [out(1)], 10), guard.said
        guard.inbox.put(leak("RF-2", 2, 2, sources=(0, 1)))
        assert not settled(lambda: whole.blocked(2) != [], 1.0)
        thought = guard.responder.think(leak("RF-2", 2, 2, sources=(0, 1))).decisions
        assert {(one.rule, one.verdict) for one in thought} == {("evidence", HOLD)}
        filler.unlink()
        assert settled(lambda: whole.blocked(2) == [out(2)], 10), guard.said
        guard.until(actions.DONE)
        assert settled(lambda: not guard.guard.book.waiting)
        in_order(guarded, ["RF-before", "RF-1", "RF-2"])
        guard.undone()


def test_what_is_done_from_memory_counts_for_the_limits(whole):
    """The queue is full, and two hosts a minute are two hosts a minute."""
    guarded = a_guard(whole, "act")
    guarded.settings(SETTINGS.format("act") + "hosts_a_minute = 2\n")
    with small(guarded.folder / ".") as filler, guarded.acting() as guard:
        guard.does(leak("RF-before", 0, 1))
        fill(filler)
        assert settled(lambda: full(guard))
        guard.inbox.put(leak("RF-1", 1, 1))
        assert settled(lambda: whole.blocked(1) == [out(1)], 10), guard.said
        assert not settled(lambda: bool(whole.blocked(2)), 1.2)  # what the queue said is asked again each second
        for version in (1, 2):
            thought = guard.responder.think(leak("RF-2", 2, 2, version=version)).decisions[0]
            assert (thought.rule, thought.verdict) == ("hosts-a-minute", HOLD)
        filler.unlink()
        guard.until(actions.DONE)
        guard.undone()


def full(guard) -> bool:
    """Whether the guard has found that nothing can be written."""
    with suppress(StateError):  # nor can the queue take it
        guard.take(leak("RF-before", 0, 1, version=2, severity=56))
    return bool(guard.guard.book.stuck)


def in_order(guarded: Guarded, incidents: list[str]) -> None:
    """Every line is there, those of each decision before those of what was done because of it."""
    told = guarded.told()
    for one in incidents:
        mine = [line.what for line in told if one in str(line)]
        assert mine.index("respond.decision") < mine.index("respond.command") < mine.index("respond.verify"), mine
    assert not [line for line in told if line.what == "respond.lost"]
