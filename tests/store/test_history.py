"""The history: Parquet by the hour, asked by DuckDB, which reads nothing else."""

import os
import time

import pyarrow as pa
import pytest

pytest.importorskip("duckdb", reason="missing-part: duckdb")

from ringfence.errors import StateError, UsageError
from ringfence.store import history
from ringfence.store.history import History
from ringfence.watch.batch import of_events
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

NOW = time.time()


def batch(hosts, ago=0.0, **fields):
    """One event of each host, some seconds ago."""
    when = int((NOW - ago) * 1e6)
    return of_events(
        Event(classes.PROCESS, 1, when, host, "linux/process_creation/", fields, f"host:{host}/p", at)
        for at, host in enumerate(hosts, 1)
    ).record


@pytest.fixture
def folder(tmp_path):
    writer = History(tmp_path / "history")
    writer.add(batch(["a", "b"], ago=7200, **{"process.pid": 7}))
    writer.add(batch(["a", "b", "b"], **{"file.path": "/x"}))
    writer.flush()
    return tmp_path / "history"


def rows(*given, **asked):
    return list(history.ask(*given, **asked)[1])


def test_events_are_asked_by_host_and_time(folder):
    """Batches of different columns stand in one table."""
    names, found = history.ask(folder, host="b")
    assert len(list(found)) == 3
    assert {"process.pid", "file.path"} <= set(names)
    assert len(rows(folder, host="b", since=NOW - 3600)) == 2
    assert rows(folder, "SELECT count(*) FROM events", until=NOW - 3600) == [(2,)]


def test_hours_have_folders_that_any_tool_reads(folder):
    """`date=…/hour=…/part-….parquet`, readable by the owner alone."""
    parts = list(folder.rglob("*.parquet"))
    assert {part.parent.name[:5] for part in parts} == {"hour="}
    assert {part.stat().st_mode & 0o777 for part in parts} == {0o600}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_parquet('/etc/*.parquet')",
        "COPY (SELECT 1) TO '{folder}/x.parquet'",
        "DROP VIEW events",
        "INSTALL httpfs",
        "ATTACH '/tmp/other.db'",
        "SELECT 1; SET enable_external_access = true",
        "SELECT nothing FROM events",
        "no SQL at all",
    ],
)
def test_sql_asks_the_history_and_nothing_else(folder, sql):
    """No other file, no writing, no extension, no second statement."""
    with pytest.raises(UsageError):
        rows(folder, sql.format(folder=folder))
    assert len(list(folder.rglob("*.parquet"))) == 2


@pytest.mark.parametrize("path", [".tmp/x", "{cwd}/.tmp/x", "/etc/hostname", "{home}/watch.db", "{home}/history/../x"])
def test_neither_the_working_folder_nor_the_home_can_be_read(folder, path, tmp_path, monkeypatch):
    """DuckDB would allow its own folder for what it spills, `.tmp`: whatever lies there beforehand."""
    (tmp_path / "cwd" / ".tmp").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "cwd")
    for one in (tmp_path / "cwd" / ".tmp" / "x", tmp_path / "watch.db", tmp_path / "x"):
        one.write_text("secret")
    path = path.format(home=tmp_path, cwd=tmp_path / "cwd")
    with pytest.raises(UsageError, match="Permission"):
        rows(folder, f"SELECT size FROM read_text('{path}')")


def test_what_is_spilled_lies_in_a_private_folder_that_goes(folder, tmp_path):
    """Nothing else is in it, and it is the only one beside the history's that may be read."""
    _, found = history.ask(folder, "SELECT current_setting('allowed_directories'), current_setting('temp_directory')")
    [(allowed, spill)] = found
    assert set(allowed) == {f"{folder}/", f"{spill}/"}
    assert spill.startswith(f"{tmp_path}/.asking-")
    assert not list(tmp_path.glob(".asking-*"))
    with pytest.raises(UsageError):
        history.ask(folder, "SELECT nothing FROM events")
    assert not list(tmp_path.glob(".asking-*"))


def test_an_answer_that_takes_too_long_is_given_up(folder):
    """Whether no row comes, or rows that never end."""
    for sql in ("SELECT count(*) FROM range(1000000000000) a", "SELECT * FROM range(1000000000000) a, events"):
        began = time.monotonic()
        with pytest.raises(StateError, match="took more than"):
            for _ in history.ask(folder, sql, seconds=0.5)[1]:
                pass
        assert time.monotonic() - began < 10


def test_a_name_is_never_sql(folder):
    """A quote in a host's name stays in the name."""
    assert rows(folder, host="b' OR true --") == []


def test_an_event_of_an_impossible_time_stands_at_the_time_of_receipt(tmp_path):
    """A clock that is years off makes no folder of its own."""
    writer = History(tmp_path)
    writer.add(batch(["a"], ago=40 * 365 * 86_400.0))
    writer.flush()
    [part] = tmp_path.rglob("*.parquet")
    assert f"date={time.strftime('%Y-%m-%d', time.gmtime())}" in str(part)


def test_the_oldest_hours_go_first(folder):
    """By bytes, then by days; an empty folder goes with its last file."""
    newest = sorted(folder.rglob("*.parquet"), key=lambda one: one.parent)[-1]
    writer = History(folder, most=newest.stat().st_size)
    assert writer.retain(NOW) == 1
    assert list(folder.rglob("*.parquet")) == [newest]
    assert History(folder, days=1.0).retain(NOW + 3 * 86_400) == 1
    assert not list(folder.glob("date=*"))


def test_an_empty_history_says_what_fills_it(tmp_path):
    """No traceback of DuckDB's."""
    with pytest.raises(StateError, match="no events"):
        history.ask(tmp_path)


def test_a_folder_that_cannot_be_written_is_counted(tmp_path):
    """Watching goes on; the problem names the folder and the number of events."""
    (tmp_path / "history").write_text("a file where the folder should be")
    writer = History(tmp_path / "history")
    writer.add(batch(["a", "b"]))
    writer.flush()
    assert writer.lost == 2
    assert "2 events" in writer.problems[0].what
    assert not os.path.isdir(tmp_path / "history")


def test_an_event_that_tells_no_time_is_of_when_it_came(tmp_path):
    """`since` finds it."""
    record = batch(["a"]).drop_columns(["time", "received"])
    for name, value in (("time", 0), ("received", int((NOW - 7200) * 1e6))):
        record = record.append_column(name, pa.array([value]))
    writer = History(tmp_path)
    writer.add(record)
    writer.flush()
    assert len(rows(tmp_path, since=NOW - 7300)) == 1
    assert rows(tmp_path, "SELECT count(*) FROM events", since=NOW - 7300, until=NOW - 7100) == [(1,)]
    with pytest.raises(StateError):
        rows(tmp_path, since=NOW - 3599)
