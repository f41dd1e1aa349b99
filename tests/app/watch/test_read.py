"""Files of logs as batches: recognised, merged by time, problems counted."""

import json

import pytest

from ringfence.app.watch.read import Forms, batches, files_in, forms_of
from ringfence.errors import InputError

MAPPING = """
name = "vpn"
class = "authentication"
activity = "logon"
logsource = "linux//vpn"
time = "when"
time_format = "microseconds"
[columns]
"user.name" = "who"
"""


def agent(at: int, host: str) -> str:
    """A line of ours."""
    row = {"class_uid": 1007, "activity_id": 1, "time": at, "device.hostname": host, "logsource": "linux//x"}
    return json.dumps(row) + "\n"


def test_files_are_merged_by_time_and_within_a_file_order_stays(tmp_path):
    """A line that is older than the one above it keeps its place."""
    (tmp_path / "a.log").write_text(agent(10, "a1") + agent(5, "a2") + agent(30, "a3"))
    (tmp_path / "b.log").write_text(agent(9, "b1") + agent(20, "b2"))
    problems = []
    found = [
        batch.text("device.hostname", row)
        for batch in batches([tmp_path], problems, rows=2)
        for row in range(len(batch))
    ]
    assert found == ["b1", "a1", "a2", "b2", "a3"]
    assert problems == []


def test_what_cannot_be_read_is_a_problem_and_the_rest_is_read(tmp_path):
    """A file of no known form, and a bad line in a good file."""
    (tmp_path / "a.log").write_text(agent(1, "a1") + "{\n" + agent(2, "a2"))
    (tmp_path / "b.bin").write_bytes(b"\x00\x01\x02")
    problems = []
    assert sum(map(len, batches([tmp_path], problems))) == 2
    assert sorted((one.file.rpartition("/")[2], one.line) for one in problems) == [("a.log", 2), ("b.bin", 0)]
    assert all(one.remedy for one in problems)


def test_a_file_that_is_not_there_is_an_error_with_a_remedy(tmp_path):
    """Before anything is read."""
    with pytest.raises(InputError, match="is not there") as error:
        files_in([tmp_path / "nothing"])
    assert error.value.remedy


def test_a_mapping_goes_before_the_forms_that_are_known(tmp_path):
    """Where its time and one of its columns are there."""
    (tmp_path / "vpn.toml").write_text(MAPPING)
    line = b'{"when": 7, "who": "bob"}\n'
    forms = forms_of([tmp_path / "vpn.toml"], "")
    assert forms.of(line).name == "vpn"
    assert forms.of(agent(1, "a").encode()).name == "agent"
    with pytest.raises(InputError, match="no form"):
        Forms().named_as("nonsense")


def test_a_far_too_long_line_above_a_log_does_not_hide_it(tmp_path):
    """The form is looked for below it; the line is a problem."""
    (tmp_path / "a.log").write_text("x" * (3 << 20) + "\n" + agent(1, "a1") + agent(2, "a2"))
    problems = []
    assert sum(map(len, batches([tmp_path], problems))) == 2
    assert [one.line for one in problems] == [1]
    (tmp_path / "a.log").write_text("x" * (3 << 20))
    assert list(batches([tmp_path], problems)) == []
    assert "not known" in problems[1].what
