"""`ringfence evidence` and `ringfence postmortem`, through the real command line."""

import json
import re
import stat
import subprocess
import sys

import pytest

from ringfence.cli import run
from ringfence.respond import pattern
from tests.cli.guarded import ID, Cluster


@pytest.fixture
def cluster(tmp_path):
    """An incident with two cuts done by fakes, and one held."""
    made = Cluster(tmp_path)
    made.happened()
    return made


@pytest.fixture
def key(cluster, tmp_path, capsys):
    """The journal's key in a file, as the command prints it."""
    assert run(["evidence", "key", "--state", str(cluster.state)]) == 0
    file = tmp_path / "journal.key"
    file.write_text(capsys.readouterr().out)
    return file


def test_what_is_exported_verifies_and_one_changed_byte_is_found(cluster, key, tmp_path, capsys):
    """By the key that was named, and by the file of a witness that the settings name."""
    out, heads = tmp_path / "e.json", tmp_path / "heads"
    (cluster.state / "guard.toml").write_text(f'witnesses = ["file:{heads}"]\n')
    assert run(["evidence", "export", "RF-01", "-o", str(out), *cluster.folders]) == 0
    assert "kept" in capsys.readouterr().out
    check = ["evidence", "verify", str(out), "--key", str(key), "--witness-file", str(heads)]
    assert run([*check, "--journal", str(cluster.state / "journal")]) == 0
    assert f"lines about {ID}" in capsys.readouterr().out
    data = out.read_bytes().replace(b"192.88.99.10", b"192.88.99.11", 1)
    out.write_bytes(data)
    assert run([*check, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["holds"], found["trusted"]) == (False, True)
    assert found["problems"][0]["line"] > 0


def test_where_a_file_cannot_be_read_one_byte_is_named_counted_in_the_file(cluster, tmp_path, capsys):
    """Not also that of the text line."""
    out = tmp_path / "e.json"
    assert run(["evidence", "export", "RF-01", "-o", str(out), *cluster.folders]) == 0
    data = bytearray(out.read_bytes())
    at = data.index(b'"index":', data.index(b'"lines":')) + len(b'"index":')
    data[at : at + 1] = b"x"
    out.write_bytes(data)
    capsys.readouterr()
    assert run(["evidence", "verify", str(out)]) == 1
    said = " ".join("".join(capsys.readouterr()).split())
    assert re.findall(r"byte (\d+)", said)[0] == str(at)
    assert f"(at byte {at} of the file, counted from 0)" in said


def test_without_a_key_it_is_said_whose_key_judged(cluster, tmp_path, capsys):
    """A file that names its own key proves only that it has not changed since."""
    out = tmp_path / "e.json"
    assert run(["evidence", "export", "--all", "-o", str(out), *cluster.folders]) == 0
    assert run(["evidence", "verify", str(out)]) == 0
    assert "names itself" in capsys.readouterr().out


@pytest.mark.parametrize(
    "said",
    [["export", "-o", "x"], ["export", ID, "--all", "-o", "x"], ["verify"], ["verify", "absent.json"], ["witness"]],
)
def test_what_is_not_clear_is_refused(cluster, said):
    """Neither one nor all, nothing to verify, no log to serve."""
    folders = cluster.folders if said[0] == "export" else []
    assert run(["evidence", *said, *folders]) == 2


def test_a_witness_of_another_machine_serves_until_it_is_ended(cluster, key, tmp_path, capsys):
    """It prints what guard.toml takes: where it is, and its key."""
    command = [sys.executable, "-m", "ringfence", "evidence", "witness", "--key", str(key)]
    there = [*command, "--folder", str(tmp_path / "witness"), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(there, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as witness:
        try:
            address = witness.stdout.readline().strip()
            out = tmp_path / "e.json"
            asked = ["evidence", "export", ID, "-o", str(out), "--witness", address, *cluster.folders, "--json"]
            assert run(asked) == 0
            assert [one["said"] for one in json.loads(capsys.readouterr().out)["witnesses"]] == ["kept"]
            assert run(["evidence", "verify", str(out), "--key", str(key)]) == 0
            assert "cosigned by ringfence/witness" in capsys.readouterr().out
        finally:
            witness.terminate()
        assert witness.wait(20) == 0
    gone = ["evidence", "export", ID, "-o", str(tmp_path / "f.json"), "--witness", address, *cluster.folders]
    assert run(gone) == 3


def test_the_journal_itself_is_verified_by_its_key(cluster, key, capsys):
    """And not without one."""
    journal = ["evidence", "verify", "--journal", str(cluster.state / "journal")]
    assert run([*journal, "--key", str(key)]) == 0
    assert run(journal) == 2


def test_an_account_is_printed_or_written_as_three_files(cluster, tmp_path, capsys):
    """Without an estate it says what it does not know."""
    asked = ["postmortem", "RF-01", *cluster.folders, "--estate", "cluster.estate"]
    assert run(asked) == 0
    told = capsys.readouterr().out
    assert "# RF\\-" in told or f"# {ID}" in told
    assert "2 of 3 cuts were made and read back" in told
    assert run([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["incident"] == ID
    reports = tmp_path / "new" / "reports"
    assert run([*asked, "-o", str(reports)]) == 0
    assert stat.S_IMODE(reports.stat().st_mode) == 0o700
    assert pattern.read((reports / f"{ID}.pattern.json").read_bytes())
    assert run([*asked, "-o", str(reports)]) == 2
    assert run([*asked, "-o", str(reports / f"{ID}.md")]) == 2
