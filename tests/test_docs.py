"""The reference pages are what the program would write, every command stands in them, and the README is true."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from ringfence.app.docs import FACT, pages
from ringfence.app.enforcer import settings as node_settings
from ringfence.app.enforcer.drivers import drivers_of
from ringfence.app.fence.site import enforcers_of
from ringfence.app.guard import settings as guard_settings
from ringfence.app.guard.room import TARGETS
from ringfence.cli import app
from ringfence.cli.reference import reference
from ringfence.collect import ndjson
from ringfence.collect.base import CapturedFile, Scope
from ringfence.estate.facts import Fact
from ringfence.respond import evidence
from ringfence.respond.guard import RULES
from ringfence.respond.verbs import VERBS
from ringfence.segment.inventory import Inventory

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


def rows(page: Path, head: str) -> list[list[str]]:
    """Cells of the table below the heading `head`, without its own two lines; code marks taken off."""
    section = re.split(r"\n#+ ", page.read_text("utf-8").split(f"{head}\n")[1])[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines[2:]]


RESPOND = DOCS / "design" / "respond.md"


def test_every_verb_of_containment_has_its_row_and_no_row_is_made_up():
    """Grade, order, expiry and what cannot be undone are those of the program."""
    told = {row[0]: row[3:7] for row in rows(RESPOND, "## Verbs")}
    assert told == {
        one.name: [one.grade.name.lower(), str(one.rank), "yes" if one.expires else "", one.undo or "set-equal"]
        for one in VERBS.values()
    }


def test_every_rule_of_the_guard_and_every_setting_has_its_row():
    """In the words of the program."""
    assert {row[0]: row[1].replace("`", "") for row in rows(RESPOND, "### Rules")} == {
        name: said.replace("`", "") for name, said in RULES.items()
    }
    settings = {row[0]: row[2] for row in rows(RESPOND, "### Settings: `guard.toml`")}
    assert {name: said.replace("`", "") for name, said in settings.items()} == {
        name: said.replace("`", "") for name, said in guard_settings.SETTINGS.items()
    }


def test_every_kind_of_line_in_the_journal_stands_on_its_page():
    """A reader of evidence finds what a line means."""
    page = (DOCS / "design" / "respond-evidence.md").read_text("utf-8").split("## Lines")[1].split("\n## ")[0]
    kinds = [one for one in vars(evidence).values() if isinstance(one, str) and one.startswith("respond.")]
    assert [one for one in kinds if f"`{one}`" not in page and f"`{one.removeprefix('respond.')}`" not in page] == []


def toml_of(page: Path, holding: str) -> str:
    """The first block of TOML on a page that holds some text."""
    blocks = [block.split("```")[0] for block in page.read_text("utf-8").split("```toml\n")[1:]]
    return next(block for block in blocks if holding in block)


def test_the_settings_that_the_guards_page_shows_are_taken(tmp_path):
    """By the guard, by a node's enforcer, and by the site file."""
    page = DOCS / "guard.md"
    secret = tmp_path / "pages.key"
    secret.write_text("a secret of the test, and of nothing else\n")
    secret.chmod(0o600)
    shown = toml_of(page, "keep =")
    assert "/etc/ringfence/pages.key" in shown
    (tmp_path / "guard.toml").write_text(shown.replace("/etc/ringfence/pages.key", str(secret)))
    assert guard_settings.read(tmp_path / "guard.toml").up_to == "block"
    assert guard_settings.telling(tmp_path).pages.minutes == 10
    (tmp_path / "enforcer.toml").write_text(toml_of(page, 'target = "sessions"'))
    assert set(drivers_of(node_settings.read(tmp_path / "enforcer.toml"))) == TARGETS
    (tmp_path / "fence.toml").write_text(toml_of(page, "orders ="))
    places = {("contain", "host:a"), ("quarantine", "network:ib/fabric0"), ("scheduler", "cluster:c1")}
    assert set(enforcers_of(tmp_path / "fence.toml", Inventory(), places)) == places


def named_commands(page: Path) -> Iterable[str]:
    """Every `ringfence …` of a page that is no `sh` block: of its blocks without a language, and in its text."""
    text = re.sub(r"```(toml|sh|json)\n.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for block in re.findall(r"```\n(.*?)```", text, flags=re.DOTALL):
        for line in block.splitlines():
            yield from (f"ringfence {one.strip()}" for one in line.split("#")[0].partition("ringfence ")[2:] if one)
    inline = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    yield from (one for one in re.findall(r"`([^`\n]+)`", inline) if one.startswith("ringfence "))


@pytest.mark.parametrize("page", ["guard.md", "design/respond.md", "design/respond-evidence.md", "design/lab.md"])
def test_every_command_that_these_pages_name_is_one(page):
    """With the options that it is named with. A command is named without them, too, to speak of it."""
    sections = {
        part.partition("\n")[0]: part
        for part in re.split(r"^#+ ringfence ", (DOCS / "cli.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    }
    named = [one.split(" > ")[0].split(";")[0] for one in named_commands(DOCS / page)]
    assert named
    for one in named:
        words = shlex.split(one.replace("…", "x"))[1:]
        name = next((" ".join(words[:most]) for most in (2, 1) if " ".join(words[:most]) in sections), "")
        assert name, one
        options = {word for word in words if word.startswith("-")}
        assert options <= set(re.findall(r"--?[a-z-]+", sections[name])), one
