"""Real processes: the server, three enforcers with their sockets, killed and started again; a real Slurm for `confine`.

The target is the test enforcer of `tests/transport/parts.py`; transport, keys, sockets and disks are the real ones.
"""

import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from ringfence.app import enrol
from ringfence.app.enforcer import hooks
from ringfence.app.orders.control import ControlClient
from ringfence.app.orders.home import ServerHome
from ringfence.app.orders.remote import RemoteEnforcer
from ringfence.cli import run
from ringfence.collect import processes
from ringfence.enforce import confine
from ringfence.enforce.ssh import sessions
from ringfence.errors import EnforceError, UsageError
from ringfence.segment.compile import WRITERS
from ringfence.segment.compile.nftables import compile_nftables
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Allow, Artefact, Group, Policy
from ringfence.wire.hooks import Answer, Request
from tests.live.netns import Namespace
from tests.live.netns import need as need_netns
from tests.live.slurm import need, running
from tests.live.sshd import listening
from tests.segment.policies import fence as policy_of
from tests.transport.parts import TARGET, a_server, process, until

pytestmark = pytest.mark.live


class Fence:
    """A server and its nodes, as processes; each node has a folder, a socket, and a folder for the test enforcer."""

    def __init__(self, folder: Path, stack: ExitStack, inside: Sequence[str] = ()) -> None:
        self.folder, self._stack, self._inside = folder, stack, inside
        self.home: ServerHome = a_server(folder / "server")
        self.port = 0
        self.serve()
        self.client = ControlClient(folder / "server")

    def serve(self) -> "subprocess.Popen[bytes]":
        """Start the server, on the port it had before."""
        log = self.folder / "server.log"
        log.write_bytes(b"")
        where = f"127.0.0.1:{self.port}"
        argv = ("-m", "ringfence", "fence", "serve", str(self.home.folder), "--listen", where, "--heartbeat", "0.5")
        started = self._stack.enter_context(process(*argv, log=log, inside=self._inside))
        said = until(lambda: log.read_text() if "orders on" in log.read_text() else "", "the server's start")
        self.port = int(said.strip().rpartition(":")[2])
        self.server = started
        return started

    def join(self, name: str) -> None:
        """Enrol a node the way its administrator would, over the wire."""
        folder, token = self.folder / name, self.folder / f"{name}.token"
        enrol.token(self.home.folder, name, "enforcer", 5, token)
        enrol.join(f"127.0.0.1:{self.port}", token, folder)
        (folder / "settings.toml").write_text(f'socket = "{folder}/hooks.sock"\ndeadline = 0.3\n')

    def start(self, name: str, *, wait: bool = True, real: bool = False) -> "subprocess.Popen[bytes]":
        """Start a node's enforcer (the `real` one: as a user would); it is connected when this returns."""
        folder = self.folder / name
        files, settings = str(folder / "files"), str(folder / "settings.toml")
        test = ("-m", "tests.transport.enforcer_with_files", str(folder), settings, files)
        ours = ("-m", "ringfence", "enforcer", "run", "--dir", str(folder), "--settings", settings)
        log = self.folder / f"{name}.log"
        started = self._stack.enter_context(process(*(ours if real else test), log=log, inside=self._inside))
        if wait:
            until(lambda: self.connected(name), f"{name} connected", log)
        return started

    def connected(self, name: str) -> bool:
        """Whether the node's enforcer answers on its socket, and says that it is connected."""
        try:
            return self.ask(name, "status").status.connected
        except UsageError:
            return False

    def ask(self, name: str, verb: str, **more: object) -> Answer:
        """A question to the node's socket, as root."""
        return hooks.ask(self.folder / name / "hooks.sock", Request(verb, **more))

    def on(self, name: str, target: str = TARGET) -> RemoteEnforcer:
        """The node's target, driven through the server."""
        return RemoteEnforcer(target, f"host:{name}", self.home.folder, timeout=10)

    def in_force(self, name: str) -> str:
        """What is really in force there."""
        file = self.folder / name / "files" / "in-force"
        return file.read_text() if file.exists() else ""


@pytest.fixture
def fence() -> Iterator[Fence]:
    """A server without nodes, in a folder that ordinary users can pass through and sockets have short names in."""
    with tempfile.TemporaryDirectory(prefix="ringfence-fence-") as name, ExitStack() as stack:
        Path(name).chmod(0o711)
        yield Fence(Path(name), stack)


