"""Who could read a model at a time in the past: the right estate is asked, and each answers alone."""

import json
import os
import shutil

import pytest

from ringfence.app.assess.who_could import kept_at, moment, who_could
from ringfence.cli import run
from ringfence.errors import UsageError
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.store import saved

MODEL, STORE, NODE = "model:m", "storage:nfs1:/proj", "host:n1"
JOB = "job:slurm/c/7"
BASE = [
    Fact(MODEL, "stored_on", STORE),
    Fact(MODEL, "readable_by", "identity:group/team"),
    Fact("identity:alice", "member_of", "identity:group/team"),
    Fact("identity:bob", "may_login", NODE),
    Fact("identity:bob", "may_sudo", NODE, {"nopasswd": True}),
    Fact("identity:alice", "may_login", NODE),
    Fact("service:n1/ssh:22", "runs_on", NODE),
    Fact("service:n1/ssh:22", "service_kind", "ssh"),
    Fact(NODE, "setting", "pam_slurm_adopt=off"),
    Fact(NODE, "setting", "ssh_from=anywhere"),
    Fact(NODE, "mounts", STORE, {"mode": "rw", "path": "/proj"}),
    Fact("workstation:alice-ws", "attached_to", "network:corp"),
    Fact("identity:alice", "logs_in_from", "workstation:alice-ws"),
    Fact("identity:carol", "may_login", "host:elsewhere"),
    Fact(JOB, "reads", MODEL),
    Fact(JOB, "in_cluster", "cluster:c"),
]
OPEN = Fact(STORE, "setting", "no_root_squash")


@pytest.fixture
def folder(tmp_path):
    """Two surveys: in February the storage believed every client's root, in March it did not any more."""
    saved.save(estate_of([*BASE, OPEN]), tmp_path / "2026-02-01.estate")
    saved.save(estate_of(BASE), tmp_path / "2026-03-01.estate")
    return tmp_path


def answered(folder, day):
    found = who_could(MODEL, moment(day), folder)
    return found, {row["entity"]: row for row in found["who"]}


def test_the_last_estate_that_is_not_later_is_asked(folder):
    """The day itself counts, whole."""
    assert kept_at(folder, moment("2026-02-28")).path.name == "2026-02-01.estate"
    assert kept_at(folder, moment("2026-03-01")).path.name == "2026-03-01.estate"
    assert kept_at(folder, moment("2026-02-01")).by == "name"


def test_a_group_reads_by_right_and_a_superuser_by_moves(folder):
    """Facts for the right, a way with minutes for the move; whoever has neither is not named."""
    found, who = answered(folder, "2026-02-10")
    assert found["estate"] == {
        "file": "2026-02-01.estate",
        "at": "2026-02-01T00:00:00Z",
        "by": "name",
        "days_older": 9,
    }
    assert who["identity:alice"]["direct"]
    assert {fact["predicate"] for fact in who["identity:alice"]["facts"]} == {"member_of", "readable_by"}
    bob = who["identity:bob"]
    assert not bob["direct"]
    assert bob["by_moves"]
    assert bob["path"]["steps"][-1]["to"] == f"{MODEL}#read"
    assert bob["path"]["minutes"][1] > 0
    assert any(fact["object"] == "no_root_squash" for step in bob["path"]["steps"] for fact in step["because"])
    assert who[JOB]["direct"]
    assert who["workstation:alice-ws"]["by_moves"]
    assert "identity:carol" not in who


def test_after_the_repair_the_superuser_could_no_more(folder):
    """The same question of a later day has another answer."""
    _, who = answered(folder, "2026-03-05")
    assert "identity:bob" not in who
    assert "identity:alice" in who


def test_a_file_without_a_date_is_of_its_newest_fact(folder):
    """Copying a file changes no answer."""
    late = [Fact(MODEL, "stored_on", STORE, source="folders", observed_at=moment("2026-04-01T10:00"))]
    saved.save(estate_of(late), folder / "latest.estate")
    kept = kept_at(folder, moment("2026-04-01T10:00"))
    assert (kept.path.name, kept.at, kept.by) == ("latest.estate", moment("2026-04-01T10:00"), "facts")
    assert kept_at(folder, moment("2026-04-01T09:59")).path.name == "2026-03-01.estate"


