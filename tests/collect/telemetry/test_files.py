"""Log files are followed through all that logrotate does to them."""

import os

from ringfence.collect.telemetry.files import PIECE, Files
from ringfence.collect.telemetry.heard import Heard
from ringfence.errors import Problem
from tests.wire.logs.samples import AGENT, ZEEK, lines

LINE = lines(AGENT)


def texts(found: object) -> list[bytes]:
    return [one.line for one in found if isinstance(one, Heard)]


def test_lines_come_when_they_are_whole(tmp_path):
    """Half a line waits for its other half; a file that is not there yet is waited for."""
    path = tmp_path / "a.ndjson"
    files = Files([path])
    assert list(files.look()) == []
    path.write_bytes(LINE[:20])
    assert list(files.look()) == []
    with path.open("ab") as file:
        file.write(LINE[20:] + LINE[:5])
    (heard,) = files.look()
    assert heard == Heard("file/a.ndjson", "agent", LINE.rstrip())
    with path.open("ab") as file:
        file.write(LINE[5:])
    assert texts(files.look()) == [LINE.rstrip()]
    files.close()


def test_a_renamed_file_is_read_to_its_end_before_the_new_one(tmp_path):
    """Rotation by rename, with lines written to the old one after it."""
    path = tmp_path / "a.ndjson"
    path.write_bytes(LINE)
    files = Files([path])
    assert len(texts(files.look())) == 1
    with path.open("ab") as file:
        path.rename(tmp_path / "a.ndjson.1")
        path.write_bytes(LINE + LINE)
        file.write(LINE + LINE.rstrip())
    found = [len(texts(files.look())) for _ in range(4)]
    assert found == [1, 1, 2, 0]
    files.close()


def test_a_file_that_was_cut_is_read_from_its_start_and_told(tmp_path):
    """Rotation by copying and truncating."""
    path = tmp_path / "a.ndjson"
    path.write_bytes(LINE * 3)
    files = Files([path])
    list(files.look())
    os.truncate(path, 0)
    with path.open("ab") as file:
        file.write(LINE)
    problem, heard = files.look()
    assert isinstance(problem, Problem)
    assert heard.line == LINE.rstrip()
    files.close()


def test_a_restart_goes_on_where_it_was(tmp_path):
    """From the last whole line; a header that names columns is heard again."""
    path = tmp_path / "dns.log"
    path.write_bytes(ZEEK.encode() + b"17673")
    files = Files([path])
    heard = texts(files.look())
    places = files.places()
    files.close()
    with path.open("ab") as file:
        file.write(b"23046.5\tC3\t10.0.0.1\t5353\t10.0.0.53\t53\tudp\tb.example\tA\t-\tF\n")
    again = Files([path], places)
    found = texts(again.look())
    assert found[:-1] == [line for line in heard if line.startswith(b"#")]
    assert found[-1].startswith(b"1767323046.5\tC3")
    again.close()


def test_a_place_of_another_file_is_not_believed(tmp_path):
    """What was rotated while nobody looked is read from its start."""
    path = tmp_path / "a.ndjson"
    path.write_bytes(LINE * 3)
    files = Files([path])
    list(files.look())
    places = files.places()
    files.close()
    path.rename(tmp_path / "old")
    path.write_bytes(LINE)
    again = Files([path], places)
    assert len(texts(again.look())) == 1
    again.close()


def test_one_look_takes_no_more_than_a_piece_of_each_file(tmp_path):
    """A file in flood keeps no other waiting."""
    flood, quiet = tmp_path / "flood", tmp_path / "quiet"
    flood.write_bytes(LINE * (3 * PIECE // len(LINE)))
    quiet.write_bytes(LINE)
    files = Files([flood, quiet])
    first = list(files.look())
    assert sum(len(one.line) for one in first if one.source == "file/flood") <= PIECE
    assert texts(one for one in first if one.source == "file/quiet") == [LINE.rstrip()]
    files.close()


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path):
    """A reader's state belongs to one of them."""
    paths = [tmp_path / "a" / "x.log", tmp_path / "b" / "x.log"]
    for path in paths:
        path.parent.mkdir()
        path.write_bytes(LINE)
    files = Files(paths)
    assert {one.source for one in files.look()} == {f"file/{path}" for path in paths}
    files.close()


def test_what_is_no_log_is_told_once(tmp_path):
    """And a folder in a log's place, too."""
    path, folder = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"it is a fine day\n")
    folder.mkdir()
    files = Files([path, folder])
    found = [one for _ in range(4) for one in files.look()]
    assert [type(one) for one in found] == [Problem, Problem]
    with path.open("ab") as file:
        file.write(LINE)
    assert list(files.look()) == []
    files.close()
