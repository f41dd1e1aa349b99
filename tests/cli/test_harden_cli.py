"""`ringfence harden`: what each command prints, and how it ends."""

import json
from pathlib import Path

import pytest

from ringfence.cli import run
from tests.harden.trees import grown, picture, sample


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return grown(tmp_path, sample("container_toolkit")["tree"])


def test_it_is_looked_at_shown_applied_and_undone(root, capsys):
    """Exit status 3 as long as something is left to do."""
    at = ["--root", str(root), "--only", "container_toolkit"]
    before = picture(root)
    assert run(["harden", "check", *at, "--json"]) == 3
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["id"], found["verdict"]) == ("RF-X17", "differs")
    assert run(["harden", "apply", *at]) == 3
    assert "nothing was changed" in capsys.readouterr().out
    assert picture(root) == before
    assert run(["harden", "apply", *at, "--apply", "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert [one["status"] for one in done["outcomes"]] == ["done"]
    assert run(["harden", "check", *at]) == 0
    assert run(["harden", "undo", "--root", str(root)]) == 0
    assert "--apply does it" in capsys.readouterr().out
    assert run(["harden", "undo", "--root", str(root), "--apply"]) == 0
    assert picture(root) == before
    assert run(["harden", "undo", "--root", str(root), "--apply"]) == 2


def test_an_undo_says_how_the_receipt_stands_then(root, capsys):
    """Before it is applied; after it is undone."""
    at = ["--root", str(root), "--json"]
    assert run(["harden", "apply", *at, "--only", "container_toolkit", "--apply"]) == 0
    capsys.readouterr()
    assert run(["harden", "undo", *at]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "applied"
    assert run(["harden", "undo", *at, "--apply"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["status"] == "undone"
    assert [one["status"] for one in told["outcomes"]] == ["undone"]


def test_a_plan_that_was_shown_is_applied_as_it_was_shown_or_not_at_all(root, capsys):
    """Whatever changed on the host meanwhile."""
    at = ["harden", "apply", "--root", str(root), "--only", "container_toolkit"]
    assert run([*at, "--json"]) == 3
    plan = json.loads(capsys.readouterr().out)["plan"]
    config = root / "etc/nvidia-container-runtime/config.toml"
    before = config.read_text()
    config.write_text(f"{before}# a line more\n")
    theirs = picture(root)
    assert run([*at, "--plan", plan[:16], "--apply"]) == 2
    assert "no longer as it was" in capsys.readouterr().err
    assert picture(root) == theirs
    assert run([*at, "--plan", "nonsense", "--apply"]) == 2
    capsys.readouterr()
    assert run([*at, "--plan", plan[:16]]) == 2
    assert "no longer as it was" in capsys.readouterr().err
    config.write_text(before)
    assert run([*at, "--plan", plan[:16], "--apply"]) == 0


def test_what_would_be_refused_is_said_before(tmp_path, capsys):
    """A folder that everybody may write: why, and which measures could be applied without it."""
    names = ("rare_modules", "core_dumps")
    root = grown(tmp_path, {path: what for name in names for path, what in sample(name)["tree"].items()})
    (root / "etc/modprobe.d").chmod(0o777)
    before = picture(root)
    at = ["harden", "apply", "--root", str(root), *(word for name in names for word in ("--only", name))]
    assert run(at) == 3
    said = " ".join(capsys.readouterr().out.split())
    assert "would be refused: write /etc/modprobe.d/ringfence-rare.conf: " in said
    assert "/etc/modprobe.d is writable by others (0777); give it to root" in said
    assert "--plan" not in said
    assert "the others alone: `ringfence harden apply --only core_dumps`" in said
    assert run([*at, "--json"]) == 3
    told = json.loads(capsys.readouterr().out)["refused"]
    assert {one for each in told for one in each["measures"]} == {"rare_modules"}
    assert run([*at, "--apply"]) == 1, "as it was said"
    assert picture(root) == before
    assert run(["harden", "apply", "--root", str(root), "--only", "core_dumps", "--apply"]) == 0
    (root / "etc/modprobe.d").chmod(0o755)
    capsys.readouterr()
    assert run([*at, "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["refused"] == []


def test_a_folder_above_one_that_is_missing_is_looked_at_too(tmp_path, capsys):
    root = grown(tmp_path, {"/proc/sys/fs/suid_dumpable": "2\n", "/etc/x": ""})
    (root / "etc").chmod(0o777)
    assert run(["harden", "apply", "--root", str(root), "--only", "core_dumps"]) == 3
    assert "/etc is writable by others (0777)" in " ".join(capsys.readouterr().out.split())
    assert run(["harden", "apply", "--root", str(root), "--only", "core_dumps", "--apply"]) == 1
    assert (root / "proc/sys/fs/suid_dumpable").read_text() == "2\n", "nothing was begun"


def test_an_undo_that_left_something_stands_against_an_apply_and_is_said_before(root, capsys):
    at = ["--root", str(root)]
    assert run(["harden", "apply", *at, "--only", "container_toolkit", "--apply"]) == 0
    config = root / "etc/nvidia-container-runtime/config.toml"
    config.write_text(f"{config.read_text()}# theirs\n")
    assert run(["harden", "undo", *at, "--apply"]) == 1
    capsys.readouterr()
    run(["harden", "apply", *at, "--only", "container_toolkit"])
    assert "would be refused: an undo of" in " ".join(capsys.readouterr().out.split())


def test_every_measure_is_explained_and_one_that_is_none_is_refused(capsys):
    assert run(["harden", "explain", "--json"]) == 0
    assert all(one["why"] and one["breaks"] and one["wants"] for one in json.loads(capsys.readouterr().out))
    assert run(["harden", "explain", "iommu"]) == 0
    assert "ACS redirection is never switched on" in " ".join(capsys.readouterr().out.split())
    assert run(["harden", "explain", "nonsense"]) == 2
    assert run(["harden", "check", "--root", "/nowhere/at/all"]) == 2
    assert run(["harden", "apply", "--receipt", "../x"]) == 2


def test_an_undo_of_a_receipt_that_is_not_in_force_has_nothing_to_do(root, capsys):
    """Waves ask so of hosts that had nothing to change."""
    words = ["harden", "undo", "0123456789abcdef", "--root", str(root), "--apply", "--json"]
    assert run([*words, "--if-there"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "not in force"
    assert run(words) == 2
    assert "none is open" in capsys.readouterr().err


def test_an_id_that_is_no_receipt_is_refused_and_what_is_open_is_named(root, capsys):
    """Dry or not; one that was taken back before is no slip."""
    at = ["--root", str(root)]
    assert run(["harden", "apply", *at, "--only", "container_toolkit", "--receipt", "0a", "--apply"]) == 0
    hardened = picture(root)
    capsys.readouterr()
    for more in ([], ["--apply"]):
        assert run(["harden", "undo", "0b", *at, *more]) == 2
        said = capsys.readouterr()
        assert "'0b' is no receipt of this host; open, the last first: 0a" in " ".join(said.err.split())
        assert "taken back" not in said.out
    assert picture(root) == hardened
    assert run(["harden", "undo", "0a", *at, "--apply"]) == 0
    assert "0a is taken back at 1 place" in capsys.readouterr().out
    assert run(["harden", "undo", "0a", *at, "--apply"]) == 0
    assert "0a was taken back before; nothing was changed" in capsys.readouterr().out


def test_an_undo_shows_what_would_come_back(tmp_path, capsys):
    """Lines of files, values and modes, and what was not there."""
    names = ("network_mounts", "kernel_memory", "umad")
    root = grown(tmp_path, {path: what for name in names for path, what in sample(name)["tree"].items()})
    at = ["--root", str(root)]
    run(["harden", "apply", *at, *(word for name in names for word in ("--only", name)), "--apply"])
    capsys.readouterr()
    assert run(["harden", "undo", *at]) == 0
    said = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "write /etc/fstab: holds again what it held" in said
    assert "- 10.0.0.9@o2ib:/fs /scratch lustre flock,_netdev,nosuid,nodev 0 0" in said
    assert "+ 10.0.0.9@o2ib:/fs /scratch lustre flock,_netdev 0 0" in said
    assert "write /etc/udev/rules.d/99-ringfence-umad.rules: taken away, for it was not there" in said
    assert any(one.startswith("permit /dev/infiniband/umad0: 0600 group ") for one in said)
    assert any(one.startswith("put /proc/sys/kernel/") and "→" in one for one in said)
    assert run(["harden", "undo", *at, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [one["place"] for one in shown["back"]] == list(reversed(shown["places"]))


def test_waves_are_shown_before_anything_is_done(tmp_path, capsys):
    (tmp_path / "hosts").write_text("b\na\nc\n")
    words = ["harden", "waves", str(tmp_path / "hosts"), "--run", str(tmp_path / "run.json"), "--canary", "c", "--json"]
    assert run(words) == 0
    assert json.loads(capsys.readouterr().out)["waves"] == [["c"], ["a", "b"]]
    assert not (tmp_path / "run.json").exists()
    assert run(["harden", "waves", str(tmp_path / "none")]) == 2


def test_waves_without_apply_say_what_comes_next_of_a_fresh_run_and_of_one_that_halted(tmp_path, capsys):
    """In words, too; and nothing is kept of it."""
    (tmp_path / "hosts").write_text("b\na\n")
    file = tmp_path / "run.json"
    words = ["harden", "waves", str(tmp_path / "hosts"), "--run", str(file), "--reach", "sh {host}"]
    words += ["--only", "rare_modules"]
    assert run(words) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "next: apply; nothing was changed" in said
    assert not file.exists()
    assert "nobody asks whether a host is well" in said
    file.write_text(json.dumps({"receipt": "0" * 16, "hosts": {"a": {"stand": "silent", "why": "no route"}}}))
    assert run([*words, "--tolerated", "0", "--no-put-back"]) == 0
    assert "next: halt, " in " ".join(capsys.readouterr().out.split())
    assert "halt" not in file.read_text()


def test_waves_that_are_done_say_so_in_words_and_how_it_is_taken_back(tmp_path, capsys):
    """Not a wave of no hosts, and no table without lines."""
    (tmp_path / "hosts").write_text("a\nb\nc\n")
    words = ["harden", "waves", str(tmp_path / "hosts"), "--run", str(tmp_path / "run.json"), "--apply"]
    words += ["--reach", "env ON={host} sh -c", "--program", "true"]
    assert run([*words, "--health", "true"]) == 0
    told = capsys.readouterr()
    assert told.err.split("\n")[:5] == [
        "wave 1: apply: 1 host (a)", "wave 1: judge: 1 host (a)", "wave 2: apply: 2 hosts (b, c)",
        "wave 2: judge: 2 hosts (b, c)", "done: 3 healthy",
    ]  # fmt: skip
    said = " ".join(told.out.split())
    receipt = json.loads((tmp_path / "run.json").read_text())["receipt"]
    assert f"`ringfence harden undo {receipt} --apply` on a host takes it back" in said
    assert "why" not in said
    assert "nobody asked" not in said
    assert run([*words[:4], str(tmp_path / "2.json"), *words[5:], "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["stands"], shown["asked"], shown["bad"]) == ({"healthy": 3}, [], [])


def test_waves_that_halt_name_the_hosts_and_the_way_on(tmp_path, capsys):
    (tmp_path / "hosts").write_text("a\nb\n")
    words = ["harden", "waves", str(tmp_path / "hosts"), "--run", str(tmp_path / "run.json"), "--apply"]
    words += ["--reach", "env ON={host} sh -c", "--program", "true", "--health", "echo no route >&2; false"]
    assert run(words) == 3
    told = capsys.readouterr()
    assert "halt: a is put back; 1 old, 1 put back" in told.err
    assert "no route" in told.out
    assert "a new run, with another file for --run" in " ".join(told.out.split())
