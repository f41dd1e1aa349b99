"""One detector is one file, one line of registration, one heading and one test."""

import re
from pathlib import Path

import msgspec
import pytest

from ringfence.estate.threats import THREATS
from ringfence.watch import detectors
from ringfence.watch.detector import JOINT, NODE, Detector
from ringfence.watch.detectors import DETECTORS
from ringfence.wire.ocsf.classes import CLASSES

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[2] / "docs" / "detectors.md"
names = pytest.mark.parametrize("detector", DETECTORS, ids=lambda one: one.about.name)


def test_the_four_sets_are_equal():
    """A file without registration, heading or test is found here."""
    files = {path.stem for path in Path(detectors.__file__).parent.glob("*.py")} - {"__init__"}
    headings = re.findall(r"^### (RF\.D\d\d) `(\w+)`", PAGE.read_text("utf-8"), re.M)
    tests = {path.stem.removeprefix("test_") for path in HERE.glob("test_*.py")} - {"four_sets"}
    assert files == {one.about.name for one in DETECTORS}
    assert headings == [(one.about.id, one.about.name) for one in DETECTORS]
    assert tests == files


def test_they_stand_in_the_order_of_their_ids():
    """No id twice."""
    ids = [one.about.id for one in DETECTORS]
    assert ids == sorted(set(ids))


@names
def test_what_it_says_about_itself_exists(detector: Detector):
    """Classes, threats, the stage, and where it is wrong."""
    about = detector.about
    assert about.stage in (NODE, JOINT)
    assert about.sees
    assert set(about.sees) <= set(CLASSES)
    assert about.threats
    assert set(about.threats) <= set(THREATS)
    assert about.false.endswith(".")
    assert about.meaning.endswith(".")


@names
def test_an_empty_state_is_saved_and_taken_up(detector: Detector):
    """As msgpack and as JSON."""
    state = detector.State()
    for form in (msgspec.msgpack, msgspec.json):
        assert form.decode(form.encode(state), type=detector.State) == state
