"""Our export file is put in place whole, announced, and taken back where the server refuses.

The NFS server of the kernel cannot run here: `exportfs` is a fake that notes what it would have read.
"""

from pathlib import Path

import pytest

from ringfence.enforce.exports import Exports
from ringfence.errors import EnforceError, MissingPart
from ringfence.segment.model import Artefact

LINE = "/export/home 10.0.0.0/24(rw,root_squash)\n"


@pytest.fixture
def fake_exportfs(tmp_path: Path) -> Path:
    """A fake: writes the table that it was told of to `seen`, and fails as long as `refuse` exists."""
    program = tmp_path / "exportfs"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = -ra ] || exit 2\n[ -e {tmp_path}/refuse ] && {{ echo refused >&2; exit 1; }}\n'
        f"cat {tmp_path}/d/*.exports > {tmp_path}/seen 2>/dev/null || : > {tmp_path}/seen\n"
    )
    program.chmod(0o755)
    (tmp_path / "d").mkdir()
    return program


def enforcer(program: Path) -> Exports:
    return Exports("host:nfs1", program.parent / "d" / "ringfence.exports", (str(program), "-ra"))


def test_what_is_applied_is_what_the_server_reads_and_undo_brings_back_what_was(fake_exportfs: Path) -> None:
    ours, seen = enforcer(fake_exportfs), fake_exportfs.parent / "seen"
    before = ours.read()
    ours.apply(Artefact("x", LINE, ("host:nfs1",)))
    assert seen.read_text() == ours.read() == LINE
    ours.restore(before)
    assert (ours.read(), seen.read_text()) == ("", "")
    assert sorted(one.name for one in (fake_exportfs.parent / "d").iterdir()) == []


def test_where_the_server_refuses_the_old_file_is_back(fake_exportfs: Path) -> None:
    ours = enforcer(fake_exportfs)
    ours.apply(Artefact("x", LINE, ("host:nfs1",)))
    (fake_exportfs.parent / "refuse").touch()
    with pytest.raises(EnforceError, match="refused") as caught:
        ours.apply(Artefact("x", LINE.replace("rw", "ro"), ("host:nfs1",)))
    assert ours.read() == LINE
    assert "old file is back" in caught.value.left[0]


def test_a_line_that_exportfs_would_skip_is_refused_before_anything_changes(fake_exportfs: Path) -> None:
    ours = enforcer(fake_exportfs)
    with pytest.raises(EnforceError, match="line 1"):
        ours.apply(Artefact("x", "/export/home 10.0.0.1(rw\n", ("host:nfs1",)))
    assert ours.read() == ""


def test_without_an_nfs_server_nothing_stays(tmp_path: Path) -> None:
    ours = Exports("host:nfs1", tmp_path / "ringfence.exports", (str(tmp_path / "absent"),))
    with pytest.raises((EnforceError, MissingPart)):
        ours.apply(Artefact("x", LINE, ("host:nfs1",)))
    assert ours.read() == ""
