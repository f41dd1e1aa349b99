"""Whatever lies where a file should be changed: never followed, never half done, and said in words that help."""

import ctypes
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ringfence.app.harden.host import Host, chosen, plan_of
from ringfence.app.harden.ledger import Ledger
from ringfence.assess.harden.plan import Plan
from ringfence.errors import EnforceError, RingfenceError
from ringfence.store.state import receipts
from tests.harden.trees import OURS, grown, picture, sample

NAMES = ("network_mounts", "rare_modules", "umad")
TARGETS = ("etc/fstab", "etc/modprobe.d/ringfence-rare.conf", "dev/infiniband/umad0", "dev/infiniband")


def hosted(root: Path) -> Host:
    return Host(root, Ledger(root / OURS / "harden").make())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three measures: a file of somebody's, one of ours in a folder, devices."""
    whole = {path: what for name in NAMES for path, what in sample(name)["tree"].items()}
    return grown(tmp_path / "root", whole)


def device(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("missing-part: root (device nodes)")
    try:
        os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(7, 250))
    except PermissionError:
        pytest.skip("missing-part: the right to make device nodes")


def link(path: Path) -> None:
    """To what is no part of the tree."""
    top = next(above for above in path.parents if (above / "victim").exists())
    path.symlink_to(top / "victim")


THINGS: dict[str, Callable[[Path], None]] = {
    "link": link,
    "pipe": os.mkfifo,
    "device": device,
    "folder": Path.mkdir,
}


def gone(path: Path) -> None:
    if path.is_dir():
        path.rename(path.with_name("moved"))
    else:
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.parametrize("where", TARGETS)
def test_another_thing_in_its_place_before_or_after_the_plan_changes_nothing_at_all(root, tmp_path, where, thing):
    """Not this place, and no other of the same plan; without it the plan still stands."""
    (tmp_path / "victim").write_text("untouched")
    plan = plan_of(root, chosen(NAMES))
    gone(root / where)
    THINGS[thing](root / where)
    before = picture(tmp_path / "root")
    with pytest.raises(EnforceError) as refused:
        list(hosted(root).apply(plan))
    assert where.rpartition("/")[2] in refused.value.what
    assert refused.value.remedy
    assert picture(tmp_path / "root") == before
    assert receipts.listed(hosted(root).ledger.database) == []
    later = plan_of(root, chosen(NAMES))
    if later.changes:
        list(hosted(root).apply(later))
        host = hosted(root)
        list(host.undo(host.to_undo()))
    assert picture(tmp_path / "root") == before
    assert (tmp_path / "victim").read_text() == "untouched"


def test_folders_that_are_missing_are_made_and_taken_away_and_a_file_in_their_place_is_not(tmp_path):
    """Several in a row."""
    root = grown(tmp_path, {"/etc/group": "root:x:0:\n", "/dev/infiniband/umad0": {"text": "", "mode": "0666"}})
    before, host = picture(root), hosted(root)
    list(host.apply(plan_of(root, chosen(["umad"]))))
    assert (root / "etc/udev/rules.d/99-ringfence-umad.rules").exists()
    list(host.undo(host.to_undo()))
    assert picture(root) == before
    (root / "etc/udev").write_text("in the way\n")
    before = picture(root)
    (found,) = plan_of(root, chosen(["umad"])).findings
    assert found.verdict == "unknown"
    if found.changes:
        list(host.apply(Plan((found,))))
        list(host.undo(host.to_undo()))
    assert picture(root) == before


def test_a_file_without_the_right_to_write_keeps_its_mode(tmp_path):
    root = grown(tmp_path, sample("network_mounts")["tree"])
    (root / "etc/fstab").chmod(0o444)
    before, host = picture(root), hosted(root)
    list(host.apply(plan_of(root, chosen(["network_mounts"]))))
    assert picture(root)["etc/fstab"][0] == before["etc/fstab"][0]
    list(host.undo(host.to_undo()))
    assert picture(root) == before


def test_a_failure_on_the_way_names_the_place_and_an_undo_gives_all_back(root):
    """The place is refused by the kernel: what was there is kept, what came before it stands until the undo."""
    plan = plan_of(root, chosen(NAMES))
    before, host = picture(root), hosted(root)
    kept = (root / "etc/fstab").read_bytes()
    done = host.apply(plan)
    next(done)  # the first is done; then somebody puts a link in the way of another
    later = next(change.path for change in plan.changes if change.path.startswith("/dev/infiniband/"))
    (root / later[1:]).rename(root / "dev/infiniband/moved")
    (root / later[1:]).symlink_to(root / "etc/fstab")
    with pytest.raises(EnforceError) as refused:
        list(done)
    assert later in refused.value.what
    assert any("undo --apply" in one for one in refused.value.left)
    assert (root / "etc/fstab").stat().st_mode & 0o777 == 0o644
    (root / later[1:]).unlink()
    (root / "dev/infiniband/moved").rename(root / later[1:])
    list(host.undo(host.to_undo()))
    assert (root / "etc/fstab").read_bytes() == kept
    assert picture(root) == before


def test_a_file_system_that_cannot_be_written_is_named_and_nothing_is_changed(tmp_path):
    """A real one: /etc of the tree is mounted read-only in a mount namespace of its own."""
    root = grown(tmp_path, sample("network_mounts")["tree"])
    before = picture(root)
    child = os.fork()
    if child == 0:
        try:
            _read_only(root / "etc")
            try:
                list(hosted(root).apply(plan_of(root, chosen(["network_mounts"]))))
            except RingfenceError as error:
                said = "Read-only file system" in error.what and "nothing was changed" in error.remedy
                os._exit(0 if said else 3)
            os._exit(4)
        except OSError:
            os._exit(77)
        finally:
            os._exit(5)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == 77:
        pytest.skip("missing-part: root (mount namespaces)")
    assert status == 0
    assert picture(root) == before


def _read_only(folder: Path) -> None:
    """In a mount namespace of this process alone. Raises `OSError`."""
    libc = ctypes.CDLL(None, use_errno=True)
    private, bind, again, read_only, new_mounts = 1 << 18, 1 << 12, 1 << 5, 1, 0x00020000
    steps = (
        lambda: libc.unshare(new_mounts),
        lambda: libc.mount(b"none", b"/", None, private | 1 << 14, None),
        lambda: libc.mount(str(folder).encode(), str(folder).encode(), None, bind, None),
        lambda: libc.mount(b"none", str(folder).encode(), None, bind | again | read_only, None),
    )
    for step in steps:
        if step() != 0:
            raise OSError(ctypes.get_errno(), "mount")
