"""A real Slurm whose jobs wait for the fence: slurmctld, N slurmd, N enforcers with nftables, order server, follower.

All slurmd share one machine and its network. So each node's enforcer has a network namespace of its own, with a
ruleset of its own, on a bridge at which the order server listens: what an enforcer orders also holds for its own
connection. Slurm's traffic and the jobs' processes stay on loopback outside; the tests look at the namespaces.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ringfence.app import enrol
from ringfence.app.enforcer import hooks as enforcer_hooks
from ringfence.app.fence import hooks
from ringfence.app.orders.control import ControlClient
from ringfence.app.orders.home import make
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.store.saved import save
from ringfence.wire.hooks import Request, Status
from tests.live.netns import Network, v4
from tests.live.slurm import Slurm, running
from tests.transport.parts import a_node, until

ROOT = Path(__file__).resolve().parents[2]
SERVER, PORT = "10.9.0.254", 8443
NETWORK = "network:10.9.0.0/24"
WHOLE = "everything is proven"
ALLOWS = 2
"""The last so many nodes' enforcers say `allow` when they hear nothing; all others `hold`."""


def name(at: int) -> str:
    """The node's name in Slurm; counted from 0 here."""
    return f"gpu{at + 1:04d}"


def estate(nodes: int, about: list[Fact]) -> Estate:
    """What a survey would say of such a cluster."""
    facts = list(about)
    for at in range(nodes):
        host = f"host:{name(at)}"
        facts += [
            Fact(host, "in_cluster", "cluster:rf"),
            Fact(host, "in_partition", "partition:rf/train"),
            Fact(host, "attached_to", NETWORK, {"address": v4(at)}),
        ]
    facts += [
        Fact("partition:rf/train", "in_cluster", "cluster:rf"),
        Fact("host:fence01", "attached_to", NETWORK, {"address": SERVER}),
    ]
    return estate_of(facts)


class Gated:
    """The running whole. `more` are facts of the estate beside those that every test needs."""

    def __init__(self, folder: Path, nodes: int, net: Network, stack: ExitStack, more: Sequence[Fact] = ()) -> None:
        self.folder, self.nodes, self.net, self._more = folder, nodes, net, more
        self._stack = stack
        self.server = folder / "server"
        self.hooks = folder / "hooks"
        self.enforcers: dict[int, subprocess.Popen[bytes]] = {}
        self.follower: subprocess.Popen[bytes] | None = None
        self.slurm: Slurm

    def enrol(self) -> None:
        """The server's folder, every node's folder, the estate that knows both."""
        home = make(self.server, "host:fence01", PORT)
        for at in range(self.nodes):
            a_node(home, self.folder / name(at), f"host:{name(at)}", PORT)
            about = self.folder / name(at) / "node.json"
            about.write_text(about.read_text().replace("127.0.0.1", SERVER))
            self.settings(at)
        save(estate(self.nodes, [*enrol.facts(self.server), *self._more]), self.folder / "now.estate")

    def settings(self, at: int) -> None:
        """One node's `enforcer.toml`."""
        answer = "allow" if at >= self.nodes - ALLOWS else "hold"
        lines = f'on_outage = "{answer}"\ndeadline = 3\nsocket = "{self.socket(at)}"\n'
        lines += f'[[enforcer]]\ntarget = "nftables"\nspent = "{self.folder / name(at)}/spent.json"\n'
        (self.folder / name(at) / "enforcer.toml").write_text(lines)

    def socket(self, at: int) -> Path:
        """The node's socket for hooks."""
        return self.folder / f"{name(at)}.sock"

    def serve(self) -> None:
        """The order server, at the bridge."""
        self.net.fabric.run("ip", "-batch", "-", given=f"link set lo up\naddr add {SERVER}/24 dev br0\n")
        argv = ("fence", "serve", str(self.server), "--listen", f"{SERVER}:{PORT}")
        self._start("server", self.net.fabric.command(sys.executable, "-m", "ringfence", *argv))
        until(lambda: "orders on" in self.log("server"), "the server's start", self.folder / "server.log")

    def enforce(self, *at: int) -> None:
        """Start these nodes' enforcers; connected when this returns."""
        for one in at:
            folder = self.folder / name(one)
            argv = ("enforcer", "run", "--dir", str(folder), "--settings", str(folder / "enforcer.toml"))
            command = self.net.hosts[one].command(sys.executable, "-m", "ringfence", *argv)
            self.enforcers[one] = self._start(name(one), command)
        hosts = {f"host:{name(one)}" for one in at}
        control = ControlClient(self.server)
        until(
            lambda: hosts <= {node.host for node in control.connected()},
            "enforcers connected",
            self.folder / f"{name(at[0])}.log",
        )

    def follow(self, *, slurm_conf: Path, every: float = 0.5, more: str = "") -> None:
        """Start the follower; it has heard from the scheduler when this returns."""
        lines = f'cluster = "rf"\nslurm_conf = "{slurm_conf}"\ndeadline = 2\nevery = {every}\ntargets = ["nftables"]\n'
        lines += f'socket = "{self.folder}/follow.sock"\n'
        (self.folder / "follow.toml").write_text(lines + more)
        before = len(self.said(WHOLE))
        argv = ("fence", "follow", str(self.server), "--estate", str(self.folder / "now.estate"))
        settings = ("--settings", str(self.folder / "follow.toml"))
        self.follower = self._start("follower", [sys.executable, "-m", "ringfence", *argv, *settings])
        until(lambda: len(self.said(WHOLE)) > before, "everything proven", self.folder / "follower.log")

    def end_follower(self) -> None:
        """Kill it: our own outage."""
        assert self.follower is not None
        self.follower.kill()
        self.follower.wait(5)

    def install(self, outage: str = "hold", deadline: float = 5, **other: str) -> None:
        """Write the hooks; `other` names a hook's file with `_` and gives it another answer to an outage."""
        sockets = (self.folder / "follow.sock", self.folder / "%n.sock")
        made = hooks.Settings(self.hooks, *sockets, Path(sys.executable).resolve(), deadline, outage)
        hooks.install(made)
        self.conf = list(hooks.conf_lines(made))
        for hook in hooks.HOOKS:
            answer = other.get(hook.file.replace("-", "_"))
            if answer:
                changed = hooks.Settings(made.folder, made.follower, made.enforcer, made.python, deadline, answer)
                (self.hooks / hook.file).write_text(hooks.text_of(hook, changed))

    def status(self, at: int) -> Status:
        """What the node's enforcer says of itself."""
        found = enforcer_hooks.ask(self.socket(at), Request("status")).status
        assert found is not None
        return found

    def rules(self, at: int) -> str:
        """Our table in the node's namespace, as nft lists it."""
        return self.net.hosts[at].run("nft", "list", "table", "inet", "ringfence")

    def peers(self, at: int) -> set[int]:
        """The nodes to which this node's rules let anything go."""
        return peers_in(self.rules(at), self.nodes) - {at}

    def log(self, which: str) -> str:
        """What a process of ours has said."""
        file = self.folder / f"{which}.log"
        return file.read_text() if file.exists() else ""

    def said(self, word: str) -> list[dict[str, object]]:
        """Lines of the follower's log that begin with a word."""
        lines = [json.loads(line) for line in self.log("follower").splitlines() if line.startswith("{")]
        return [line for line in lines if str(line.get("follow", "")).startswith(word)]

    def _start(self, which: str, argv: list[str]) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{which}.log").open("ab") as log:
            started = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        self._stack.callback(_end, started)
        return started


