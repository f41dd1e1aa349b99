"""A look at a host tells the audit what is set there: checks that nothing decided fail, then pass once it is well."""

import json
from pathlib import Path
from typing import Any

import pytest

from ringfence.app.estates import open_estate, save_estate
from ringfence.app.harden.facts import told
from ringfence.app.harden.host import chosen
from ringfence.assess.checks import CHECK
from ringfence.assess.judge import judge, results
from ringfence.cli import run
from ringfence.errors import UsageError
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from tests.harden.trees import grown, sample

HOST = "host:gpu1"
KNOWN = (
    Fact(HOST, "has_gpu", "gpu:a"),
    Fact(HOST, "runs_software", "package:nvidia-driver"),
    Fact(HOST, "in_partition", "partition:c/p"),
    Fact("partition:c/p", "in_cluster", "cluster:c"),
    Fact("cluster:c", "asked", "slurm-conf", {"answered": True}),
)
OPEN: dict[str, Any] = {
    "/etc/hostname": "gpu1\n",
    "/proc/cmdline": "root=/dev/sda1 ro intel_iommu=off\n",
    "/proc/driver/nvidia/version": "NVRM version\n",
    "/proc/driver/nvidia/params": "RmProfilingAdminOnly: 0\nDeviceFileMode: 438\n",
    "/proc/sys/kernel/unprivileged_bpf_disabled": "0\n",
    "/etc/pam.d/sshd": "@include common-account\naccount required pam_nologin.so\n",
    "/etc/pam.d/common-account": "account required pam_unix.so\n",
    "/etc/ssh/sshd_config": "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\nHostbasedAuthentication yes\n",
}
WELL: dict[str, Any] = OPEN | {
    "/proc/cmdline": "root=/dev/sda1 ro intel_iommu=on\n",
    "/proc/driver/nvidia/params": "RmProfilingAdminOnly: 1\nDeviceFileMode: 432\n",
    "/proc/sys/kernel/unprivileged_bpf_disabled": "2\n",
    "/etc/pam.d/sshd": "@include common-account\naccount required pam_slurm_adopt.so\n",
    "/etc/ssh/sshd_config.d/10.conf": "HostbasedAuthentication no\nPermitRootLogin no\nPasswordAuthentication no\n"
    "AllowAgentForwarding no\n",
}
BY = {
    "iommu": ("RF-G19",),
    "profiling_admin": ("RF-G08",),
    "kernel_memory": ("RF-H14",),
    "job_logins": ("RF-S07",),
    "ssh_daemon": ("RF-H01", "RF-H02", "RF-H04", "RF-H05"),
}
"""Measure → the checks that its settings decide."""


def verdict(estate: Estate, check: str) -> str:
    """Of this host; "" where the check does not apply to it."""
    (judged,) = judge(estate, [CHECK[check]])
    return next((str(one.verdict) for one in results(estate, judged) if one.subject == HOST), "")


@pytest.mark.parametrize(("measure", "check"), [(name, one) for name, several in BY.items() for one in several])
def test_a_check_that_nothing_decided_fails_and_passes_by_what_was_seen(tmp_path, measure, check):
    """The second look takes the place of the first."""
    estate = estate_of(KNOWN)
    assert verdict(estate, check) in ("unknown", "")
    open_, problems = told(estate, grown(tmp_path / "open", OPEN), chosen([measure]), "")
    assert (verdict(open_, check), problems) == ("failed", [])
    well, _ = told(open_, grown(tmp_path / "well", WELL), chosen([measure]), "")
    assert verdict(well, check) == "passed"
    again, _ = told(well, tmp_path / "open", chosen([measure]), HOST)
    assert sorted(map(repr, again.facts("setting"))) != sorted(map(repr, well.facts("setting")))
    assert verdict(again, check) == "failed"


def test_what_a_collector_said_before_gives_way_and_what_was_not_looked_at_stays(tmp_path):
    before = (
        *KNOWN,
        Fact(HOST, "setting", "profiling=all", {}, "hosts/gpu1/params"),
        Fact(HOST, "setting", "iommu=off"),
    )
    well, _ = told(estate_of(before), grown(tmp_path, WELL), chosen(["profiling_admin"]), "")
    assert {one.object for one in well.about(HOST, "setting")} == {
        "profiling=admin",
        "nvidia_device_mode=0660",
        "iommu=off",
    }
    assert [(one.object, one.source) for one in well.about(HOST, "asked")] == [("gpu-params", "harden check")]


@pytest.mark.parametrize(
    ("measure", "at"), [("ssh_daemon", "etc/ssh/sshd_config.d/10.conf"), ("job_logins", "etc/pam.d/common-account")]
)
def test_what_stands_behind_a_link_is_not_guessed_at(tmp_path, measure, at):
    """Nothing of the group is told, and the link is named."""
    root = grown(tmp_path / "root", WELL)
    (root / at).unlink()
    (root / at).symlink_to(tmp_path / "elsewhere")
    estate, problems = told(estate_of(KNOWN), root, chosen([measure]), "")
    assert [one.file for one in problems] == [f"/{at}"]
    assert not list(estate.about(HOST, "setting"))
    assert all(verdict(estate, check) in ("unknown", "") for check in BY[measure])


def test_where_a_host_has_none_of_it_nothing_is_said(tmp_path):
    estate, problems = told(estate_of(KNOWN), grown(tmp_path, {"/etc/hostname": "gpu1\n"}), chosen(()), "")
    assert (problems, list(estate.facts("setting"))) == ([], [])


def test_the_command_saves_it_and_the_audit_reads_it(tmp_path, capsys):
    """From one file to another, or over itself."""
    root, file = grown(tmp_path / "root", OPEN), tmp_path / "c.estate"
    save_estate(estate_of(KNOWN), file)
    words = ["harden", "check", "--root", str(root), "--estate", str(file), "--only", "profiling_admin", "-o"]
    assert run([*words, str(tmp_path / "d.estate"), "--json"]) == 3
    assert json.loads(capsys.readouterr().out)[0]["name"] == "profiling_admin"
    assert verdict(open_estate(file), "RF-G08") == "unknown"
    run(["audit", "--estate", str(tmp_path / "d.estate"), "--check", "RF-G08", "--json"])
    assert HOST in capsys.readouterr().out
    assert run([*words, str(file)]) == 3
    assert verdict(open_estate(file), "RF-G08") == "failed"


def test_a_host_that_the_estate_does_not_know_is_refused(tmp_path, capsys):
    root, file = grown(tmp_path / "root", sample("umad")["tree"]), tmp_path / "c.estate"
    save_estate(estate_of(KNOWN), file)
    words = ["harden", "check", "--root", str(root), "--estate", str(file), "-o", str(file)]
    assert run(words) == 2
    assert "--host" in capsys.readouterr().err
    assert run([*words, "--host", "gpu7"]) == 2
    assert "host:gpu7 is not in this estate" in capsys.readouterr().err


def test_a_name_of_many_lines_or_bytes_is_no_host(tmp_path):
    root = Path(grown(tmp_path, {"/etc/hostname": "\x1b[2J" + "x" * 10_000}))
    with pytest.raises(UsageError, match="not in this estate") as refused:
        told(estate_of(KNOWN), root, chosen(["iommu"]), "")
    assert "\x1b" not in refused.value.what
    assert len(refused.value.what) < 1000
