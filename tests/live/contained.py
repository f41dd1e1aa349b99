"""Hosts as network namespaces, each with its real enforcer, a real order server, and a guard over them.

        incident ─▶ Responder ─▶ Act ─▶ RemoteEnforcer ─▶ `fence serve` ─▶ `enforcer run` in a namespace ─▶ nftables
                                                                             nft list ruleset ◀─ what is told

Every guard has a folder of its own; the processes and namespaces are shared by those that come one after the other.
"""

import json
import os
import signal as signals
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from ringfence.app.enforcer import hooks
from ringfence.app.fence.ledger import ORIGIN
from ringfence.app.guard.commands import Site
from ringfence.app.guard.inbox import Inbox
from ringfence.app.guard.room import Reachable, Room, reachable
from ringfence.app.guard.run import Guard, beside
from ringfence.app.guard.start import Wanted, guarding
from ringfence.app.orders.control import ControlClient
from ringfence.app.orders.home import make
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.respond.values import DO, Cut
from ringfence.store import actions
from ringfence.store.actions import Action
from ringfence.store.journal import Line, check, lines, read
from ringfence.store.saved import save
from ringfence.watch.values import Incident
from ringfence.wire.hooks import Request, Status
from tests.live.netns import Network, need, settled, v4
from tests.respond.guarded import incident, signal
from tests.transport.parts import a_node, until

ROOT = Path(__file__).resolve().parents[2]
SERVER, PORT = "10.9.0.254", 8443
TARGETS = ("contain", "flows")
NETWORK = "network:10.9.0.0/24"


def name(at: int) -> str:
    """A host's name, counted from 0."""
    return f"gpu{at + 1:02d}"


def host(at: int) -> str:
    """Its entity."""
    return f"host:{name(at)}"


def out(number: int) -> str:
    """An address outside that something is sent to."""
    return f"192.0.2.{number}"


def block(at: int, number: int) -> Cut:
    """What an incident of that host and address leads to."""
    return Cut("block", host(at), out(number))


def leak(id: str, at: int, *numbers: int, sources: Sequence[int] = (), **more: Any) -> Incident:
    """Bytes leave a host for these addresses, as it tells itself; or as `sources` do."""
    told = [
        signal(host(one), about=(host(at),), name="RF.D04", peers=tuple(map(out, numbers)), key=f"{id}{one}")
        for one in sources or (at,)
    ]
    return incident(*told, **({"id": id, "severity": 55, "confidence": 0.5} | more))


def estate(hosts: int, observed: float = 0.0) -> Estate:
    """What a survey would say; `observed` in seconds since the epoch."""
    facts = [Fact(host(at), "attached_to", NETWORK, {"address": v4(at)}, "survey", observed) for at in range(hosts)]
    return estate_of([*facts, Fact("host:fence01", "attached_to", NETWORK, {"address": SERVER}, "survey", observed)])