def peers_in(rules: str, nodes: int) -> set[int]:
    """The nodes whose addresses stand in the set of peers for anything."""
    part = rules.partition("set out_any_v4 {")[2].partition("}\n\t}")[0]
    words = part.replace(",", " ").replace("}", " ").split()
    return {at for at in range(nodes) if v4(at) in words}


def _end(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGCONT)
        process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


@contextmanager
def gated(
    nodes: int = 10, extra: str = "", more: Sequence[Fact] = (), settings: str = "", every: float = 0.5
) -> Iterator[Gated]:
    """The whole, up and idle; gone when the block ends. `extra` is added to slurm.conf, `settings` to follow.toml."""
    with tempfile.TemporaryDirectory(prefix="rf-gate-") as place, ExitStack() as stack:
        folder = Path(place)
        folder.chmod(0o755)
        net = Network(nodes)
        stack.callback(net.close)
        whole = Gated(folder, nodes, net, stack, more)
        whole.enrol()
        whole.serve()
        whole.enforce(*range(nodes))
        whole.install()
        conf = "\n".join(whole.conf) + "\n" + extra
        with running(nodes=nodes, extra=conf) as whole.slurm:
            whole.follow(slurm_conf=whole.slurm.conf, more=settings, every=every)
            yield whole


def settled(whole: Gated, job: str, state: str, seconds: float = 60) -> str:
    """Wait until a job is in a state; what squeue said."""
    return whole.slurm.wait(f"{job} {state}", "squeue", "-h", "-j", job, "-o", "%T %r", until=state, at_most=seconds)


def drained(whole: Gated) -> list[str]:
    """Nodes that Slurm takes out of use."""
    return whole.slurm.ask("sinfo", "-h", "-N", "-t", "drain", "-o", "%N").split()


def empty(whole: Gated, seconds: float = 60) -> None:
    """End every job, and wait until no host holds a job's compartment."""
    whole.slurm.ask("scancel", "--full", "-u", "root")
    until(lambda: not whole.slurm.ask("squeue", "-h").strip(), "the end of all jobs")
    end = time.monotonic() + seconds
    while any(whole.peers(at) for at in range(whole.nodes)):
        assert time.monotonic() < end, [whole.peers(at) for at in range(whole.nodes)]
        time.sleep(0.05)
