"""Those who own a folder, a file or a moment get nothing for it: links, other hands, changes meanwhile."""

import os
from pathlib import Path

import pytest

from ringfence.app.harden.host import Host, chosen, plan_of
from ringfence.app.harden.ledger import Ledger
from ringfence.assess.harden.changes import Permit, Put, Write
from ringfence.collect.tree import Tree, look
from ringfence.enforce.host import act
from ringfence.errors import EnforceError, InputError, UsageError
from ringfence.store.journal import check
from ringfence.wire.host.entry import Kind
from tests.harden.trees import OURS, grown, picture, sample

NOBODY = 65534


def hosted(root: Path) -> Host:
    return Host(root, Ledger(root / OURS / "harden").make())


def tree_of(name: str, root: Path) -> Path:
    return grown(root, sample(name)["tree"])


def need_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("missing-part: root (files are given to another account)")


def test_a_link_in_place_of_a_file_is_not_written_through(tmp_path):
    """Neither a link at the end of the way nor one on it."""
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    for number, where in enumerate(("etc/modprobe.d/x.conf", "etc/modprobe.d")):
        root = tmp_path / str(number)
        target = root / where
        target.parent.mkdir(parents=True)
        target.symlink_to(victim if where.endswith("conf") else tmp_path)
        with pytest.raises(EnforceError) as refused:
            act.before(Tree(root), Write("/etc/modprobe.d/x.conf", b"new", ""))
        assert "x.conf" in refused.value.what
    assert victim.read_text() == "untouched"
    assert not (tmp_path / "x.conf").exists()


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_folder_that_others_may_change_is_refused(tmp_path, mode):
    """Whoever can put a link there could have the write land elsewhere."""
    need_root()
    root = tree_of("container_toolkit", tmp_path)
    folder = root / "etc/nvidia-container-runtime"
    os.chown(folder, 0, NOBODY)
    folder.chmod(mode)
    before = picture(root)
    with pytest.raises(EnforceError, match="writable by others"):
        list(hosted(root).apply(plan_of(root, chosen(["container_toolkit"]))))
    assert picture(root) == before


def test_a_folder_of_another_account_is_refused(tmp_path):
    """And so is a program that another account could have put there."""
    need_root()
    root = tree_of("ecc", tmp_path)
    os.chown(root / "usr/bin/nvidia-smi", NOBODY, NOBODY)
    (found,) = plan_of(root, chosen(["ecc"])).findings
    assert found.verdict == "unknown"
    assert "owned by account" in found.reasons[0]


def test_a_file_that_changed_after_the_plan_is_left_as_it_is(tmp_path):
    """And nothing else of the plan is done either."""
    root = tree_of("container_toolkit", tmp_path)
    plan = plan_of(root, chosen(["container_toolkit"]))
    config = root / "etc/nvidia-container-runtime/config.toml"
    config.write_text("somebody = 1\n")
    with pytest.raises(EnforceError, match="changed since the plan"):
        list(hosted(root).apply(plan))
    assert config.read_text() == "somebody = 1\n"


def test_what_somebody_changed_after_the_apply_is_not_overwritten_by_an_undo(tmp_path):
    """It is named, all else is put back, and the undo can be done again when that is mended."""
    root = tree_of("kernel_memory", tmp_path)
    before, host = picture(root), hosted(root)
    list(host.apply(plan_of(root, chosen(["kernel_memory"]))))
    boot = root / "etc/sysctl.d/zz-ringfence.kernel.kptr_restrict.conf"
    ours = boot.read_text()
    boot.write_text("kernel.kptr_restrict = 2\n")
    with pytest.raises(EnforceError) as refused:
        list(host.undo(host.to_undo()))
    assert len(refused.value.left) == 1
    assert boot.read_text() == "kernel.kptr_restrict = 2\n"
    boot.write_text(ours)
    list(host.undo(host.to_undo()))
    assert picture(root) == before


def test_pipes_and_devices_are_not_opened_and_a_huge_file_is_not_swallowed(tmp_path):
    """A pipe would hold the reader for ever."""
    (tmp_path / "etc").mkdir()
    os.mkfifo(tmp_path / "etc/exports")
    with (tmp_path / "etc/fstab").open("wb") as file:
        file.truncate(1 << 30)
    seen = look(Tree(tmp_path), ["/etc/exports", "/etc/fstab"], [])
    assert seen.entries["/etc/exports"].kind is Kind.OTHER
    assert seen.entries["/etc/fstab"].kind is Kind.UNREADABLE
    verdicts = {one.name: one.verdict for one in plan_of(tmp_path, chosen(["nfs_exports", "network_mounts"])).findings}
    assert verdicts == {"nfs_exports": "unknown", "network_mounts": "unknown"}


def test_a_folder_behind_a_link_may_hold_anything_so_it_is_unknown(tmp_path):
    """Also where only a pattern names what it holds."""
    root = tree_of("mig_capabilities", tmp_path / "root")
    (root / "dev/nvidia-caps").rename(tmp_path / "elsewhere")
    (root / "dev/nvidia-caps").symlink_to(tmp_path / "elsewhere")
    assert plan_of(root, chosen(["mig_capabilities"])).findings[0].verdict == "unknown"
    root = tree_of("umad", tmp_path / "other")
    (root / "dev/infiniband").rename(tmp_path / "there")
    (root / "dev/infiniband").symlink_to(tmp_path / "there")
    assert plan_of(root, chosen(["umad"])).findings[0].verdict == "unknown"