def test_no_estate_so_early_and_an_unknown_entity_are_said(folder, tmp_path):
    """With what to do; nothing is guessed from a later one."""
    with pytest.raises(UsageError, match=r"no estate as early as 2025-12-31.*first there is of 2026-02-01"):
        kept_at(folder, moment("2025-12-31"))
    with pytest.raises(UsageError, match="model:other is not in this estate"):
        who_could("model:other", moment("2026-03-05"), folder)
    with pytest.raises(UsageError, match="no date"):
        moment("yesterday")
    with pytest.raises(UsageError, match="not a folder"):
        kept_at(tmp_path / "nowhere", moment("2026-03-05"))


def test_a_day_that_has_not_come_is_refused():
    """It asks of the past. Today has begun; an hour of it that is ahead has not."""
    noon = moment("2026-03-05T12:00", now=2e9)
    for ahead in ("9999-12-31", "2026-03-06", "2026-03-05T12:01"):
        with pytest.raises(UsageError, match=f"{ahead} has not come yet"):
            moment(ahead, noon)
    assert moment("2026-03-05", noon) > noon
    assert run(["who-could", "read", MODEL, "--on", "9999-12-31", "--history", "nowhere"]) == 2


def test_what_is_no_survey_is_named_and_the_rest_answers(folder, capsys):
    """A folder, a pipe, a damaged file and one dated ahead of today: as debt leaves them out."""
    (folder / "dir.estate").mkdir()
    os.mkfifo(folder / "2026-02-03.estate")
    (folder / "2026-02-04.estate").write_bytes(b"not an estate")
    shutil.copy(folder / "2026-03-01.estate", folder / "2099-01-01.estate")
    arguments = ["who-could", "read", MODEL, "--on", "2026-02-10", "--history", str(folder)]
    assert run([*arguments, "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found["estate"]["file"] == "2026-02-01.estate"
    said = {one["file"]: one["what"] for one in found["unreadable"]}
    assert set(said) == {"dir.estate", "2026-02-03.estate", "2026-02-04.estate", "2099-01-01.estate"}
    assert "has not come yet" in said["2099-01-01.estate"]
    assert run(arguments) == 3
    assert "dir.estate" in capsys.readouterr().err
    (folder / "2026-02-01.estate").unlink()
    assert run(arguments) == 1
    assert "holds no survey that can be read" in capsys.readouterr().err


@pytest.mark.parametrize("entity", ["host:n1", "identity:alice", "job:slurm/c/7", "host:n1#root"])
def test_what_nobody_reads_is_refused_with_what_can_be_read(folder, entity):
    """Nought would read as safe."""
    with pytest.raises(UsageError, match="nothing that is read") as caught:
        who_could(entity, moment("2026-03-05"), folder)
    assert all(kind in caught.value.remedy for kind in ("model", "checkpoint", "dataset", "storage"))


def test_beyond_the_first_ways_it_says_that_they_are_not_timed(folder, capsys):
    """A word beside minutes would be read as one of them; fewer than none is refused."""
    arguments = ["who-could", "read", MODEL, "--on", "2026-02-10", "--history", str(folder)]
    assert run([*arguments, "-n", "0"]) == 0
    out = capsys.readouterr().out
    assert "not timed: beyond the first 0" in out
    assert run(arguments) == 0
    assert "not timed" not in capsys.readouterr().out
    assert run([*arguments, "-n", "-4"]) == 2


def test_the_command_prints_the_documented_shape(folder, capsys):
    """As JSON, and in plain words with the ways."""
    arguments = ["who-could", "read", MODEL, "--on", "2026-02-10", "--history", str(folder)]
    assert run([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"read", "on", "estate", "count", "who", "unknown", "unreadable"}
    assert {key for row in found["who"] for key in row} == {"entity", "from", "direct", "facts", "by_moves", "path"}
    assert run(arguments) == 0
    shown = capsys.readouterr().out
    assert "identity:bob" in shown
    assert "RF-M103" in shown
    assert "Asked of 2026-02-01.estate" in shown
    assert "9 days before that day: what changed in between is not in it" in shown
    shutil.rmtree(folder)
    assert run(arguments) != 0
    assert "not a folder" in capsys.readouterr().err
