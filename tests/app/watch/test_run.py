"""Files of several forms in, incidents out; and what the command prints of them."""

import json

from ringfence.app.watch.made import Made
from ringfence.app.watch.run import threat_title, watch_files
from ringfence.cli import run

SSH = "Jan  2 03:04:0{} gpu0001 sshd[7]: Accepted password for bob from 10.0.0.9 port 5 ssh2\n"


def logs(folder):
    """Syslog, our own NDJSON with a theft and a bad line, and a file that nobody knows."""
    path = "/home/alice/.ssh/id_ed25519"
    rows = [
        {"class_uid": 1001, "activity_id": 14, "time": 1_800_000_000_000_000 + at, "device.hostname": "gpu0001"}
        | {"logsource": "linux//files", "file.path": path, "actor.user.name": user, "actor.process.name": "cat"}
        for at, user in ((1, "mallory"), (2, "eve"))
    ]
    folder.mkdir()
    (folder / "agent.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows) + "{\n")
    (folder / "auth.log").write_text("".join(SSH.format(at) for at in range(3)))
    (folder / "what.bin").write_bytes(b"\x00\x01")
    return folder


def test_files_of_several_forms_become_incidents_and_problems_are_counted(tmp_path):
    """Each incident in its last version; told as it changes."""
    problems, told = [], []
    found = watch_files(Made(None, (), problems).single(), [logs(tmp_path / "logs")], problems, told.append)
    assert found.events == 5
    assert {one.file.rpartition("/")[2] for one in found.problems} == {"agent.ndjson", "what.bin"}
    assert any(signal.name == "RF.D15" for one in found.incidents for signal in one.signals)
    assert {one.id for one in told} == {one.id for one in found.incidents}
    assert "under way" in found.threats.values()
    assert all(threat_title(one) for one in found.threats)


def test_the_command_prints_the_documented_shape_and_keeps_what_it_found(tmp_path, capsys):
    """`watch FILE --json`, then `incidents` in each of its ways."""
    home = ("--home", str(tmp_path / "home"))
    assert run(["watch", str(logs(tmp_path / "logs")), "--json", *home]) == 3
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"events", "lost", "incidents", "threats", "held_back", "learning", "problems"}
    assert run(["incidents", "--json", *home]) == 0
    assert json.loads(capsys.readouterr().out) == found["incidents"]
    first = found["incidents"][0]["id"]
    assert run(["incidents", first[:6], "--verdict", "benign", "--why", "a drill", "--json", *home]) == 0
    assert json.loads(capsys.readouterr().out)["verdicts"][0]["why"] == "a drill"
    assert run(["incidents", "--threats", "--json", *home]) == 0
    assert json.loads(capsys.readouterr().out) == found["threats"]
    assert run(["incidents", "--all", "--ocsf", *home]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["class_uid"] == 2005
