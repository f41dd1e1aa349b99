"""What commands read is a plain file, and so long: a pipe is not waited for, a device not read to no end."""

import os
import subprocess
import sys

import pytest

from ringfence.errors import EstateError, UsageError
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.store import plain, saved

READERS = {
    "an estate": ("audit", "--estate", "{}"),
    "an earlier estate": ("audit", "--estate", "good.estate", "--before", "{}"),
    "accepted risks": ("audit", "--estate", "good.estate", "--accept", "{}"),
    "retired hosts": ("debt", "--history", "kept", "--retired", "{}"),
    "exceptions of a fence": ("fence", "plan", "--estate", "good.estate", "--overrides", "{}"),
    "the site of a fence": ("fence", "apply", "--estate", "good.estate", "--site", "{}"),
    "a salt": ("collect", "--from", "kept", "--salt-file", "{}"),
    "a list of techniques": ("threats", "--atlas", "{}"),
}
"""What is read, and the command that reads it."""


@pytest.fixture
def place(tmp_path):
    """A pipe that nobody writes to, an estate, and a folder with it."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "kept").mkdir()
    fact = Fact("host:n1", "has_gpu", "gpu:G1")
    for name in ("good.estate", "kept/2026-03-01.estate"):
        saved.save(estate_of([fact]), tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("what", READERS)
@pytest.mark.parametrize(("name", "kind"), [("pipe", "a pipe"), ("/dev/zero", "a device")])
def test_no_command_waits_for_a_pipe_or_reads_a_device(place, what, name, kind):
    """It ends at once and names the file. In a process of its own with little memory, for it would take all."""
    arguments = [one.format(name) for one in READERS[what]]
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30));"
        "from ringfence.cli import run; sys.exit(run(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=place, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode in (1, 2)
    assert name in done.stderr
    assert kind in done.stderr
    assert "Traceback" not in done.stderr


def test_a_survey_that_is_a_pipe_is_not_waited_for(place):
    """Neither where it is the one that was asked for."""
    with pytest.raises(EstateError, match="is a pipe, which is not read"):
        saved.load(place / "pipe")


def test_a_file_longer_than_its_bound_is_refused_unread(tmp_path):
    """A sparse file costs nobody anything to make."""
    long = tmp_path / "long"
    with long.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UsageError, match="more than 16 MiB"):
        plain.read(long)
    with pytest.raises(EstateError, match="not a saved estate"):
        saved.load(long)
    with long.open("r+b") as file:
        file.write(b"ARROW1")
    with pytest.raises(EstateError, match="more than 8,192 MiB"):
        saved.load(long)


def test_what_a_link_leads_to_is_read_and_other_text_named(tmp_path):
    """As it always was; a file that is not UTF-8 is not half read."""
    (tmp_path / "text").write_bytes(b"n1\n")
    (tmp_path / "link").symlink_to(tmp_path / "text")
    assert plain.text(tmp_path / "link") == "n1\n"
    (tmp_path / "text").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not UTF-8"):
        plain.text(tmp_path / "link")
    with pytest.raises(UsageError, match=r"nowhere: No such file"):
        plain.read(tmp_path / "nowhere")
