"""Hardening on real parts: a kernel's own settings in a network namespace, and a host behind a real sshd."""

import os
import stat
import sys
from pathlib import Path

import pytest

from ringfence.app.harden.waves import Settings, Waves, processes
from ringfence.assess.harden import reads
from ringfence.assess.harden.changes import Permit, Put
from ringfence.assess.harden.measures import network_paths
from ringfence.assess.harden.plan import finding
from ringfence.assess.harden.waves import Do, Rules
from ringfence.collect.tree import Tree, look
from ringfence.enforce.host import act
from ringfence.errors import EnforceError
from tests.harden.trees import grown, sample
from tests.live import netns, sshd

pytestmark = pytest.mark.live
REDIRECTS = "/proc/sys/net/ipv4/conf/all/accept_redirects"


def test_the_kernel_takes_the_settings_and_has_its_own_back():
    """In a namespace of the test's: the machine's own settings stay as they are."""
    netns.need()
    space, tree = netns.Namespace(), Tree()
    ours = Path(REDIRECTS).read_text()
    try:
        space.run("sysctl", "-qw", "net.ipv4.conf.all.accept_redirects=1", "net.ipv4.conf.all.send_redirects=1")
        with space.entered():
            before = Path(REDIRECTS).read_bytes()
            seen = look(tree, reads.paths([network_paths.MEASURE]), [])
            changes = [one for one in finding(network_paths.MEASURE, seen).changes if isinstance(one, Put)]
            assert REDIRECTS in [one.path for one in changes]
            kept = [act.before(tree, one) for one in changes]
            for one in (*kept, *kept):
                act.apply(tree, one)
        assert space.run("sysctl", "-n", "net.ipv4.conf.all.accept_redirects").strip() == "0"
        assert space.run("sysctl", "-n", "net.ipv4.conf.all.send_redirects").strip() == "0"
        assert Path(REDIRECTS).read_text() == ours
        with space.entered():
            for one in reversed(kept):
                act.restore(tree, one)
            assert Path(REDIRECTS).read_bytes() == before
    finally:
        space.close()


def test_a_value_that_the_kernel_refuses_is_told():
    """Nothing is taken for done that was not read back."""
    netns.need()
    space, tree = netns.Namespace(), Tree()
    try:
        with space.entered():
            change = Put("/proc/sys/net/ipv4/tcp_rmem", "nonsense", " ".join(Path("/proc/sys/net/ipv4/tcp_rmem").read_text().split()))  # fmt: skip  # noqa: E501
            kept = act.Kept(change, act.live.value(tree, change.path))
            with pytest.raises(EnforceError):
                act.apply(tree, kept)
    finally:
        space.close()


def test_a_real_device_gets_its_mode_and_has_it_back(tmp_path):
    """A character device of the test's own."""
    if os.geteuid() != 0:
        pytest.skip("missing-part: root (device nodes)")
    folder = tmp_path / "dev"
    folder.mkdir(mode=0o755)
    node = folder / "umad0"
    try:
        os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("missing-part: the right to make device nodes")
    node.chmod(0o666)
    tree, change = Tree(tmp_path), Permit("/dev/umad0", 0o600, 0, (0o666, 0))
    kept = act.before(tree, change)
    act.apply(tree, kept)
    assert stat.S_IMODE(node.stat().st_mode) == 0o600
    act.restore(tree, kept)
    assert stat.S_IMODE(node.stat().st_mode) == 0o666


def test_waves_go_over_a_real_ssh(tmp_path):
    """Words come through ssh and the far shell as they are meant."""
    tmp_path.chmod(0o755)
    with sshd.listening() as server:
        for host in ("a", "b"):
            grown(tmp_path / host, sample("umad")["tree"])
        call = "import sys; from ringfence.cli import run; sys.exit(run(sys.argv[1:]))"
        program = tmp_path / "ring fence"  # a name that a shell would cut in two
        program.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{call}' \"$@\" --root {tmp_path}/$ON\n")
        program.chmod(0o755)
        settings = Settings(
            (*server.command("root", "127.0.0.1"), "env", "ON={host}"), ("umad",),
            health="echo fine | grep -q fine && test $HOST = $ON && "
            f"test $(stat -c %a {tmp_path}/$ON/dev/infiniband/umad0) = 600",
            program=(str(program),),
        )  # fmt: skip
        *_, last = Waves(("a", "b"), Rules(), settings, tmp_path / "run.json", processes).run()
        assert (last.do, last.why) == (Do.DONE, "2 healthy")
        assert {stat.S_IMODE((tmp_path / one / "dev/infiniband/umad0").stat().st_mode) for one in "ab"} == {0o600}
