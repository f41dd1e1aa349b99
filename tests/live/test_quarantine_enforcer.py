"""The enforcer beside the subnet manager: signed orders about a fabric, and an expiry that it holds with no server.

Real processes: order server, enforcer, opensm on a simulated fabric.
"""

import json
import math
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ringfence.app.enforcer.drivers import drivers_of
from ringfence.app.enforcer.settings import Settings, read
from ringfence.app.fence.site import enforcers_of
from ringfence.app.orders.remote import RemoteEnforcer
from ringfence.collect.ib_tables import TableReader
from ringfence.enforce.base import Enforcer, Lapsing
from ringfence.errors import EnforceError, InputError, UsageError
from ringfence.segment.model import Artefact
from ringfence.wire import contain
from ringfence.wire.contain import OnFabric, Ports, Until
from ringfence.wire.ibnet.tables import Seen
from tests.live.opensm import Running, fabric, port_guid
from tests.live.test_enforcer import Fence
from tests.live.test_ib_fence import SMALL, inventory, policy
from tests.live.test_ib_fence import Fence as Partitions
from tests.transport.parts import until

pytestmark = pytest.mark.live

ALONE = {0x7FFF: "limited"}
DAY = policy({"t0/a": range(1, 5), "t1/b": range(5, 9)}, range(14, 16))
ORDERED = """[[enforcer]]
target = "{target}"
where = "network:ib/ib0"
host = "host:ibm"
orders = "{server}"

"""


class Lab:
    """A fabric under the fence, an order server, and the enforcer of the host `ibm` beside opensm."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.fabric = folder / "fabric"
        self.fabric.mkdir()
        self.running: Running = stack.enter_context(fabric(self.fabric, SMALL))
        self.reader = stack.enter_context(TableReader(self.running.environment, str(self.fabric)))
        self.partitions = Partitions(self.running, self.reader, SMALL)
        self.partitions.follow(DAY)
        assert self.running.opensm is not None
        (self.fabric / "opensm.pid").write_text(f"{self.running.opensm.pid}\n")
        self.orders = Fence(folder, stack)
        self.orders.join("ibm")
        with (folder / "ibm" / "settings.toml").open("a") as settings:
            settings.write("look = 1\n" + self.tables())
        site = folder / "fence.toml"
        site.write_text(
            "".join(ORDERED.format(target=one, server=self.orders.home.folder) for one in ("quarantine", "ports"))
        )
        self.enforcers = enforcers_of(site, inventory(SMALL))
        self.folder = folder

    def tables(self) -> str:
        """The drivers that the enforcer has."""
        names = ("LD_PRELOAD", "IBSIM_SOCKNAME", "SIM_HOST")
        common = f'fabric = "ib0"\nmanagers = "0x{port_guid(0):x}"\nfolder = "{self.fabric}"\n'
        common += f'environment = "{" ".join(f"{one}={self.running.environment[one]}" for one in names)}"\n'
        (self.fabric / "seen.txt").write_bytes(self.running.ask("ibnetdiscover"))
        return (
            f'[[enforcer]]\ntarget = "quarantine"\n{common}file = "{self.fabric}/partitions.conf"\n'
            f'pid_file = "{self.fabric}/opensm.pid"\ntopology = "{self.fabric}/seen.txt"\n'
            f'[[enforcer]]\ntarget = "ports"\n{common}ledger = "{self.fabric}/off.json"\n'
        )

    def on(self, target: str) -> Enforcer:
        """The fabric's target, as the site file says it."""
        return self.enforcers[target, "network:ib/ib0"]

    def seen(self) -> Seen:
        """Every table."""
        return self.partitions.opensm.ports.seen()

    def alone(self, host: int) -> bool:
        """Whether a host is in quarantine, at both ends."""
        seen = self.seen()
        return seen.ends[port_guid(host)] == ALONE == seen.leaves[port_guid(host)]

    def journal(self, what: str) -> bool:
        """Whether the enforcer's own journal says so."""
        files = (self.folder / "ibm" / "journal").rglob("*")
        return any(what.encode() in file.read_bytes() for file in files if file.is_file())


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Sockets have short names in such a folder."""
    with tempfile.TemporaryDirectory(prefix="ringfence-ib-") as name, ExitStack() as stack:
        yield Lab(Path(name), stack)


def order(host: int, seconds: float = 0) -> Artefact:
    """A host in quarantine for so long."""
    end = math.ceil(time.time() + seconds) if seconds else 0
    return Artefact("quarantine", contain.encode(OnFabric((Until(f"0x{port_guid(host):016x}", end),))), ())


def test_an_order_about_a_fabric_goes_to_the_host_beside_its_manager_and_lapses_with_no_server(lab: Lab):
    """Applied and read back through the server; then the server is gone, and the port is free at its second."""
    lab.orders.start("ibm", real=True)
    quarantine, free = lab.on("quarantine"), lab.seen()
    assert isinstance(quarantine, RemoteEnforcer)
    assert (quarantine.where, quarantine.read()) == ("network:ib/ib0", "")
    wanted = order(3, 4)
    quarantine.apply(wanted)
    assert quarantine.read() == wanted.text
    assert lab.alone(3)
    lab.orders.server.kill()
    lab.orders.server.wait(10)
    until(lambda: lab.seen() == free, "the quarantine's end", lab.folder / "ibm.log")
    until(lambda: lab.journal("enforcer.lapsed"), "the line that says so")
    slots = lab.orders.ask("ibm", "status").status.slots
    assert [(one.target, one.state, one.error) for one in slots] == [("quarantine", "in force", "")]


def test_what_lapsed_while_the_enforcer_was_dead_is_lifted_and_not_brought_back(lab: Lab):
    """kill -9, the second passes, a new start with no server: free; what has not lapsed is still held."""
    enforcer, free = lab.orders.start("ibm", real=True), lab.seen()
    lab.on("quarantine").apply(order(3, 3))
    end = time.time() + 3
    enforcer.send_signal(signal.SIGKILL)
    enforcer.wait(10)
    lab.orders.server.kill()
    lab.orders.server.wait(10)
    until(lambda: time.time() > end, "the second")
    assert lab.alone(3), "tables stay as they are while nobody looks"
    again = lab.orders.start("ibm", wait=False, real=True)
    until(lambda: lab.seen() == free, "the quarantine's end", lab.folder / "ibm.log")
    again.terminate()
    again.wait(10)
    lab.orders.start("ibm", wait=False, real=True)
    until(lambda: _answers(lab), "the enforcer", lab.folder / "ibm.log")
    assert lab.seen() == free


def _answers(lab: Lab) -> bool:
    try:
        return bool(lab.orders.ask("ibm", "status").status.slots)
    except UsageError:
        return False


def test_who_edits_the_file_by_hand_does_not_let_a_port_out(lab: Lab):
    """The site's tools write their own file over ours: it becomes the base, and the quarantine is over it again."""
    lab.orders.start("ibm", real=True)
    quarantine = lab.on("quarantine")
    quarantine.apply(order(3))
    other = "Default=0x7fff, ipoib, defmember=limited : ALL=limited, SELF=full;\nall=0x8001 : ALL=full;\n"
    lab.running.apply(other)
    until(lambda: lab.alone(3), "the quarantine over the new base", lab.folder / "ibm.log")
    assert lab.partitions.opensm.read() == other
    quarantine.apply(Artefact("quarantine", "", ()))
    assert lab.partitions.seat.text() == other