@pytest.fixture
def apart() -> Iterator[tuple[Fence, Namespace]]:
    """The same in a network of its own, whose nftables can be changed."""
    need_netns()
    host = Namespace()
    host.run("ip", "link", "set", "lo", "up")
    with tempfile.TemporaryDirectory(prefix="ringfence-fence-") as name, ExitStack() as stack:
        yield Fence(Path(name), stack, host.command()), host
    os.close(host.handle)


def rules(text: str) -> Artefact:
    """An artefact of the test target."""
    return Artefact("rules", text, ())


def test_three_nodes_apply_fail_restore_and_come_back(fence):
    """One order to all; one node fails and says so; the server restarts; a node's state is taken back."""
    names = ["gpu0001", "gpu0002", "gpu0003"]
    for name in names:
        fence.join(name)
        fence.start(name)
    until(lambda: len(fence.client.connected()) == 3, "all connected")
    hosts = [f"host:{name}" for name in names]
    (fence.folder / "gpu0002" / "files" / "fail").touch()
    found = {one.host: one.receipt.outcome for one in fence.client.send(hosts, TARGET, "apply", "rules")}
    assert found == {"host:gpu0001": "applied", "host:gpu0002": "failed", "host:gpu0003": "applied"}
    first = fence.on("gpu0001")
    before = first.read()
    assert before == "rules"
    first.apply(rules("other"))
    first.restore(before)
    assert fence.in_force("gpu0001") == "rules"
    (fence.folder / "gpu0003" / "files" / "fail").touch()
    with pytest.raises(EnforceError, match="the test wants it so") as caught:
        fence.on("gpu0003").apply(rules("more"))
    assert caught.value.left == ("half of it",)
    fence.server.terminate()
    fence.server.wait(10)
    until(lambda: not fence.connected("gpu0001"), "the loss of the server noticed")
    assert fence.ask("gpu0001", "wait-job", job="4711").verdict == "hold"
    fence.serve()
    # what had failed differs from what is desired: it is ordered anew as soon as the node is back
    until(lambda: fence.in_force("gpu0002") == "rules", "gpu0002 as desired")
    until(lambda: fence.in_force("gpu0003") == "more", "gpu0003 as desired")
    assert run(["fence", "nodes", "--dir", str(fence.home.folder)]) == 0
    assert (
        run(
            [
                "fence",
                "order",
                "host:gpu0001",
                "--dir",
                str(fence.home.folder),
                "--target",
                TARGET,
                "--action",
                "remove",
            ]
        )
        == 0
    )
    assert fence.in_force("gpu0001") == "rules", "a dry run changes nothing"


def test_an_enforcer_that_is_killed_in_the_middle_of_an_apply_completes_it(fence):
    """kill -9 between half and whole: the next start finishes, the receipt arrives, the order is not given twice."""
    fence.join("gpu0001")
    enforcer = fence.start("gpu0001")
    files = fence.folder / "gpu0001" / "files"
    (files / "pause").touch()
    with pytest.raises(EnforceError):
        list(_one(fence.client.send(["host:gpu0001"], TARGET, "apply", "the new rules", timeout=1)))
    until(lambda: (files / "applied").exists(), "the apply begun")
    assert fence.in_force("gpu0001") == "the ne"
    assert fence.ask("gpu0001", "status").status.slots[0].state == "pending"
    os.kill(enforcer.pid, signal.SIGKILL)
    enforcer.wait(10)
    (files / "pause").unlink()
    fence.start("gpu0001")
    until(lambda: fence.in_force("gpu0001") == "the new rules", "the apply completed")
    status = until(lambda: (now := fence.ask("gpu0001", "status").status).unsent == 0 and now, "the receipt taken")
    assert [slot.state for slot in status.slots] == ["in force"]


def _one(results):
    for one in results:
        if one.receipt is None:
            raise EnforceError(one.error)
        yield one


def test_a_second_enforcer_on_one_folder_or_one_host_does_not_run(fence):
    """The folder is locked; a copy of the folder is refused by the server while the first lives."""
    fence.join("gpu0001")
    fence.start("gpu0001")
    second = fence.start("gpu0001", wait=False)
    assert second.wait(20) != 0
    assert "another enforcer runs" in (fence.folder / "gpu0001.log").read_text()
    subprocess.run(["cp", "-a", str(fence.folder / "gpu0001"), str(fence.folder / "copy")], check=True)
    (fence.folder / "copy" / "settings.toml").write_text(f'socket = "{fence.folder}/copy/hooks.sock"\n')
    fence.start("copy", wait=False)
    until(lambda: "connected already" in (fence.folder / "copy.log").read_text(), "the copy refused")
    assert not fence.connected("copy")
    assert fence.connected("gpu0001")


