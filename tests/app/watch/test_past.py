"""`ringfence history`."""

import json

import pytest

from ringfence.app.watch.past import moment
from ringfence.cli import run
from ringfence.errors import UsageError
from ringfence.store.history import History
from tests.app.watch.counting import events


def test_a_time_is_ago_or_iso_8601():
    """UTC where it names no zone."""
    assert [moment(text, 10_000.0) for text in ("", "90s", "30m", "2h")] == [0.0, 9910.0, 8200.0, 2800.0]
    assert moment("1970-01-02", 0.0) == moment("1970-01-02T01:00:00+01:00", 0.0) == 86_400.0
    with pytest.raises(UsageError, match="no time"):
        moment("yesterday", 0.0)


def test_the_command_prints_events_or_answers_sql(tmp_path, capsys):
    """Columns without a value are left out of the table; SQL says its own."""
    pytest.importorskip("duckdb", reason="missing-part: duckdb")
    writer = History(tmp_path / "history")
    writer.add(events("gpu0001", 1, 3).record)
    writer.add(events("gpu0002", 1, 4).record)
    writer.flush()
    assert run(["history", "--home", str(tmp_path), "--host", "gpu0001", "--since", "1h"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("host:gpu0001/processes") == 3
    assert "gpu0002" not in shown
    assert "message" not in shown.splitlines()[0]
    assert run(["history", "SELECT count(*) AS n FROM events", "--home", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"n": 7}]
    assert run(["history", "DROP VIEW events", "--home", str(tmp_path)]) == 2
    assert "one SELECT" in capsys.readouterr().err
