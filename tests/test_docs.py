"""The reference pages are what the program would write, every command stands in them, and the README is true."""

import shlex
import subprocess
import sys
from pathlib import Path

from ringfence.app.docs import FACT, pages
from ringfence.cli import app
from ringfence.cli.reference import reference
from ringfence.collect import ndjson
from ringfence.collect.base import CapturedFile, Scope
from ringfence.estate.facts import Fact

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
            section = page.split(f"### ringfence {name}\n")[1].split("\n### ")[0]
            assert "Example:" in section, name


def test_the_fact_that_the_page_shows_is_read_as_one():
    """And it stands on the page to which inventory.md sends."""
    assert FACT in (DOCS / "estate.md").read_text("utf-8")
    assert ndjson.recognise("facts.ndjson", FACT.encode())
    (fact,) = ndjson.collect("facts/ndjson", [CapturedFile("facts.ndjson", f"{FACT}\n".encode())], Scope())
    assert isinstance(fact, Fact)


def commands_of(page: Path) -> list[str]:
    """The lines of its `sh` blocks that call ringfence."""
    blocks = page.read_text("utf-8").split("```sh\n")[1:]
    lines = [line for block in blocks for line in block.split("```")[0].splitlines()]
    return [line for line in lines if line.startswith("ringfence ")]


def test_the_commands_of_the_readme_run_one_after_the_other(tmp_path):
    """As a newcomer would type them, in an empty folder."""
    commands = commands_of(DOCS.parent / "README.md")
    assert len(commands) >= 9
    for command in commands:
        words, _, target = command.partition(" > ")
        done = subprocess.run(
            [sys.executable, "-m", *shlex.split(words)], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 3), f"{command}: {done.stderr}"
        assert done.stdout or done.stderr, command
        if target:
            (tmp_path / target).write_text(done.stdout)
    assert (tmp_path / "report.html").stat().st_size > 50_000