def test_a_revoked_node_is_cut_off(fence):
    """Its connection ends at its next sign of life, and it is not let in again."""
    fence.join("gpu0001")
    fence.start("gpu0001")
    assert enrol.revoke(fence.home.folder, "gpu0001") == 1
    until(lambda: "revoked" in (fence.folder / "gpu0001.log").read_text(), "the revocation noticed")
    until(lambda: not fence.client.connected(), "the connection ended")


def test_an_offline_token_opens_a_node_that_has_lost_its_server(fence):
    """Through the socket, by root; then the node is closed again by itself."""
    fence.join("gpu0001")
    fence.start("gpu0001")
    fence.on("gpu0001").apply(rules("rules"))
    fence.server.terminate()
    fence.server.wait(10)
    token, place = fence.folder / "token", str(fence.folder / "gpu0001" / "hooks.sock")
    enrol.release_token(fence.home.folder, "gpu0001", "the server is gone", 1, 2, token)
    assert oct(token.stat().st_mode & 0o777) == "0o600"
    argv = ["enforcer", "ask", "release", "--socket", place, "--token-file", str(token)]
    assert run(argv) == 0
    assert fence.in_force("gpu0001") == ""
    assert fence.ask("gpu0001", "wait-job", job="4711").verdict == "allow"
    assert run(argv) == 1
    until(lambda: fence.in_force("gpu0001") == "rules", "the end of the release")


def test_a_real_table_of_nftables_is_ordered_comes_back_after_a_reboot_and_goes(apart):
    """From the compiled artefact to the kernel: by order, by the enforcer's own disk, and back to nothing."""
    fence, host = apart
    with host.entered():
        fence.join("gpu0001")
    settings = fence.folder / "gpu0001" / "settings.toml"
    spent = fence.folder / "gpu0001" / "spent.json"
    settings.write_text(settings.read_text() + f'[[enforcer]]\ntarget = "nftables"\nspent = "{spent}"\n')
    enforcer = fence.start("gpu0001", real=True)
    inventory = Inventory(
        addresses={"host:gpu0001": ("10.0.0.1",), "host:gpu0002": ("10.0.0.2",)},
        enforcers={"nftables": ("host:gpu0001",)},
    )
    pair = Group("pair", "gang", "a", {"ip": ("host:gpu0001", "host:gpu0002")})
    compiled = compile_nftables(Policy({"pair": pair}, (Allow("pair", "pair", "ip", "tcp/22", ""),)), inventory)
    remote = fence.on("gpu0001", "nftables")
    assert remote.read() == ""
    remote.apply(compiled.artefacts[0])
    assert "10.0.0.2" in remote.read()
    assert "10.0.0.2" in host.run("nft", "list", "table", "inet", "ringfence")
    os.kill(enforcer.pid, signal.SIGKILL)
    enforcer.wait(10)
    host.run("nft", "delete", "table", "inet", "ringfence")
    fence.start("gpu0001", real=True)
    until(lambda: "10.0.0.2" in host.run("nft", "list", "ruleset"), "the table back")
    (answer,) = fence.client.send(["host:gpu0001"], "nftables", "remove")
    assert answer.receipt.outcome == "applied", answer.receipt.error
    assert "ringfence" not in host.run("nft", "list", "ruleset")


