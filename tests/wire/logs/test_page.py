"""The page of forms says what there is."""

from pathlib import Path

from ringfence.collect.telemetry.listen import KINDS
from ringfence.wire.logs import FORMS, mapping

PAGE = (Path(__file__).parents[3] / "docs" / "logs.md").read_text("utf-8")


def test_every_form_has_its_row_and_every_row_its_form():
    """The names in the first table are those of the forms."""
    rows = [line.split("`")[1] for line in PAGE.split("\n## ")[0].splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted(form.name for form in FORMS)


def test_every_kind_of_listener_has_its_row():
    """As it is written on the command line."""
    assert all(f"| `{kind}:" in PAGE for kind in KINDS)


def test_the_mapping_that_the_page_shows_is_one():
    """A reader may copy it."""
    found = mapping.parse(PAGE.split("```toml\n")[1].split("```")[0].encode())
    assert found.name == "vpn"
