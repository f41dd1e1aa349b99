"""Playbooks out and in: a plan of a small cluster, and one that somebody else wrote."""

import json

import pytest

from ringfence.app.estates import save_estate
from ringfence.app.watch.incidents import keep
from ringfence.cli import run
from ringfence.estate.estate import estate_of
from tests.respond import test_plan as small


@pytest.fixture
def site(tmp_path):
    """What every command is given: an estate of three nodes, and an incident of two sources on one of them."""
    estate = tmp_path / "cluster.estate"
    save_estate(estate_of(small.cluster()), estate)
    told = (small.leak(), small.signal("RF.D71", sources=("host:store/exec",)))
    keep(tmp_path / "home", [small.incident(*told)], {})
    return ["--state", str(tmp_path / "state"), "--home", str(tmp_path / "home"), "--estate", str(estate),
            "--site", str(tmp_path / "fence.toml"), "--json"]  # fmt: skip


def asked(capsys, *arguments):
    """(exit status, a command's JSON)."""
    capsys.readouterr()
    status = run([*arguments])
    out = capsys.readouterr().out
    return status, json.loads(out) if out else None


def test_a_plan_goes_out_and_comes_back_as_it_was(site, tmp_path, capsys):
    """The cuts, who is disturbed by them, and the judgement on each."""
    file = tmp_path / "p.json"
    _, ours = asked(capsys, "respond", "plan", "RF-1", "--cacao", str(file), *site)
    assert file.stat().st_mode & 0o777 == 0o600
    _, theirs = asked(capsys, "respond", "apply", "--playbook", str(file), *site)
    kept = ("verb", "place", "subject", "jobs", "hosts", "verdict", "rule")
    assert ours["cuts"]
    assert [{name: one[name] for name in kept} for one in theirs["cuts"]] == [
        {name: one[name] for name in kept} for one in ours["cuts"]
    ]
    assert any("playbook" in one for one in theirs["unknown"])
    assert run(["respond", "plan", "RF-1", "--cacao", str(file), *site]) == 2


def written(tmp_path, capsys, site, change):
    """Our own playbook with its first step changed."""
    file = tmp_path / "p.json"
    asked(capsys, "respond", "plan", "RF-1", "--cacao", str(file), *site)
    book = json.loads(file.read_text())
    step = next(one for one in book["workflow"].values() if one["type"] == "action")
    change(step)
    file.write_text(json.dumps(book))
    return file


def test_whom_a_cut_disturbs_is_worked_out_here_and_not_believed(site, tmp_path, capsys):
    """A playbook that isolates the storage server and says that nobody notices."""

    def meek(step):
        (about,) = step["step_extensions"].values()
        about |= {"verb": "isolate", "place": "host:store", "subject": "all", "jobs": [], "hosts": []}
        step["commands"][0]["command"] = "cut the host off, all but management: all at host:store"

    file = written(tmp_path, capsys, site, meek)
    _, found = asked(capsys, "respond", "apply", "--playbook", str(file), *site)
    cut = next(one for one in found["cuts"] if one["place"] == "host:store" and one["verb"] == "isolate")
    assert len(cut["jobs"]) == 3
    assert {"host:gpu01", "host:gpu02", "host:gpu03"} <= set(cut["hosts"])


def test_a_step_of_another_tool_is_refused_by_its_name(site, tmp_path, capsys):
    """Nothing of the playbook is taken then."""

    def shell(step):
        step["commands"][0] = {"type": "bash", "command": "rm -rf /"}

    file = written(tmp_path, capsys, site, shell)
    assert run(["respond", "apply", "--playbook", str(file), *site]) == 1
    assert run(["respond", "apply", "--playbook", str(tmp_path / "absent"), *site]) == 2
    assert run(["respond", "apply", *site]) == 2


def test_a_playbook_is_done_whole_or_not_at_all(site, tmp_path, capsys):
    """Where no enforcer of ours can do a step, nothing is approved."""
    file = tmp_path / "p.json"
    asked(capsys, "respond", "plan", "RF-1", "--cacao", str(file), *site)
    assert run(["respond", "apply", "--playbook", str(file), "--apply", *site]) == 1
    assert "cannot be done here" in capsys.readouterr().err


def test_where_nothing_can_be_cut_an_apply_says_so_and_why(site, tmp_path, capsys):
    """No table, no undo, and no exit status of success; one line for all that one enforcer would have done."""
    (tmp_path / "fence.toml").write_text('[[enforcer]]\ntarget = "nftables"\nwhere = "host:store"\n')
    plain = site[:-1]
    assert run(["respond", "apply", "RF-1", *plain, "--apply"]) == 3
    told = capsys.readouterr().out
    assert "NOTHING COULD BE CUT about RF-1" in told
    assert "enforcer can be reached at" in told
    assert "undo" not in told
    assert run(["respond", "plan", "RF-1", *plain]) == 3
    assert "nothing can be cut here" in capsys.readouterr().out


def test_a_plan_ends_with_the_command_that_does_it(site, tmp_path, capsys):
    """So does one that another tool made."""
    plain, file = site[:-1], tmp_path / "p.json"
    run(["respond", "plan", "RF-1", "--cacao", str(file), *plain])
    assert capsys.readouterr().out.rstrip().endswith("`ringfence respond apply RF-1 --apply` does it")
    run(["respond", "apply", "--playbook", str(file), *plain])
    assert f"--playbook {file} --apply` does it" in capsys.readouterr().out