def test_a_refusal_and_a_hard_cut_come_back_through_the_server(lab: Lab):
    """What the driver beside the manager says is what the server's side is told."""
    lab.orders.start("ibm", real=True)
    with pytest.raises(EnforceError, match="host:ibm: the port of a subnet manager cannot be in quarantine") as caught:
        lab.on("quarantine").apply(order(0))
    assert caught.value.left == (f"ibport:0x{port_guid(0):016x}",)
    off = contain.encode(Ports((f"0x{port_guid(4):016x}",)))
    lab.on("ports").apply(Artefact("ports", off, ()))
    assert lab.on("ports").read() == off
    assert lab.seen().absent == (port_guid(4),)
    lab.on("ports").restore("")
    assert lab.on("ports").read() == ""


def test_settings_that_cannot_be_are_told_with_their_table(tmp_path: Path):
    """A fabric's table without managers, with a GUID that is none, with a file that is not there."""
    good = {"target": "quarantine", "fabric": "ib0", "managers": "0x1", "file": "a b", "pid_file": "c d"}
    made = drivers_of(Settings(enforcer=(good,)))["quarantine"]("host:ibm", "")
    assert isinstance(made, Lapsing)
    assert made.due() == math.inf
    for wrong, why in (
        ({"managers": ""}, "no manager's port is named"),
        ({"managers": "gpu1"}, "fabric ib0"),
        ({"topology": str(tmp_path / "none")}, "No such file"),
        ({"file": "one"}, "1 files and 2 pid_files"),
    ):
        with pytest.raises(InputError, match=why):
            drivers_of(Settings(enforcer=(good | wrong,)))["quarantine"]("host:ibm", "")
    with pytest.raises(InputError, match="enforcer 1: quarantine takes"):
        drivers_of(Settings(enforcer=({"target": "quarantine", "fabric": "ib0"},)))
    rows = "".join(f"{name} = {json.dumps(value)}\n" for name, value in good.items())
    (tmp_path / "enforcer.toml").write_text("[[enforcer]]\n" + rows)
    assert drivers_of(read(tmp_path / "enforcer.toml")).keys() == {"quarantine"}
