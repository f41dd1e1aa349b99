"""Every move fires on a parsed sample and is silent on its minimally repaired twin."""

from pathlib import Path

import pytest

from ringfence.analyse.derive import check, derive
from ringfence.analyse.moves import MOVES
from ringfence.app.survey import survey_tree
from ringfence.collect.base import Scope
from tests.shared_data import shared

SAMPLES = Path(__file__).parents[1] / "moves"
DOCUMENT = Path(__file__).parents[2] / "docs" / "moves.md"
BY_NAME = {move.name: move for move in MOVES}


def fired(tree: Path, name: str) -> int:
    """How many instances of the move the sample has."""
    estate = survey_tree(tree, Scope(cluster="sample", salt=b"sample")).estate
    return len(derive(estate, (BY_NAME[name],)))


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_the_move_fires_on_its_sample(name):
    """A capture with the misconfiguration yields the move."""
    assert fired(SAMPLES / name / "fires", name) >= 1


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_the_move_is_silent_on_the_repaired_twin(name):
    """The same capture with one thing mended does not."""
    assert (SAMPLES / name / "repaired").is_dir()
    assert fired(SAMPLES / name / "repaired", name) == 0


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_the_twin_differs_by_little(name):
    """The twin is a repair, not another capture: few files differ, by few lines."""
    fires, repaired = ({p.relative_to(t): p for p in t.rglob("*") if p.is_file()} for t in twins(name))
    changed = [path for path in fires.keys() | repaired.keys() if text(fires.get(path)) != text(repaired.get(path))]
    assert 1 <= len(changed) <= 3


def twins(name: str) -> tuple[Path, Path]:
    return SAMPLES / name / "fires", SAMPLES / name / "repaired"


def text(path: Path | None) -> bytes | None:
    return path.read_bytes() if path else None


def test_every_move_can_be_met():
    """No move names a predicate, variable or position that cannot exist."""
    check(MOVES)


def test_files_registrations_samples_and_headings_are_the_same_set():
    """One move = one file = one line of registration = one heading = one sample."""
    folder = Path(check.__code__.co_filename).parent / "moves"
    files = {path.stem for path in folder.glob("*.py") if path.stem != "__init__"}
    headings = {
        line.split("`")[1]
        for line in DOCUMENT.read_text("utf-8").splitlines()
        if line.startswith("### ") and "`" in line
    }
    assert files == set(BY_NAME) == {path.name for path in SAMPLES.iterdir() if path.is_dir()} == headings


def test_ids_are_unique_and_ordered():
    """Ids name one move each, and the registry is sorted by them."""
    ids = [move.id for move in MOVES]
    assert ids == sorted(set(ids))
    assert len(BY_NAME) == len(MOVES)


def test_there_are_the_26_moves_of_kubehound_and_40_others():
    """The breadth that the map promises."""
    theirs = [move for move in MOVES if move.id <= "RF-M026"]
    assert len(theirs) == 26
    assert all(move.aka for move in theirs)
    assert len(MOVES) - len(theirs) >= 40


def test_every_technique_id_stands_in_a_published_file():
    """ATLAS ids in ATLAS.yaml 5.6.0; ATT&CK ids there or as a tag of a SigmaHQ rule."""
    atlas = shared("atlas/ATLAS.yaml").read_text("utf-8")
    tags = "\n".join(path.read_text("utf-8", "replace") for path in shared("sigma").rglob("*.yml"))
    for move in MOVES:
        for technique in move.atlas:
            assert f"id: {technique}\n" in atlas, (move.id, technique)
        for technique in move.attack:
            assert f"id: {technique}\n" in atlas or f"attack.{technique.lower()}" in tags, (move.id, technique)


def test_every_hole_that_a_move_rests_on_is_asked_for_by_some_collector():
    """Otherwise the unknown variant of the move could never fire."""
    folder = Path(check.__code__.co_filename).parents[1] / "collect"
    source = "\n".join(path.read_text("utf-8") for path in folder.rglob("*.py"))
    holes = {atom.hole for move in MOVES for rule in move.rules for atom in rule.facts if atom.hole}
    assert {hole for hole in holes if f'"{hole}"' not in source} == set()
