"""What somebody else changed after an apply: an undo shows it, leaves it, and knows two ways on."""

import json
import os
from pathlib import Path

import pytest

from ringfence.app.harden.host import Foreign, Host, chosen, plan_of
from ringfence.app.harden.ledger import Ledger
from ringfence.assess.harden.changes import Permit, Put, Run
from ringfence.cli import run
from ringfence.collect.tree import Tree
from ringfence.enforce.host import act
from ringfence.enforce.host.kept import Kept, Was
from ringfence.errors import EnforceError, UsageError
from ringfence.store.journal import check
from tests.harden.trees import OURS, grown, picture, sample

LINE = "10.0.0.1:/x /x nfs4 rw,nosuid,nodev 0 0\n"


def hosted(root: Path) -> Host:
    return Host(root, Ledger(root / OURS / "harden").make())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two measures' files, so that something else is put back beside what was edited."""
    return grown(tmp_path / "root", {**sample("network_mounts")["tree"], **sample("rare_modules")["tree"]})


def edited(root: Path) -> tuple[Host, Path]:
    """Hardened, then a line added to /etc/fstab."""
    host = hosted(root)
    list(host.apply(plan_of(root, chosen(["network_mounts", "rare_modules"]))))
    fstab = root / "etc/fstab"
    fstab.write_text(fstab.read_text() + LINE)
    return host, fstab


def journalled(host: Host) -> str:
    assert list(check(host.ledger.folder / "journal", [host.ledger.signer.verifier])) == []
    return "".join(
        file.read_text("utf-8", "replace") for file in (host.ledger.folder / "journal").rglob("*") if file.is_file()
    )


def test_an_undo_says_what_was_changed_since_and_how_to_go_on(root):
    """With both digests and the lines; everything else is put back, and apply says the same."""
    host, fstab = edited(root)
    theirs = fstab.read_bytes()
    with pytest.raises(EnforceError) as refused:
        list(host.undo(host.to_undo()))
    said = "\n".join(refused.value.left)
    assert "write /etc/fstab: somebody else changed it since: it was edited (was " in said
    assert f"+ {LINE.strip()}" in said
    assert "--keep-theirs" in refused.value.remedy
    assert "--overwrite-theirs" in refused.value.remedy
    assert fstab.read_bytes() == theirs
    assert not (root / "etc/modprobe.d/ringfence-rare.conf").exists()
    with pytest.raises(UsageError, match="somebody else changed since: write /etc/fstab") as refused_apply:
        list(host.complete())
    assert "--keep-theirs" in refused_apply.value.remedy


def test_their_change_stays_the_receipt_is_closed_and_the_journal_says_so(root):
    """And an apply is possible again."""
    host, fstab = edited(root)
    theirs = fstab.read_bytes()
    with pytest.raises(EnforceError):
        list(host.undo(host.to_undo()))
    (outcome,) = host.undo(host.to_undo(), Foreign.KEEP)
    assert (outcome.place, outcome.status) == ("write /etc/fstab", "kept")
    assert fstab.read_bytes() == theirs
    assert "harden.undo.kept_theirs" in journalled(host)
    with pytest.raises(UsageError, match="nothing to undo"):
        host.to_undo()
    assert list(host.complete()) == []
    assert [one.status for one in host.apply(plan_of(root, chosen(["rare_modules"])))]


def test_what_was_there_before_comes_back_over_their_change_and_a_copy_of_it_is_kept(root):
    before = picture(root)
    host, fstab = edited(root)
    theirs = fstab.read_bytes()
    list(host.undo(host.to_undo(), Foreign.OVERWRITE))
    assert picture(root) == before
    (copy,) = (host.ledger.folder / "theirs").iterdir()
    assert copy.read_bytes() == theirs
    assert copy.stat().st_mode & 0o777 == 0o600
    assert "harden.undo.overwrote_theirs" in journalled(host)


@pytest.mark.parametrize("what", ["link", "pipe", "folder", "gone"])
def test_another_thing_in_place_of_the_file_is_theirs_too(root, what):
    """None of them is followed, and a pipe holds nobody."""
    before = picture(root)
    host, fstab = edited(root)
    (root.parent / "victim").write_text("untouched")
    fstab.unlink()
    made = {
        "link": lambda: fstab.symlink_to(root.parent / "victim"),
        "pipe": lambda: os.mkfifo(fstab),
        "folder": fstab.mkdir,
        "gone": lambda: None,
    }
    made[what]()
    with pytest.raises(EnforceError, match="1 of"):
        list(host.undo(host.to_undo()))
    if what == "folder":  # nothing is taken away that may hold something
        with pytest.raises(EnforceError, match="1 of"):
            list(host.undo(host.to_undo(), Foreign.OVERWRITE))
        list(host.undo(host.to_undo(), Foreign.KEEP))
        assert fstab.is_dir()
    else:
        list(host.undo(host.to_undo(), Foreign.OVERWRITE))
        assert picture(root) == before
    assert (root.parent / "victim").read_text() == "untouched"