def test_a_good_table_outlives_a_bad_order_a_reboot_and_whoever_takes_it_away(apart):
    """kill -9, the table gone, started again; then taken away and put to sleep under the running enforcer."""
    fence, host = apart
    with host.entered():
        fence.join("gpu0001")
    settings = fence.folder / "gpu0001" / "settings.toml"
    spent = fence.folder / "gpu0001" / "spent.json"
    settings.write_text(settings.read_text() + f'look = 0.2\n[[enforcer]]\ntarget = "nftables"\nspent = "{spent}"\n')
    enforcer = fence.start("gpu0001", real=True)
    place = {"host:gpu0001": ("10.0.0.1",), "host:gpu0002": ("10.0.0.2",)}
    inventory = Inventory(addresses=place, enforcers={"nftables": ("host:gpu0001",)})
    pair = Group("pair", "gang", "a", {"ip": ("host:gpu0001", "host:gpu0002")})
    compiled = compile_nftables(Policy({"pair": pair}, (Allow("pair", "pair", "ip", "tcp/22", ""),)), inventory)
    fence.on("gpu0001", "nftables").apply(compiled.artefacts[0])
    with pytest.raises(EnforceError):
        fence.on("gpu0001", "nftables").apply(Artefact("bad", "this is no table", ()))
    os.kill(enforcer.pid, signal.SIGKILL)
    enforcer.wait(10)
    host.run("nft", "delete", "table", "inet", "ringfence")
    fence.start("gpu0001", real=True)
    until(lambda: "10.0.0.2" in host.run("nft", "list", "ruleset"), "the good table back")
    said = until(lambda: "failed" in (now := fence.ask("gpu0001", "status")).why and now, "the failure told")
    assert said.status.slots[0].stands[:16] in said.why
    fence.on("gpu0001", "nftables").apply(compiled.artefacts[0])
    for change in ("delete table inet ringfence", "add table inet ringfence { flags dormant ; }"):
        seen = fence.ask("gpu0001", "status").status.mended
        host.run("nft", change)
        until(lambda seen=seen: fence.ask("gpu0001", "status").status.mended == seen + 1, "the change noticed")
        listed = host.run("nft", "list", "ruleset")
        assert "10.0.0.2" in listed
        assert "dormant" not in listed
    assert [slot.state for slot in fence.ask("gpu0001", "status").status.slots] == ["in force"]
    until(lambda: fence.client.nodes()[0].mended == 3, "the server told of each")


def test_a_session_of_one_whom_an_order_leaves_out_ends(fence):
    """A real sshd and two real logins; the order that admits only one of them ends the other."""
    with listening() as server:
        (server.folder / "pid").write_text(f"{server.pid}\n")
        fence.join("gpu0001")
        settings = fence.folder / "gpu0001" / "settings.toml"
        table = {"main": server.main, "drop_in": server.drop_in, "pid_file": server.folder / "pid"}
        lines = "".join(f'{name} = "{value}"\n' for name, value in table.items())
        settings.write_text(f'{settings.read_text()}[[enforcer]]\ntarget = "sshd"\n{lines}')
        fence.start("gpu0001", real=True)
        fence.on("gpu0001", "sshd").apply(logins("identity:root@127.0.0.2/31"))
        server.wait_until_listening()
        stays, goes = (
            subprocess.Popen(server.command("root", f"127.0.0.{at}", "cat"), stdin=subprocess.PIPE) for at in (2, 3)
        )
        try:
            until(lambda: {one.address for one in sessions(server.pid)} == {"127.0.0.2", "127.0.0.3"}, "two sessions")
            fence.on("gpu0001", "sshd").apply(logins("identity:root@127.0.0.2"))
            assert goes.wait(10) == 255
            assert stays.poll() is None
        finally:
            for one in (stays, goes):
                one.kill()
                one.wait()


def logins(member: str) -> Artefact:
    """A drop-in of sshd that admits one member."""
    policy = policy_of("login", {"a": (member,), "login": ("host:gpu0001",)}, [("a", "login", "any")])
    (only,) = WRITERS["sshd"].write(policy, Inventory(enforcers={"sshd": ("host:gpu0001",)})).artefacts
    return only


NOBODY = """
import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
for line in sys.argv[2:]:
    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(line.encode() + b"\\n")
    print(s.makefile().readline().strip())
"""


