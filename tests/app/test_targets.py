"""No command writes over what it reads, over a kept estate, or twice into one file."""

import contextlib
import os

import pytest

from ringfence.cli import run
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.store import saved

PAGES = {
    "sarif over the estate": "audit --estate a.estate --sarif a.estate",
    "a page over the estate, by another name": "audit --estate a.estate --html same.estate",
    "a page over a hard link of the estate": "audit --estate a.estate --markdown hard",
    "a log over accepted risks": "audit --estate a.estate --accept accepted.toml --ocsf accepted.toml",
    "two formats into one file": "audit --estate a.estate --sarif x --ocsf ./x",
    "three formats into one file": "audit --estate a.estate --sarif x --ocsf y --markdown x",
    "findings among the advisories": "audit --estate a.estate --csaf kept --oscal kept/audit.json",
    "an earlier estate": "audit --estate a.estate --before b.estate --oscal b.estate",
    "a report over a survey": "debt --history kept --report kept/2026-01-05.estate",
    "a report as a survey to come": "debt --history kept --report kept/2026-01-06.estate",
    "a report over what was retired": "debt --history kept --retired retired.txt --report retired.txt",
    "a picture over an estate elsewhere": "portfolio kept --svg b.estate",
    "a picture into the folder, as an estate": "portfolio kept --svg kept/new.estate",
    "a map over its estate": "map a.estate -o a.estate",
    "a map over an estate elsewhere": "map a.estate -o b.estate",
    "a map in the place of a device": "map a.estate -o /dev/null",
    "a map in the place of a folder": "map a.estate -o kept",
    "a page of the threats": "threats --estate a.estate --html a.estate",
    "attack trees": "threats --estate a.estate --tree b.estate",
    "a layer": "threats --estate a.estate --layer a.estate",
    "a demo over an estate": "demo -o b.estate",
    "connections over an estate": "generate --nodes 16 --flows b.estate",
}
ESTATES = {
    "an estate over a catalogue": "advisories --estate a.estate --csaf kept --kev kev.json -o kev.json",
    "an estate over an advisory": "advisories --estate a.estate --csaf kept -o kept/bulletin.json",
    "an estate over a capture's file": "collect --from kept -o kept/bulletin.json",
    "an estate over its salt": "collect --from kept --salt-file retired.txt -o retired.txt",
    "a joined estate over one of its parts": "merge a.estate b.estate -o b.estate",
    "pseudonyms over the names": "export --estate a.estate --pseudonyms -o a.estate",
    "a proof over its exceptions": "fence prove --estate a.estate --overrides accepted.toml -o accepted.toml",
}


@pytest.fixture
def place(tmp_path):
    """Two estates, one of them by three names, a folder of surveys, and small files."""
    (tmp_path / "kept").mkdir()
    for name in ("a.estate", "b.estate", "kept/2026-01-05.estate"):
        saved.save(estate_of([Fact("host:n1", "has_gpu", f"gpu:{name}")]), tmp_path / name)
    (tmp_path / "same.estate").symlink_to("a.estate")
    os.link(tmp_path / "a.estate", tmp_path / "hard")
    for name in ("accepted.toml", "retired.txt", "kev.json", "kept/bulletin.json"):
        (tmp_path / name).write_text("00ff\n" if name == "retired.txt" else "")
    with contextlib.chdir(tmp_path):
        yield tmp_path


def everything(folder):
    return {one: (one.lstat().st_ino, one.read_bytes()) for one in folder.rglob("*") if one.is_file()}


@pytest.mark.parametrize("case", PAGES | ESTATES)
def test_what_is_read_or_kept_is_not_written_over(place, case, capsys):
    """Refused as misuse, naming the file, before anything is written."""
    before, null = everything(place), os.stat("/dev/null").st_ino
    arguments = (PAGES | ESTATES)[case].split()
    assert run(arguments) == 2
    complaint = capsys.readouterr().err
    assert arguments[-1].removeprefix("./") in complaint
    assert "nothing was written" in complaint or "one file for each" in complaint
    assert everything(place) == before
    assert os.stat("/dev/null").st_ino == null


@pytest.mark.parametrize(
    "command",
    [
        "mark host:n1 --estate a.estate",
        "mark host:n1 --estate a.estate -o a.estate",
        "mark host:n1 --estate a.estate -o b.estate",
        "merge a.estate kept/2026-01-05.estate -o b.estate",
        "generate --nodes 16 -o b.estate",
        "portfolio kept --svg kept/portfolio.svg",
        "map a.estate -o kept/page.html",
    ],
)
def test_what_is_meant_is_still_written(place, command):
    """An estate takes the place of an estate; a page lies beside surveys, and takes the place of an older page."""
    before = everything(place)
    assert run(command.split()) == 0
    assert everything(place) != before
    assert run(command.split()) == 0
