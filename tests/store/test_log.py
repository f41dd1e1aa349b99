"""The log: what was appended is read again, in order, from any number, after any end of the process."""

import pytest

from ringfence.errors import StateError
from ringfence.store.log import Log


def bodies(log, after=0):
    return list(log.read(after))


def test_entries_are_read_after_a_number_across_files(tmp_path):
    """Numbers go on where the last process stopped."""
    log = Log(tmp_path / "log", file=40)
    for at in range(1, 11):
        assert log.append([b"entry %d" % at]) == at
    log.close()
    log = Log(tmp_path / "log", file=40)
    assert log.append([b"x", b"y"]) == 12
    assert bodies(log, 8) == [(9, b"entry 9"), (10, b"entry 10"), (11, b"x"), (12, b"y")]
    assert len(list((tmp_path / "log").glob("*.log"))) > 2


@pytest.mark.parametrize("tail", [b"\0\0\0\x09abc", b"\0" * 64, b"\xff" * 20])
def test_what_a_crash_cut_off_was_promised_to_nobody(tmp_path, tail):
    """Half a frame, zeros after a power failure and garbage end the file; the next entry follows the last whole one."""
    log = Log(tmp_path / "log")
    log.append([b"one", b"two"])
    log.close()
    [path] = (tmp_path / "log").glob("*.log")
    path.write_bytes(path.read_bytes() + tail)
    log = Log(tmp_path / "log")
    assert log.append([b"three"]) == 3
    assert bodies(log) == [(1, b"one"), (2, b"two"), (3, b"three")]


def test_a_damaged_file_in_the_middle_is_counted(tmp_path):
    """The rest goes on, and `lost` says how many are gone."""
    log = Log(tmp_path / "log", file=1)
    for at in range(4):
        log.append([b"body %d" % at, b"more %d" % at])
    second = sorted((tmp_path / "log").glob("*.log"))[1]
    second.write_bytes(second.read_bytes()[:-1] + b"?")
    assert [number for number, _ in bodies(log)] == [1, 2, 3, 5, 6, 7, 8]
    assert log.lost == 1


def test_a_full_log_refuses_what_is_new_and_keeps_what_is_old(tmp_path):
    """Until its reader is done with it."""
    log = Log(tmp_path / "log", most=100, file=20)
    log.append([b"x" * 30])
    log.append([b"y" * 30])
    with pytest.raises(StateError, match="holds"):
        log.append([b"z" * 30])
    assert [number for number, _ in bodies(log)] == [1, 2]
    log.forget(2)
    assert log.append([b"z" * 30]) == 3
    assert [number for number, _ in bodies(log, 1)] == [2, 3]


def test_one_process_has_the_folder(tmp_path):
    """A second one is told so."""
    log = Log(tmp_path / "log")
    with pytest.raises(StateError, match="in use"):
        Log(tmp_path / "log")
    log.close()
    Log(tmp_path / "log").close()
