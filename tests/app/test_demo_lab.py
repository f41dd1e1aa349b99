"""What the demo shows of the lab is what the lab wrote down."""

import json
from pathlib import Path

import msgspec

from ringfence.app import demo_lab
from ringfence.app.lab.campaign import Done


def test_every_row_is_a_line_of_the_labs_results():
    """So it can be replaced by lines of another campaign."""
    kept = json.loads(Path(demo_lab.__file__).with_suffix(".json").read_text())
    lines = [msgspec.convert(one, Done) for one in kept["runs"]]
    shown = demo_lab.recorded()
    assert sorted(one.trial.share for one in lines) == sorted(one.share for one in shown.runs)
    assert shown.command.startswith("ringfence lab")
    assert shown.recorded.startswith("20")


def test_with_everything_on_little_was_gone_and_without_it_all_of_it():
    """No row was chosen against what the product says of itself."""
    for one in demo_lab.recorded().runs:
        assert one.share < 0.03 if one.cell.mode.name == "all" or one.cell.mode.budget == "on" else one.share > 0.99
        assert one.mode.startswith("fence and guard") == (one.cell.mode.name == "all")