def as_nobody(place: Path, *lines: str) -> list[dict[str, object]]:
    """What the socket answers to an ordinary user."""
    done = subprocess.run(
        [sys.executable, "-c", NOBODY, str(place), *lines], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_an_ordinary_user_may_ask_for_nothing_that_is_not_theirs(fence):
    """Every verb but `confine` is refused and counted; `confine` finds no job above the caller."""
    if os.geteuid() != 0:
        pytest.skip("missing-part: root (a process becomes nobody)")
    fence.join("gpu0001")
    fence.folder.joinpath("gpu0001").chmod(0o711)
    fence.start("gpu0001")
    place = fence.folder / "gpu0001" / "hooks.sock"
    verbs = ("status", "wait-job", "remove-job", "release")
    lines = [json.dumps({"verb": verb, "job": "1"}) for verb in verbs]
    assert [one["verdict"] for one in as_nobody(place, *lines)] == ["refused"] * 4
    (answer,) = as_nobody(place, '{"verb":"confine","job":"4711"}')
    assert answer["verdict"] == "refused"
    assert "no slurmstepd stands above it" in str(answer["why"])
    assert fence.ask("gpu0001", "status").status.refused == {
        f"{verb} is for root and the Slurm user": 1 for verb in verbs
    }


def test_a_socket_takes_no_line_that_is_too_long_and_waits_for_none(fence):
    """Nonsense is answered; a connection that says nothing keeps nobody waiting."""
    fence.join("gpu0001")
    fence.start("gpu0001")
    place = str(fence.folder / "gpu0001" / "hooks.sock")
    with socket.socket(socket.AF_UNIX) as mute:
        mute.connect(place)
        for line in (b"nonsense\n", b"x" * 20_000 + b"\n", b'{"verb":"open"}\n'):
            with socket.socket(socket.AF_UNIX) as loud:
                loud.connect(place)
                loud.sendall(line)
                assert b'"refused"' in loud.makefile("rb").readline()
        assert fence.ask("gpu0001", "status").verdict == "done"


def test_a_task_of_a_real_slurm_is_moved_into_its_own_job_and_into_no_other(fence):
    """The task prolog asks, as the user; batch and srun step; another job's number and a stranger are refused."""
    need()
    root = confine.mount()
    fence.join("gpu0001")
    fence.folder.joinpath("gpu0001").chmod(0o711)
    fence.start("gpu0001")
    place = fence.folder / "gpu0001" / "hooks.sock"
    with running(nodes=2, extra="FirstJobId=74000\n") as cluster:  # control groups of jobs are this machine's
        spool = cluster.folder / "out"
        spool.mkdir()
        spool.chmod(0o777)
        ask = spool / "ask"
        # in Perl, which every Debian has and every user can run
        ask.write_text(
            "#!/usr/bin/perl\nuse IO::Socket::UNIX;\n"
            f"my $s = IO::Socket::UNIX->new(Peer => '{place}') or die $!;\n"
            'print $s qq({"verb":"confine","job":"$ARGV[0]"}\\n); print "print ", scalar <$s>;\n'
        )
        ask.chmod(0o755)
        cluster.conf.write_text(cluster.conf.read_text() + f"TaskProlog={ask}\n")
        cluster.ask("scontrol", "reconfigure")
        step = f"srun --mpi=none -n1 sh -c 'cat /proc/self/cgroup > {spool}/step'"
        script = f"cat /proc/self/cgroup > {spool}/batch; {ask} 99999 > {spool}/foreign; {step}; setsid sleep 60"
        job = cluster.submit("--uid=nobody", "--chdir=/tmp", "-w", "gpu0001", script=script)
        try:
            for name in ("batch", "foreign", "step"):
                until(lambda name=name: (spool / name).exists() and (spool / name).read_text().endswith("\n"), name)
            group = f"0::/{confine.group_of(job)}\n"
            assert group in (spool / "batch").read_text()
            assert group in (spool / "step").read_text()
            assert f"belongs to job {job}, not to 99999" in (spool / "foreign").read_text()
            assert "still in force" in fence.ask("gpu0001", "remove-job", job=job).why
        finally:
            cluster.ask("scancel", "--full", job)
            until(lambda: not _inside(root, job), "the job's end")
    assert fence.ask("gpu0001", "remove-job", job=job).verdict == "done"
    assert not (root / confine.group_of(job)).exists()
    with suppress(OSError):  # another test's jobs may be there
        (root / confine.RING).rmdir()


def _inside(root: Path, job: str) -> str:
    procs = root / confine.group_of(job) / "cgroup.procs"
    return procs.read_text() if procs.exists() else ""


FALSE_STEPPER = """
use POSIX;
POSIX::setgid(65534); POSIX::setuid(65534);
$0 = "slurmstepd: [4711.0]"; $| = 1;
my $child = fork; exec "sleep", "30" unless $child;
print "$child\\n"; <STDIN>;
"""


def test_a_program_that_calls_itself_slurmstepd_claims_no_job():
    """Its title is right; its user and its program are not."""
    if os.geteuid() != 0:
        pytest.skip("missing-part: root (a process becomes nobody)")
    need(("slurmd",))
    false = subprocess.Popen(["perl", "-e", FALSE_STEPPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child = int(false.stdout.readline())
    try:
        uid = pwd.getpwnam("nobody").pw_uid
        title = Path(f"/proc/{false.pid}/cmdline").read_bytes()
        assert title.startswith(b"slurmstepd: [4711.0]")
        assert processes.membership(child, uid, processes.installed()) == "no slurmstepd stands above it"
        assert processes.membership(child, uid + 1, processes.installed()) == "the process is gone"
    finally:
        os.kill(child, signal.SIGTERM)
        false.kill()
        false.wait(10)