def test_a_folder_that_became_a_link_is_theirs_and_is_not_followed(root):
    host, _ = edited(root)
    elsewhere = root.parent / "elsewhere"
    (root / "etc/modprobe.d").rename(elsewhere)
    (root / "etc/modprobe.d").symlink_to(elsewhere)
    there = {one.name: one.read_bytes() for one in elsewhere.iterdir()}
    with pytest.raises(EnforceError) as refused:
        list(host.undo(host.to_undo()))
    assert "behind a link or a file on the way to it" in "\n".join(refused.value.left)
    list(host.undo(host.to_undo(), Foreign.KEEP))
    assert {one.name: one.read_bytes() for one in elsewhere.iterdir()} == there


@pytest.mark.parametrize("where", ["etc/fstab", "etc/modprobe.d"])
def test_a_link_that_is_put_there_between_plan_and_apply_is_refused(root, where):
    """Nothing is done, through the link or beside it."""
    host, plan = hosted(root), plan_of(root, chosen(["network_mounts", "rare_modules"]))
    (root / "etc/modprobe.d").mkdir(exist_ok=True)
    elsewhere = root.parent / "elsewhere"
    (root / where).rename(elsewhere)
    (root / where).symlink_to(elsewhere)
    before, there = picture(root.parent), sorted(root.rglob("*"))
    with pytest.raises(EnforceError):
        list(host.apply(plan))
    assert [one for one in sorted(root.rglob("*")) if OURS not in str(one)] == [
        one for one in there if OURS not in str(one)
    ]
    assert picture(root.parent)["elsewhere"] == before["elsewhere"]
    assert plan_of(root, chosen(["network_mounts", "rare_modules"])).findings[0].verdict in ("unknown", "differs")


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_a_pipe_or_folder_in_place_of_a_file_or_value_holds_nobody(root, kind):
    """Before the plan it is unknown; after it nothing is done."""
    host, plan = hosted(root), plan_of(root, chosen(["network_mounts"]))
    for path in (root / "etc/fstab", root / "proc/sys/a"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        os.mkfifo(path) if kind == "pipe" else path.mkdir()
    with pytest.raises(EnforceError, match="and no file"):
        list(host.apply(plan))
    assert plan_of(root, chosen(["network_mounts"])).findings[0].verdict == "unknown"
    put = Kept(Put("/proc/sys/a", "1", "0"), Was(b"0\n"))
    for act_on in (act.apply, act.restore):
        with pytest.raises(EnforceError):
            act_on(Tree(root), put)
    assert act.theirs(Tree(root), put) is not None


def test_values_modes_and_settings_of_theirs_are_told_and_can_be_overwritten(tmp_path):
    """A mode was put back over theirs without a word."""
    text = "#!/bin/sh\necho 7\n"
    tree = {"/proc/sys/a": "5\n", "/dev/umad0": {"text": "", "mode": "0604"}, "/usr/bin/nvidia-smi": text}
    root = Tree(grown(tmp_path, tree))
    group = os.getegid()
    (tmp_path / "usr/bin/nvidia-smi").chmod(0o755)
    ask = ("nvidia-smi",)
    kept = [
        Kept(Put("/proc/sys/a", "1", "0"), Was(b"0\n")),
        Kept(Permit("/dev/umad0", 0o600, group, (0o666, group)), Was(b"", 0o666, os.geteuid(), group)),
        Kept(Run("ecc", ask, ask, "1", "0", ask), Was(b"0")),
    ]
    for one in kept:
        with pytest.raises(EnforceError, match="by somebody else"):
            act.restore(root, one)
        found = act.theirs(root, one)
        assert found is not None
        assert found.now not in (found.was, found.ours)
        act.restore(root, one, found)
    assert (tmp_path / "proc/sys/a").read_text() == "0\n"
    assert (tmp_path / "dev/umad0").stat().st_mode & 0o777 == 0o666
    (tmp_path / "dev/umad0").unlink()
    gone = act.theirs(root, kept[1])
    assert gone is not None
    assert gone.what == "it is gone"


def test_the_commands_show_it_and_go_on(root, capsys):
    host, fstab = edited(root)
    at = ["--root", str(root)]
    assert run(["harden", "undo", *at, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["theirs"]
    assert found["place"] == "write /etc/fstab"
    assert found["difference"] == [f"+ {LINE.strip()}"]
    assert run(["harden", "undo", *at]) == 0
    assert "--keep-theirs" in capsys.readouterr().out
    assert run(["harden", "undo", *at, "--apply"]) == 1
    assert "--overwrite-theirs" in capsys.readouterr().err
    assert run(["harden", "undo", *at, "--apply", "--keep-theirs", "--overwrite-theirs"]) == 2
    assert run(["harden", "undo", *at, "--apply", "--keep-theirs"]) == 0
    assert "1 stay as somebody else made them" in capsys.readouterr().out
    assert LINE in fstab.read_text()
    assert run(["harden", "apply", *at, "--only", "rare_modules", "--apply"]) in (0, 3)
    assert len(host.to_undo().targets) > 0


def test_the_difference_of_long_files_is_short_and_free_of_escapes(root):
    host, fstab = edited(root)
    fstab.write_text("".join(f"\x1b[2J{number}\n" for number in range(200_000)))
    (found,) = host.theirs(host.to_undo())
    assert len(found.difference) == 11
    assert "\x1b" not in "".join(found.difference)