def test_a_path_that_steps_out_of_the_root_is_a_fault():
    """Paths are ours; this is the last line."""
    with pytest.raises(InputError):
        Tree(Path("/tmp")).entry("/etc/../../x")


def test_without_the_right_to_change_it_the_error_says_what_to_do(tmp_path):
    """As an account that may read everything and write nothing."""
    need_root()
    root = tree_of("core_dumps", tmp_path)
    tmp_path.chmod(0o755)
    plan = plan_of(root, chosen(["core_dumps"]))
    for above in (tmp_path, *tmp_path.parents):
        if str(above).startswith("/tmp/"):
            above.chmod(0o755)
    child = os.fork()
    if child == 0:
        try:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            try:
                act.apply(Tree(root), act.before(Tree(root), plan.changes[0]))
            except EnforceError as error:
                os._exit(0 if "run as root" in error.remedy else 3)
            os._exit(4)
        finally:
            os._exit(5)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_an_administrator_is_never_locked_out(tmp_path):
    """Without anybody in sudo or wheel, and without a key of root's, the rule is told and not set."""
    root = tree_of("job_logins", tmp_path)
    (root / "etc/group").write_text("root:x:0:\nsudo:x:27:\n")
    (found,) = plan_of(root, chosen(["job_logins"])).findings
    assert (found.verdict, found.changes) == ("by hand", ())
    assert "lock people out" in found.reasons[-1]
    (root / "root/.ssh").mkdir(parents=True)
    (root / "root/.ssh/authorized_keys").write_text("ssh-ed25519 AAAA admin\n")
    assert plan_of(root, chosen(["job_logins"])).findings[0].changes


def test_a_configuration_that_sshd_does_not_take_changes_nothing(tmp_path):
    """`sshd -t` reads the site's own configuration behind the drop-in."""
    if not Path("/usr/sbin/sshd").exists():
        pytest.skip("missing-part: sshd (Debian package openssh-server)")
    root = tree_of("ssh_daemon", tmp_path)
    main = root / "etc/ssh/sshd_config"
    main.write_text(main.read_text() + "NoSuchWord yes\n")
    before = picture(root)
    with pytest.raises(EnforceError, match="NoSuchWord"):
        list(hosted(root).apply(plan_of(root, chosen(["ssh_daemon"]))))
    assert picture(root) == before


def test_a_module_that_pam_cannot_load_is_not_named_to_it(tmp_path):
    """PAM would refuse every login."""
    root = tree_of("job_logins", tmp_path)
    (root / "usr/lib/x86_64-linux-gnu/security/pam_access.so").unlink()
    with pytest.raises(EnforceError, match="pam_access"):
        list(hosted(root).apply(plan_of(root, chosen(["job_logins"]))))


def test_two_applies_are_undone_one_after_the_other_and_the_journal_holds(tmp_path):
    """The last first, by name too; a second one that finds nothing makes no receipt."""
    root = grown(tmp_path, {**sample("core_dumps")["tree"], **sample("ptrace")["tree"]})
    before, host = picture(root), hosted(root)
    list(host.apply(plan_of(root, chosen(["core_dumps"]))))
    first = host.to_undo()
    between = picture(root)
    assert list(host.apply(plan_of(root, chosen(["core_dumps"])))) == []
    list(host.apply(plan_of(root, chosen(["ptrace"]))))
    with pytest.raises(UsageError, match="not the last"):
        host.to_undo(first.id)
    list(host.undo(host.to_undo()))
    assert picture(root) == between
    list(host.undo(host.to_undo(first.id)))
    assert picture(root) == before
    with pytest.raises(UsageError, match="nothing to undo"):
        host.to_undo()
    assert list(check(host.ledger.folder / "journal", [host.ledger.signer.verifier])) == []


def test_extended_attributes_and_owners_come_back(tmp_path):
    """A file keeps its access list while it is changed, and gets its own back."""
    need_root()
    root = tree_of("network_mounts", tmp_path)
    fstab = root / "etc/fstab"
    os.setxattr(fstab, "user.note", b"kept")
    os.chown(fstab, NOBODY, NOBODY)
    fstab.chmod(0o640)
    before, host = picture(root), hosted(root)
    list(host.apply(plan_of(root, chosen(["network_mounts"]))))
    assert os.getxattr(fstab, "user.note") == b"kept"
    assert picture(root)["etc/fstab"][:3] == before["etc/fstab"][:3]
    list(host.undo(host.to_undo()))
    assert picture(root) == before
    assert os.getxattr(fstab, "user.note") == b"kept"


def test_a_value_or_mode_that_somebody_set_meanwhile_is_refused(tmp_path):
    """Also for what is written in place."""
    root = grown(tmp_path, {"/proc/sys/a": "5\n", "/dev/umad0": {"text": "", "mode": "0640"}})
    for change in (Put("/proc/sys/a", "1", "0"), Permit("/dev/umad0", 0o600, 0, (0o666, 0))):
        with pytest.raises(EnforceError, match="changed since"):
            act.before(Tree(root), change)
