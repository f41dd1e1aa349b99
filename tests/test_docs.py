"""The reference pages are what the program would write, and every command stands in them."""

from pathlib import Path

from ringfence.app.docs import pages
from ringfence.cli import app
from ringfence.cli.reference import reference

DOCS = Path(__file__).resolve().parents[1] / "docs"


def test_the_generated_pages_are_up_to_date():
    """`make docs` would change nothing."""
    for name, content in pages().items():
        assert (DOCS / name).read_text("utf-8") == content, f"run `make docs`: {name}"
    assert (DOCS / "cli.md").read_text("utf-8") == reference(), "run `make docs`: cli.md"


def test_every_command_has_its_heading_and_an_example():
    """A command without an example is not documented."""
    page = (DOCS / "cli.md").read_text("utf-8")
    for name in app.resolved_commands():
        if not name.startswith("-"):
            assert f"`ringfence {name}`" in page or f"ringfence {name}" in page
            section = page.split(f"ringfence {name}\n")[1].split("\n## ")[0]
            assert "Example:" in section, name
