"""Files below watched folders, told by the real fanotify."""

import subprocess
import sys

import pytest

from ringfence.collect.telemetry.samplers.files import Files, Watched
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.errors import MissingPart
from tests.collect.telemetry.samplers.looked import need_root, started, until

CREATE, UPDATE, DELETE, RENAME, OPEN = 1, 3, 4, 5, 14


@pytest.fixture
def folder(tmp_path):
    """A folder of weights with a folder in it."""
    need_root()
    (tmp_path / "weights" / "shards").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    return tmp_path


def shell(command, where):
    """Another process does it."""
    subprocess.run(["sh", "-c", command], cwd=where, check=True)


def test_opens_and_changes_are_told_with_who_and_what(folder):
    """In folders below too; not elsewhere, and not what the agent itself does."""
    sampler = Files(Machine("gpu0001"), [Watched(str(folder / "weights"), "model:m")])
    started(sampler)
    (folder / "weights" / "mine").write_bytes(b"")
    shell(
        "echo 12345 > weights/shards/a; echo > other/b; mv weights/shards/a weights/c; cat weights/c; rm weights/c",
        folder,
    )
    found = until(sampler, lambda told: any(one.activity_id == DELETE for one in told))
    told = [(one.activity_id, str(one.fields["file.path"]).removeprefix(str(folder))) for one in found]
    a, c = "/weights/shards/a", "/weights/c"
    assert told == [(CREATE, a), (OPEN, a), (UPDATE, a), (RENAME, a), (OPEN, c), (DELETE, c)]
    assert {one.fields["file.data"] for one in found} == {"model:m"}
    assert found[3].fields["file_result.path"] == str(folder / "weights" / "c")
    assert all(isinstance(one.fields["actor.process.pid"], int) for one in found)
    sampler.close()


def test_a_folder_that_is_made_later_is_watched_too(folder):
    """Its making is told to the sampler, which marks it."""
    sampler = Files(Machine("gpu0001"), [Watched(str(folder / "weights"), "model:m")])
    started(sampler)
    shell("mkdir weights/new", folder)
    list(sampler.look())
    shell("echo > weights/new/z", folder)
    found = until(sampler, lambda told: any(one.activity_id == UPDATE for one in told))
    assert {one.fields["file.name"] for one in found} == {"z"}
    sampler.close()


def test_a_single_file_is_watched_without_its_neighbours(folder):
    """A key, for example, and the process that reads it is named while it lives."""
    (folder / "other" / "key").write_text("secret")
    (folder / "other" / "neighbour").write_text("")
    sampler = Files(Machine("gpu0001"), [Watched(str(folder / "other" / "key"))])
    started(sampler)
    with subprocess.Popen(["sh", "-c", "exec 3< key 4< neighbour; sleep 60"], cwd=folder / "other") as reader:
        (event,) = until(sampler, lambda told: told)
        reader.kill()
    assert (event.activity_id, event.fields["file.name"], event.fields["file.size"]) == (OPEN, "key", 6)
    assert event.fields["actor.process.pid"] == reader.pid
    assert event.fields["actor.user.name"] == "root"
    assert "file.data" not in event.fields
    sampler.close()


def test_nothing_to_watch_is_a_hole_with_a_remedy(folder):
    """No folder named, or none that is there."""
    for watched in ([], [Watched("/not/there", "model:m")]):
        with pytest.raises(MissingPart) as error:
            Files(Machine("gpu0001"), watched).open()
        assert error.value.remedy


def test_without_the_capability_it_is_a_hole(folder):
    """In a process of its own, which root has left without it."""
    code = (
        "from ringfence.collect.telemetry.samplers.files import Files, Watched\n"
        "from ringfence.collect.telemetry.samplers.machine import Machine\n"
        "from ringfence.errors import MissingPart\n"
        "try: Files(Machine('h'), [Watched('/tmp')]).open()\n"
        "except MissingPart as error: print(error.what, '|', error.remedy)"
    )
    without = ("setpriv", "--inh-caps=-sys_admin", "--bounding-set=-sys_admin")
    done = subprocess.run([*without, sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "CAP_SYS_ADMIN" in done.stdout
