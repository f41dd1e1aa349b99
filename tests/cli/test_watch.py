"""What `ringfence watch` says to who uses it wrongly: what was wrong, and what to do next; never a traceback."""

import errno
import socket

import pytest

from ringfence.cli import run


@pytest.mark.parametrize(
    ("argv", "status", "says"),
    [
        ([], 2, "nothing to watch"),
        (["--follow"], 2, "--follow FILE"),
        (["a.log", "--listen"], 2, "--follow"),
        (["--role", "joint", "--listen"], 2, "--nats URL"),
        (["--role", "king", "--nats", "nats://127.0.0.1:1"], 2, "a role is one of"),
        (["--processes", "2", "--nats", "nats://127.0.0.1:1"], 2, "more processes"),
        (["--on", "telegraph:7"], 2, "for example syslog-udp:5514"),
        (["/nowhere/a.log"], 1, "is not there"),
        (["--listen", "--estate", "/nowhere.estate"], 1, "ringfence collect"),
        (["--server", "/nowhere"], 2, "ringfence enrol init"),
        (["--listen", "--home", "/proc/nothing"], 2, "--home"),
        (["--listen", "--rules", "/nowhere"], 1, "name rule files"),
    ],
)
def test_a_mistake_is_told_with_what_to_do_next(argv, status, says, tmp_path, capsys):
    """Exit status 2 for wrong usage, 1 for what could not be done."""
    home = [] if "--home" in argv else ["--home", str(tmp_path / "home")]
    assert run(["watch", *argv, *home]) == status
    assert says in capsys.readouterr().err


def test_a_port_in_use_is_named(tmp_path, capsys):
    """With its door."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["watch", "--on", f"ndjson:{port}", "--home", str(tmp_path / "home")]) == 2
    said = capsys.readouterr().err
    assert f"127.0.0.1:{port} for ndjson" in said
    assert "another address or port" in said


def test_incidents_of_no_watch_and_of_no_such_id_say_what_to_do(tmp_path, capsys):
    """Neither is a traceback."""
    assert run(["incidents", "--home", str(tmp_path)]) == 2
    assert "ringfence watch" in capsys.readouterr().err
    assert run(["incidents", "--verdict", "benign", "--home", str(tmp_path)]) == 2
    assert "ringfence incidents ID" in capsys.readouterr().err


def test_files_are_told_where_the_home_cannot_be_made_or_has_no_room(tmp_path, capsys, monkeypatch):
    """What was found is printed first; then one line says what to do."""
    log = tmp_path / "a.log"
    log.write_text("Mar  1 07:00:00 gpu0001 sshd[7]: Accepted publickey for alice from 10.0.0.7 port 51000 ssh2\n")
    assert run(["watch", str(log), "--home", "/proc/x"]) == 2
    said = capsys.readouterr()
    assert "1 events" in said.out
    assert "`ringfence incidents` shows" not in said.out
    assert "--home" in said.err

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    for place in ("ensure", "put"):
        with monkeypatch.context() as patch:
            patch.setattr(f"ringfence.store.journal.durable.{place}", full)
            assert run(["watch", str(log), "--home", str(tmp_path / "home")]) == 1
        said = capsys.readouterr()
        assert "1 events" in said.out
        assert "make room" in said.err or "--home" in said.err
        (tmp_path / "home").mkdir(exist_ok=True)
