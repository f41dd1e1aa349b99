"""`ringfence portfolio`: a folder of estates, the table, the shape, the picture, and nothing of an estate in them."""

import json
import os
import stat

import pytest

from ringfence.cli import run
from ringfence.estate.estate import estate_of
from ringfence.estate.kinds import kind_of
from ringfence.store.saved import load, save
from ringfence.synth import draw, facts

FLAWS = ("no_root_squash", "privileged", "default-password", "pickle")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three generated clusters, the first one also with its plainest flaws taken away, and a file that is damaged."""
    found = tmp_path_factory.mktemp("estates")
    for seed in (1, 2, 3):
        save(estate_of(facts(draw(24, seed))), found / f"site-{seed}.estate")
    kept = [fact for fact in facts(draw(24, 1)) if fact.object not in FLAWS and "no_root_squash" not in fact.attributes]
    save(estate_of(kept), found / "site-1-mended.estate")
    (found / "damaged.estate").write_bytes(b"not an estate")
    (found / "notes.txt").write_text("left alone")
    return found


def told(capsys, *arguments):
    """(exit status, standard output) of `ringfence portfolio`."""
    status = run(["portfolio", *map(str, arguments)])
    return status, capsys.readouterr().out


def test_every_estate_is_a_row_and_a_damaged_one_is_named(folder, capsys):
    """The worst first; what could not be read gives status 3, and the rest goes on."""
    status, out = told(capsys, folder, "--json")
    said = json.loads(out)
    assert status == 3
    assert [one["file"] for one in said["unreadable"]] == ["damaged.estate"]
    assert {one["estate"] for one in said["estates"]} == {"site-1", "site-2", "site-3", "site-1-mended"}
    assert [one["covered"] for one in said["estates"]] == sorted(one["covered"] for one in said["estates"])
    assert sum(said["reliance"].values()) == 4
    assert sum(said["distribution"]["tenths"]) == 4
    for one in said["estates"]:
        parts = one["all"]
        assert parts["passed"] + parts["failed"] + parts["unknown"] == pytest.approx(parts["controls"], abs=0.01)


def test_mending_what_fails_raises_an_estate(folder, capsys):
    """The same cluster without its plainest flaws fails less and holds more."""
    rows = {one["estate"]: one for one in json.loads(told(capsys, folder, "--json")[1])["estates"]}
    assert rows["site-1-mended"]["all"]["failed"] < rows["site-1"]["all"]["failed"]
    assert rows["site-1-mended"]["covered"] > rows["site-1"]["covered"]


def test_nothing_of_an_estate_is_in_what_is_shown(folder, capsys, tmp_path):
    """No host, no account, no model: labels of files and counts. The picture is its owner's alone."""
    picture = tmp_path / "portfolio.svg"
    shown = told(capsys, folder, "--svg", picture)[1] + told(capsys, folder, "--json")[1] + picture.read_text("utf-8")
    terms = {
        part
        for term in load(folder / "site-1.estate").terms.values
        if kind_of(term)
        for part in (term, term.partition(":")[2])
        if len(part) > 6
    }
    assert len(terms) > 500
    assert not [term for term in terms if term in shown]
    assert stat.S_IMODE(picture.stat().st_mode) == 0o600


def test_the_table_names_layers_best_and_worst(folder, capsys):
    """What a person reads first."""
    out = told(capsys, folder)[1]
    assert all(layer in out for layer in ("perimeter", "identity", "fabric", "accelerator", "workflow"))
    assert "4 estates:" in out
    assert "at worst (site-" in out


def test_what_is_no_plain_file_is_named_and_never_opened(folder, tmp_path, capsys):
    """A pipe would be waited for without end."""
    os.link(folder / "site-1.estate", tmp_path / "good.estate")
    (tmp_path / "linked.estate").symlink_to(folder / "site-2.estate")
    os.mkfifo(tmp_path / "pipe.estate")
    (tmp_path / "folder.estate").mkdir()
    (tmp_path / "nowhere.estate").symlink_to(tmp_path / "gone")
    (tmp_path / "null.estate").symlink_to("/dev/null")
    status, out = told(capsys, tmp_path, "--json")
    said = json.loads(out)
    assert status == 3
    assert {one["estate"] for one in said["estates"]} == {"good", "linked"}
    assert out.count("which counts once") == 0
    named = {one["file"]: one["what"] for one in said["unreadable"]}
    assert set(named) == {"pipe.estate", "folder.estate", "nowhere.estate", "null.estate"}
    words = ("a pipe", "a folder", "leads nowhere", "a device")
    assert all(any(word in what for what in named.values()) for word in words)


def test_an_estate_under_two_names_counts_once(folder, tmp_path, capsys):
    """A link, a link to a link and a hard link beside the file itself: the file counts, the others are named."""
    os.link(folder / "site-1.estate", tmp_path / "b.estate")
    (tmp_path / "a.estate").symlink_to("b.estate")
    (tmp_path / "z.estate").symlink_to("a.estate")
    os.link(folder / "site-1.estate", tmp_path / "c.estate")
    status, out = told(capsys, tmp_path, "--json")
    said = json.loads(out)
    assert status == 3
    assert [one["estate"] for one in said["estates"]] == ["b"]
    assert [one["file"] for one in said["unreadable"]] == ["a.estate", "c.estate", "z.estate"]
    assert all(one["what"] == "the same file as b.estate, which counts once" for one in said["unreadable"])


def test_families_are_told_one_by_one(folder, capsys):
    """Three generated clusters hold most of fabric and workflow, and lack accelerator: what pools would not show."""
    said = json.loads(told(capsys, folder, "--json")[1])
    for one in said["estates"]:
        shares = {name: one["layers"][name]["share"] for name in ("fabric", "accelerator", "workflow")}
        assert set(one["lacks"]) == {name for name, share in shares.items() if share <= 0.5}
        assert one["reliance"] == "in-part"
    assert sum(one["estates"] for one in said["lacking"]) == 4
    out = told(capsys, folder)[1]
    assert "in part, lacks" in out
    assert " ".join(said["predicate"].split()) in " ".join(out.split())


def test_both_shares_are_told(folder, capsys):
    """How much of what applies is compute-aware, and how much of that is in force; and what nobody could judge."""
    for one in json.loads(told(capsys, folder, "--json")[1])["estates"]:
        assert one["meant"] == pytest.approx(one["compute_aware"]["controls"] / one["all"]["controls"], abs=1e-3)
        assert one["covered"] == pytest.approx(one["compute_aware"]["share"], abs=1e-3)
        assert one["unseen"] == pytest.approx(one["all"]["unknown"] / one["all"]["controls"], abs=1e-3)
    out = " ".join(told(capsys, folder)[1].split())
    assert "in force" in out
    assert "unknown" in out
    assert "of the controls in force" in out


def test_the_command_of_the_handbook_draws_a_picture(folder, capsys, tmp_path):
    """`-o` is short for `--svg`."""
    picture = tmp_path / "portfolio.svg"
    assert told(capsys, folder, "-o", picture)[0] == 3  # one file is damaged
    assert picture.read_text("utf-8").startswith("<svg")


def test_a_folder_without_estates_is_said(tmp_path, capsys):
    """With the command that makes one."""
    assert run(["portfolio", str(tmp_path)]) == 2
    assert "ringfence collect" in capsys.readouterr().err
