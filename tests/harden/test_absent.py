"""What is not there is never taken for well: a file that would say it is missing, or lies where nobody looked."""

from pathlib import Path
from typing import Any

import pytest

from ringfence.app.harden.host import chosen, plan_of
from ringfence.assess.harden.plan import Finding
from tests.harden.trees import grown, sample

GROUPS = "/sys/kernel/iommu_groups"
DMA = {f"{GROUPS}/0/type": "DMA\n", f"{GROUPS}/1/type": "DMA-FQ\n"}
ONE = {f"{GROUPS}/0/type": "DMA\n", f"{GROUPS}/1/type": "identity\n"}


def found(root: Path, measure: str, tree: dict[str, Any]) -> Finding:
    (one,) = plan_of(grown(root, tree), chosen([measure])).findings
    return one


@pytest.mark.parametrize(
    ("cmdline", "shown", "verdict", "why"),
    [
        ("ro quiet", {}, "unknown", "there is no /sys/kernel/iommu_groups"),
        ("ro quiet", DMA, "met", "all 2 are DMA"),
        ("ro quiet", ONE, "by hand", "1/type is identity"),
        ("ro quiet", {f"{GROUPS}/0/type": "unknown\n"}, "unknown", "which does not say it"),
        ("ro quiet", {f"{GROUPS}/0/name": "x\n"}, "unknown", "0 has no type"),
        ("ro intel_iommu=on", {}, "unknown", "there is no /sys/kernel/iommu_groups"),
        ("ro iommu=soft", DMA, "by hand", "not used"),
        ("ro iommu=force,soft x", {}, "by hand", "not used"),
        ("intel_iommu=off", {}, "by hand", "not used"),
        ("ro iommu=pt", {}, "by hand", "one to one"),
        ("ro intel_iommu=on iommu.passthrough=1 quiet", DMA, "by hand", "one to one"),
        ("ro iommu.passthrough=0 x.iommu=off my_iommu=pt", DMA, "met", "all 2 are DMA"),
        ("ro pcie_acs_override=downstream", DMA, "by hand", "override"),
    ],
)
def test_the_iommu_is_well_only_where_the_kernel_shows_that_it_translates(tmp_path, cmdline, shown, verdict, why):
    one = found(tmp_path, "iommu", {"/proc/cmdline": f"BOOT_IMAGE=/v {cmdline}\n", **shown})
    assert one.verdict == verdict
    assert why in " ".join(one.reasons)


def test_a_kernel_that_shows_no_group_uses_no_iommu(tmp_path):
    """An empty folder is a word; a missing one is none."""
    (tmp_path / GROUPS[1:]).mkdir(parents=True)
    one = found(tmp_path, "iommu", {"/proc/cmdline": "ro intel_iommu=on\n"})
    assert (one.verdict, "uses no IOMMU" in one.reasons[0]) == ("by hand", True)


@pytest.mark.parametrize(
    ("measure", "file"),
    [
        ("profiling_admin", "/proc/driver/nvidia/params"), ("cgroup_devices", "/etc/slurm/slurm.conf"),
        ("job_logins", "/etc/slurm/slurm.conf"), ("network_mounts", "/proc/1/mounts"),
        ("bmc_host_interface", "/proc/modules"),
    ],
)  # fmt: skip
def test_a_file_that_would_say_it_is_missing(tmp_path, measure, file):
    """With all else as it should be, it is unknown, and the file is named."""
    root = tmp_path / "root"
    tree = {path: what for path, what in sample(measure)["tree"].items() if path != file}
    one = found(root, measure, tree)
    assert one.verdict == "unknown"
    assert file in " ".join(one.reasons)


def test_of_an_empty_folder_nothing_is_said(tmp_path):
    """No measure claims that a host which nobody saw has none of it; each names what is missing."""
    plan = plan_of(tmp_path, chosen(()))
    assert {one.verdict for one in plan.findings} == {"unknown"}
    for one in plan.findings:
        assert "there is no /" in one.reasons[0]


@pytest.mark.parametrize("measure", ["ptrace", "network_paths", "kernel_memory", "planted_files", "gpu_nodes"])
def test_of_a_part_of_a_tree_without_a_kernel_no_kernel_is_judged(tmp_path, measure):
    one = found(tmp_path, measure, {"/etc/hostname": "a\n", "/usr/bin/true": ""})
    assert one.verdict == "unknown"
    assert "there is no /proc/" in one.reasons[0]
    assert one.changes == ()


def test_a_kernel_that_was_seen_and_has_no_such_setting_is_said_to_have_none(tmp_path):
    one = found(tmp_path, "ptrace", {"/proc/sys/kernel/ostype": "Linux\n"})
    assert (one.verdict, one.reasons) == ("not applicable", ("this kernel has no kernel.yama.ptrace_scope",))


def test_exports_of_other_files_count(tmp_path):
    """The NFS server reads them all."""
    well, more = "/srv 10.0.0.0/8(ro)\n", "/etc/exports.d/a.exports"
    assert found(tmp_path / "1", "nfs_exports", {"/etc/exports": well}).verdict == "met"
    assert found(tmp_path / "2", "nfs_exports", {"/etc/exports": well, more: f"# x\n{well}"}).verdict == "met"
    for index, open_ in enumerate(("/a *(rw,no_root_squash)\n", "/a 10.0.0.1(insecure)\n")):
        for tree in ({"/etc/exports": well, more: open_}, {more: open_}):
            one = found(tmp_path / f"{index}{len(tree)}x", "nfs_exports", tree)
            assert one.verdict == "by hand"


def test_a_word_in_a_comment_is_not_said(tmp_path):
    tree = sample("cgroup_devices")["tree"] | {"/etc/slurm/slurm.conf": "TaskPlugin=task/affinity # task/cgroup\n"}
    assert found(tmp_path, "cgroup_devices", tree).verdict == "by hand"


def test_the_session_of_red_hat_is_looked_at(tmp_path):
    """There sshd takes in password-auth."""
    tree = sample("job_logins")["tree"] | {"/etc/pam.d/password-auth": "-session optional pam_systemd.so\n"}
    assert found(tmp_path, "job_logins", tree).verdict == "by hand"


def test_a_part_that_a_host_does_not_have_is_named_beside_what_is_met(tmp_path):
    one = found(tmp_path, "core_dumps", {"/proc/sys/fs/suid_dumpable": "0\n"})
    assert one.reasons == ("fs.suid_dumpable is 0, but not said for the next boot",)
    tree = {f"/proc/sys/fs/protected_{name}": "1\n" for name in ("symlinks", "hardlinks", "fifos")}
    boot = "# written by Ringfence (`ringfence harden`); `ringfence harden undo` takes it back\n"
    tree |= {
        f"/etc/sysctl.d/zz-ringfence.fs.protected_{name}.conf": f"{boot}fs.protected_{name} = 1\n"
        for name in ("symlinks", "hardlinks", "fifos")
    }
    one = found(tmp_path / "more", "planted_files", tree)
    assert one.verdict == "met"
    assert "this kernel has no fs.protected_regular" in one.reasons