class Contained:
    """The running whole: `net`, the order server, an enforcer in each host."""

    def __init__(self, folder: Path, hosts: int, net: Network, stack: ExitStack) -> None:
        self.folder, self.hosts, self.net, self._stack = folder, hosts, net, stack
        self.home = folder / "server"
        self.client = ControlClient(self.home)
        self.enforcers: dict[int, subprocess.Popen[bytes]] = {}
        self._guards = 0

    def enrol(self) -> None:
        """The server's folder, and every node's."""
        home = make(self.home, "host:fence01", PORT)
        for at in range(self.hosts):
            folder = self.folder / name(at)
            a_node(home, folder, host(at), PORT)
            about = folder / "node.json"
            about.write_text(about.read_text().replace("127.0.0.1", SERVER))
            tables = "".join(f'[[enforcer]]\ntarget = "{one}"\nmemory = "{folder}/contain.json"\n' for one in TARGETS)
            (folder / "enforcer.toml").write_text(f'socket = "{self.socket(at)}"\nlook = 5\n{tables}')
        self.net.fabric.run("ip", "-batch", "-", given=f"link set lo up\naddr add {SERVER}/24 dev br0\n")

    def serve(self) -> None:
        """Start the order server; it listens when this returns."""
        (self.folder / "server.log").write_bytes(b"")
        argv = ("fence", "serve", str(self.home), "--listen", f"{SERVER}:{PORT}", "--heartbeat", "0.5")
        self.server = self._start("server", self.net.fabric, *argv)
        log = self.folder / "server.log"
        until(lambda: b"orders on" in log.read_bytes(), "the server's start", log)

    def enforce(self, *at: int) -> None:
        """Start these hosts' enforcers; connected when this returns."""
        for one in at:
            folder = self.folder / name(one)
            argv = ("enforcer", "run", "--dir", str(folder), "--settings", str(folder / "enforcer.toml"))
            self.enforcers[one] = self._start(name(one), self.net.hosts[one], *argv)
        self.connected(*at)

    def connected(self, *at: int) -> None:
        """Wait until these are."""
        wanted = {host(one) for one in at}
        until(lambda: wanted <= {one.host for one in self.client.connected()}, "enforcers connected")

    def socket(self, at: int) -> Path:
        """Of the host's enforcer."""
        return self.folder / f"{name(at)}.sock"

    def status(self, at: int) -> Status:
        """What the host's enforcer says of itself."""
        found = hooks.ask(self.socket(at), Request("status")).status
        assert found is not None
        return found

    def blocked(self, at: int) -> list[str]:
        """What the kernel of a host drops, by its own listing, sorted; as often as it is there."""
        return [one["val"] for one in elements(self.net.hosts[at].path)]

    def ends(self, at: int) -> list[int]:
        """In how many seconds each of these lapses by itself."""
        return [one["expires"] for one in elements(self.net.hosts[at].path)]

    def rulesets(self) -> list[str]:
        """All that the kernel of each host has in force."""
        return [one.run("nft", "-s", "list", "ruleset") for one in self.net.hosts]

    def clear(self) -> None:
        """Nothing is in force or wanted anywhere."""
        for target in TARGETS:
            for one in self.client.send([host(at) for at in range(self.hosts)], target, "remove", timeout=10):
                assert one.receipt is not None, one.error
        assert not any(self.rulesets())

    def guard(self, settings: str = "", folder: Path | None = None, timeout: float = 5.0) -> "Guarded":
        """A guard's folder over this cluster, `settings` in its guard.toml."""
        self._guards += 1
        return Guarded(folder or self.folder / f"guard{self._guards}", self.home, self.hosts, settings, timeout)

    def _start(self, which: str, where: Any, *argv: str) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{which}.log").open("ab") as log:
            started = subprocess.Popen(
                where.command(sys.executable, "-m", "ringfence", *argv), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        self._stack.callback(end, started)
        return started


class Guarded:
    """One guard's folder. `acting()` is a guard that runs on it; `site` is what commands are told."""

    def __init__(self, folder: Path, home: Path, hosts: int, settings: str = "", timeout: float = 5.0) -> None:
        """`home`: the order server's folder."""
        self.folder, self.file = folder, folder / "cluster.estate"
        folder.mkdir(exist_ok=True)
        self.site = Site(folder, folder / "watch", folder / "fence.toml")
        self.settings(settings)
        self.site.file.write_text(
            "".join(
                f'[[enforcer]]\ntarget = "{one}"\nwhere = "*"\norders = "{home}"\ntimeout = {timeout}\n'
                for one in TARGETS
            )
        )
        self.estate = estate(hosts, time.time())
        save(self.estate, self.file)

    def settings(self, text: str) -> None:
        """The lines of guard.toml beside the addresses that are kept."""
        (self.folder / "guard.toml").write_text(f'keep = ["{SERVER}"]\n{text}')

    def reach(self) -> Reachable:
        """The enforcers, by orders."""
        return reachable(self.site.file, self.estate)

    @contextmanager
    def acting(self, others: Reachable | None = None, again: float = 0.2, **clocks: Any) -> Iterator["Acting"]:
        """A guard that acts for the length of the block. `others`: enforcers in the place of the real ones."""
        room, over, inbox, said = Room(self.folder).make(), threading.Event(), Inbox(), list[str]()
        wanted = Wanted(self.site, self.file, apply=True)
        with guarding(room, wanted, None, said.append, others, **clocks) as made:
            guard = msgspec.structs.replace(made, again=again, look=0.05)
            with beside(guard, self.site.home, inbox, over, said.append, lambda one: None):
                yield Acting(self, guard, inbox, said)

    def rows(self, incident: str = "") -> list[Action]:
        """The queue."""
        return actions.listed(Room(self.folder).ledger.database, incident)

    def counted(self) -> dict[str, int]:
        """State → rows."""
        return actions.counted(Room(self.folder).ledger.database)

    def blocks(self, incident: str = "") -> list[Action]:
        """Its rows of blocks."""
        return [one for one in self.rows(incident) if one.verb == "block"]

    def told(self) -> list[Line]:
        """The journal, which has to be sound and to have no event twice."""
        trusted = [Room(self.folder).ledger.signer.verifier]
        assert check(self.folder / "journal", trusted, ORIGIN) == []
        found = [lines.decode(one) for one in read(self.folder / "journal", trusted, ORIGIN).entries()]
        events = [one.detail["event"] for one in found if "event" in one.detail]
        assert len(events) == len(set(events))
        return found


class Acting:
    """A guard that runs: `take` an incident, wait until it is `done`; `inbox` is where the watch puts incidents."""

    def __init__(self, guarded: Guarded, guard: Guard, inbox: Inbox, said: list[str]) -> None:
        assert guard.act is not None
        self.guarded, self.guard, self.inbox, self.said = guarded, guard, inbox, said
        self.act, self.responder = guard.act, guard.responder

    def take(self, *incidents: Incident) -> list[tuple[str, str]]:
        """(rule, verdict) of each block."""
        said = [one for each in incidents for one in self.responder.take(each).decisions]
        return [(one.rule, one.verdict) for one in said if one.cut.verb == "block"]

    def does(self, *incidents: Incident) -> None:
        """Take, and wait until every block is read back."""
        assert {verdict for _, verdict in self.take(*incidents)} == {DO}
        for one in incidents:
            self.until(actions.DONE, incident=one.id)

    def until(self, state: str, incident: str = "", seconds: float = 60.0) -> None:
        """Wait until all rows of blocks are in this state."""

        def all_are() -> bool:
            rows = self.guarded.blocks(incident)
            return bool(rows) and all(one.state == state for one in rows)

        assert settled(all_are, seconds), (self.guarded.blocks(incident), self.said)

    def undone(self, incident: str = "") -> None:
        """Take back, and wait for it."""
        self.act.undo(incident, who="alice")
        self.until(actions.UNDONE, incident=incident)


def elements(path: str) -> list[dict[str, Any]]:
    """What the kernel of a network namespace lists as blocked, sorted: `val`, and `expires` in seconds."""
    done = subprocess.run(["nsenter", f"--net={path}", "nft", "-j", "list", "ruleset"], capture_output=True, check=True)
    sets = [one["set"] for one in json.loads(done.stdout)["nftables"] if "set" in one]
    found = [each for one in sets if one["name"] == "peers4" for each in one.get("elem", ())]
    return sorted((one["elem"] if isinstance(one, dict) else {"val": one} for one in found), key=lambda one: one["val"])


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process of ours, also one that was stopped."""
    with suppress(ProcessLookupError):
        process.send_signal(signals.SIGCONT)
        process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


@contextmanager
def contained(hosts: int = 3) -> Iterator[Contained]:
    """The whole, up and idle; gone when the block ends."""
    need()
    with tempfile.TemporaryDirectory(prefix="rf-cut-") as place, ExitStack() as stack:
        net = Network(hosts)
        stack.callback(net.close)
        whole = Contained(Path(place), hosts, net, stack)
        whole.enrol()
        whole.serve()
        whole.enforce(*range(hosts))
        yield whole
