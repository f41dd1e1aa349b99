"""Quarantine on a real opensm and a simulated fabric: every adapter's and leaf port's table is read back."""

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bench.contain_ib import measure

from ringfence.enforce import ibport
from ringfence.enforce.ib_seat import LocalSeat
from ringfence.enforce.ibport import LeafPorts
from ringfence.enforce.opensm import OPEN, Opensm
from ringfence.enforce.quarantine import Quarantine
from ringfence.enforce.quarantine_overlay import masked, over
from ringfence.errors import EnforceError
from ringfence.segment.inventory import Fabric
from ringfence.segment.model import Artefact
from ringfence.segment.prove.ib import manager_tables
from ringfence.wire import contain
from ringfence.wire.contain import LONGEST, OnFabric, Until
from ringfence.wire.ibnet import partitions
from ringfence.wire.ibnet.tables import Seen
from tests.live.opensm import Running, needed, port_guid
from tests.live.quarantine_killed import killed
from tests.live.test_ib_fence import SMALL, Fence, inventory, path_exists, policy, ports, started
from tests.live.test_ib_guard import swept

pytestmark = pytest.mark.live

ALONE = {0x7FFF: "limited"}
JOBS = {"t0/a": range(1, 5), "t1/b": range(5, 9)}
DAY = policy(JOBS, range(14, 16))
NOW = 2_000_000_000

SITE = f"""# the site's own, since 2019
Default=0x7fff, ipoib, defmember=limited : ALL=limited, ALL_SWITCHES=full, SELF=full;
# storage: everyone mounts it
storage=0x8010 , mtu=4:  ALL , 0x{port_guid(15):016x}=full ;  train=0x8011, defmember=full :
\t0x{port_guid(1):x}, 0x{port_guid(2):x}, # two of the first rack
0x{port_guid(3):x} ;


backup=0x0012 : ALL_CAS=full"""
"""No writer of ours made this: comments, groups, two stanzas on a line, no end of the last one."""


def document(*hosts: int, until: int = 0) -> str:
    """Hosts' ports in quarantine."""
    return contain.encode(OnFabric(tuple(Until(f"0x{port_guid(one):016x}", until) for one in hosts)))


def artefact(text: str) -> Artefact:
    """What an order carries."""
    return Artefact("quarantine", text, ("network:ib/ib0",))


class Held:
    """A fence, and the quarantine beside it on the same fabric."""

    def __init__(self, running: Running, fence: Fence) -> None:
        self.running, self.fence, self.now = running, fence, float(NOW)
        self.driver = self.quarantine(fence.seat)

    def quarantine(self, *seats: LocalSeat, deadline: float = 10) -> Quarantine:
        """A driver as after a start: nothing is remembered but what stands in files."""
        fabric = Fabric("ib0", ("host:gpu0000",), ports([0]), ())
        environment, folder = self.running.environment, str(self.running.folder)
        return Quarantine(fabric, seats, environment, folder, deadline, lambda: self.now)

    def put(self, *hosts: int, until: int = 0) -> None:
        """These and no others."""
        self.driver.apply(artefact(document(*hosts, until=until)))

    def seen(self) -> Seen:
        """Every table."""
        return self.fence.opensm.ports.seen()

    @property
    def note(self) -> Path:
        """What is noted as held."""
        return self.running.folder / "partitions.conf.quarantine"


def less(seen: Seen, hosts: Iterable[int]) -> Seen:
    """The same tables with these hosts in quarantine."""
    guids = [port_guid(one) for one in hosts]
    return Seen(masked(seen.ends, guids), masked(seen.leaves, guids), seen.unread, seen.absent)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Held]:
    """Sixteen hosts under the fence."""
    with started(tmp_path, SMALL) as (running, reader):
        fence = Fence(running, reader, SMALL)
        fence.follow(DAY)
        found = Held(running, fence)
        yield found
        found.driver.close()


def test_a_port_in_quarantine_reaches_the_manager_and_nobody_else(site: Held):
    """Its adapter and its leaf port hold the limited default partition; all other tables are as they were."""
    before, text = site.seen(), site.fence.opensm.read()
    site.put(3)
    assert site.seen() == less(before, [3])
    assert site.driver.read() == document(3)
    assert site.driver.left == ()
    lids = {place.guid: place.lid for place in site.fence.opensm.ports.reader.places()}
    reached = {at for at in range(SMALL) if at != 3 and path_exists(site.running, lids, port_guid(3), port_guid(at))}
    assert reached == {0}
    assert oct(site.note.stat().st_mode)[-3:] == "600"
    site.put()
    assert site.seen() == before
    assert site.fence.seat.text() == text
    assert not site.note.exists()


def test_the_fence_reads_and_changes_its_own_base_while_a_quarantine_stands(site: Held):
    """Another policy is applied, the fence is undone: the port stays, and comes back as the base says then."""
    text = site.fence.opensm.read()
    site.put(3)
    assert site.fence.opensm.read() == text
    assert site.fence.follow(DAY) == [], "the fence sees nothing to do"
    assert site.fence.opensm.without(site.seen()).absent == (port_guid(3),)
    other = policy({"t0/a": range(1, 3), "t1/b": range(3, 9)}, range(14, 16))
    site.fence.follow(other)
    base = site.fence.opensm.read()
    assert site.seen().ends[port_guid(3)] == site.seen().leaves[port_guid(3)] == ALONE
    assert base != text
    site.fence.opensm.restore(text)
    assert (site.fence.opensm.read(), site.driver.read()) == (text, document(3))
    site.fence.opensm.restore(base)
    site.put()
    assert site.fence.seat.text() == base
    assert site.fence.holds(other)


def test_a_file_that_no_writer_of_ours_made_comes_back_byte_for_byte(site: Held):
    """Groups, comments, an open last stanza: its tables less the port, then its bytes and its tables."""
    for text in (SITE, SITE + ";\n"):
        assert swept(site.running, text)
        before = site.driver.read() == "" and site.seen()
        assert before.ends == manager_tables(inventory(SMALL).fabrics["ib0"], text)
        site.put(2, 5)
        assert site.seen() == less(before, [2, 5])
        site.put(2, 6)
        assert site.seen() == less(before, [2, 6])
        site.put()
        assert (site.seen(), site.fence.seat.text()) == (before, text)


def test_an_open_fabric_is_refused_and_one_that_is_opened_later_is_told(site: Held):
    """Limited beside full members is no quarantine: nothing is changed, or the result says who reaches the port."""
    site.put(3)
    site.fence.opensm.restore(OPEN)
    seen = site.seen()
    assert seen.ends[port_guid(3)] == seen.leaves[port_guid(3)] == ALONE
    assert {how for guid, held in seen.ends.items() if guid != port_guid(3) for how in held.values()} == {"full"}
    site.put(3, until=NOW + 60)
    assert len(site.driver.left) == SMALL - 2
    assert "a full member of the default partition, it reaches what is in quarantine" in site.driver.left[0]
    with pytest.raises(EnforceError, match="quarantine would cut nothing: all 13 other ports"):
        site.put(3, 4)
    assert site.driver.read() == document(3, until=NOW + 60)
    site.put()
    assert site.fence.seat.text() == OPEN


def test_full_members_of_the_default_partition_are_named(site: Held):
    """A storage host that the site made a full member there still reaches what is in quarantine."""
    assert swept(site.running, SITE + f";\nDefault=0x7fff : 0x{port_guid(15):x}=full;\n")
    site.put(3)
    assert [line.partition(":")[2].partition(":")[0] for line in site.driver.left] == [f"0x{port_guid(15):016x}"]


def test_the_managers_port_a_broken_file_and_one_that_opensm_decides_are_refused(site: Held):
    """Nothing is written in any of these cases."""
    with pytest.raises(EnforceError, match="subnet manager cannot be in quarantine"):
        site.put(0)
    for text, why in (
        ("", "everyone is with everyone"),
        ("a=0x8001 : 0xzz;\n", "bad port GUID"),
        ("a : ALL;\n", "no key"),
    ):
        site.fence.seat.path.write_text(text)
        with pytest.raises(EnforceError, match=why):
            site.put(3)
        assert (site.fence.seat.text(), site.note.exists()) == (text, False)


def test_each_port_lapses_at_its_own_second_without_being_asked(site: Held):
    """Due is the next one; what lapses is named; an order that names what has lapsed does not bring it back."""
    both_ = (*_untils({3: NOW + 10, 4: NOW + 20}),)
    before = site.seen()
    site.driver.apply(artefact(contain.encode(OnFabric(both_))))
    assert site.driver.due() == NOW + 10
    site.now = NOW + 10
    assert site.driver.lapse() == ports([3])
    assert (site.seen(), site.driver.due()) == (less(before, [4]), NOW + 20)
    site.driver.apply(artefact(contain.encode(OnFabric(both_))))
    assert site.driver.read() == document(4, until=NOW + 20)
    site.now = NOW + 20
    again = site.quarantine(site.fence.seat)
    assert again.due() <= site.now, "another process knows it too"
    assert again.lapse() == ports([4])
    again.close()
    assert (site.seen(), site.driver.due()) == (before, float("inf"))


def _untils(all_: dict[int, int]) -> Iterator[Until]:
    yield from (Until(f"0x{port_guid(host):016x}", until) for host, until in all_.items())


def test_a_clock_that_jumps_holds_nobody_for_more_than_a_day(site: Held):
    """An order from the far future is cut down, and so is one that the clock has left behind."""
    site.put(3, until=NOW + 10 * LONGEST)
    assert site.driver.due() == NOW + LONGEST
    site.now = NOW - 5 * LONGEST
    assert site.driver.due() == site.now
    assert site.driver.lapse() == ()
    assert site.driver.due() == site.now + LONGEST
    site.now += LONGEST
    assert site.driver.lapse() == ports([3])


def test_the_fence_lets_out_what_has_lapsed_when_it_puts_its_own_text(site: Held):
    """Whoever writes next writes what is so now."""
    before = site.seen()
    site.put(3, until=NOW + 10)
    assert before.ends[port_guid(3)] != ALONE
    opensm = Opensm(site.fence.fabric, (site.fence.seat,), site.fence.opensm.ports.reader, {}, clock=lambda: NOW + 11)
    text = opensm.read()
    opensm.put(text, manager_tables(opensm.fabric, text))
    assert (site.seen(), site.fence.seat.text()) == (before, text)


def test_a_manager_that_is_gone_is_told_and_the_order_is_kept(site: Held):
    """kill -9 of opensm: tables stay as they are; what was ordered is in force as soon as it is started again."""
    site.put(3)
    seen = site.seen()
    opensm = site.running.opensm
    opensm.kill()
    opensm.wait(5)
    with pytest.raises(EnforceError, match="no opensm runs") as caught:
        site.put(3, 4)
    assert caught.value.left == (str(site.fence.seat.path),)
    assert site.seen() == seen
    assert site.driver.read() == document(3), "what is read is what the ports hold"
    assert partitions.read_text(site.fence.seat.text()) == partitions.read_text(
        over(site.fence.opensm.read(), {port_guid(3), port_guid(4)}, [])
    )


def test_a_manager_that_takes_no_signal_is_told_by_the_ports_and_the_order_can_be_repeated(site: Held):
    """SIGHUP waits while opensm is stopped: the deadline names the port, then the same order holds."""
    driver = site.quarantine(site.fence.seat, deadline=0.3)
    site.running.opensm.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(EnforceError, match="do not hold what was ordered") as caught:
            driver.apply(artefact(document(3)))
    finally:
        site.running.opensm.send_signal(signal.SIGCONT)
    assert caught.value.left == (f"{ports([3])[0]}: another table",)
    site.put(3)
    assert site.driver.read() == document(3)
    driver.close()


def test_a_disk_that_is_full_changes_nothing(site: Held, tmp_path: Path):
    """A standby whose file cannot be written stops it before the first rename; the note is as it was."""
    site.put(3)
    text, note, seen = site.fence.seat.text(), site.note.read_text(), site.seen()
    gone = LocalSeat("host:gpu0002", tmp_path / "gone" / "partitions.conf", site.fence.seat.pid)
    two = site.quarantine(gone, site.fence.seat)
    with pytest.raises(EnforceError):
        two.apply(artefact(document(3, 4)))
    assert (site.fence.seat.text(), site.note.read_text(), site.seen()) == (text, note, seen)
    two.close()


class Forgetful:
    """A fake switch before a real fabric: one leaf port shows another table than it was given."""

    def __init__(self, reader: object, guid: int) -> None:
        self._reader, self._guid = reader, guid

    def __getattr__(self, name: str) -> object:
        return getattr(self._reader, name)

    def read(self, places: Iterable[object], wanted: Iterable[int] = ()) -> Seen:
        """The real tables but one."""
        seen = self._reader.read(places, wanted)
        leaves = seen.leaves | ({self._guid: {0x7FFF: "limited", 1: "full"}} if self._guid in seen.leaves else {})
        return msgspec.structs.replace(seen, leaves=leaves)


def test_a_leaf_port_that_does_not_take_it_is_named(site: Held):
    """The adapter alone is not enough: root on the host could change it."""
    reader = Forgetful(site.fence.opensm.ports.reader, port_guid(3))
    opensm = Opensm(site.fence.fabric, (site.fence.seat,), reader, {}, deadline=0.3)
    with pytest.raises(EnforceError, match="do not hold what was ordered") as caught:
        opensm.hold((Until(f"0x{port_guid(3):016x}"),))
    assert caught.value.left == (f"{ports([3])[0]}: another table",)
    site.put()
    assert site.fence.holds(DAY)


def test_a_base_that_has_outgrown_the_port_is_not_let_in(site: Held):
    """Meanwhile the site gave it 70 keys: opensm would set 64 and say nothing, so the port stays where it is."""
    site.put(3)
    base = site.fence.opensm.read()
    keys = "".join(f"more=0x{0x100 + at:04x} : 0x{port_guid(3):x};\n" for at in range(70))
    site.fence.seat.path.write_text(over(base + keys, {port_guid(3)}, map(port_guid, range(SMALL))))
    with pytest.raises(EnforceError, match="has room for 64"):
        site.put()
    assert site.driver.read() == document(3)
    site.fence.opensm.restore(base)
    site.put()
    assert site.fence.holds(DAY)


def test_a_standby_that_takes_over_keeps_the_quarantine(site: Held):
    """Both managers have the same file; the master is killed, the other one sweeps, and the tables are as they were."""
    folder = site.running.folder / "manager1"
    options = "sm_priority 0\nsminfo_polling_timeout 100\npolling_retry_number 2\nsweep_interval 1\n"
    with site.running.second_manager(1, options):
        (folder / "pid").write_text(str(_until(lambda: _pid(folder), "the standby")))
        standby = LocalSeat("host:gpu0001", folder / "partitions.conf", pid_file=folder / "pid")
        place = inventory(SMALL).fabrics["ib0"]
        pair = Fabric("ib0", ("host:gpu0000", "host:gpu0001"), ports([0, 1]), place.ports)
        reader = site.fence.opensm.ports.reader
        fence = Opensm(pair, (standby, site.fence.seat), reader, {}, deadline=20)
        base = "Default=0x7fff, ipoib, defmember=limited : ALL=limited, ALL_SWITCHES=full, SELF=full;\n"
        base += f"Default=0x7fff : 0x{port_guid(0):x}=full, 0x{port_guid(1):x}=full;\n"
        base += f"a=0x8001, defmember=full : 0x{port_guid(2):x}, 0x{port_guid(3):x}, 0x{port_guid(4):x};\n"
        fence.put(base, manager_tables(pair, base))
        driver = Quarantine(
            pair, (standby, site.fence.seat), site.running.environment, str(site.running.folder), 20, lambda: site.now
        )
        driver.apply(artefact(document(3)))
        assert standby.text() == site.fence.seat.text() != base
        assert standby.held() == site.fence.seat.held() != ""
        seen = site.seen()
        log = folder / "osm.log"
        ups = log.read_bytes().count(b"SUBNET UP")
        site.running.opensm.kill()
        site.running.opensm.wait(5)
        _until(lambda: log.read_bytes().count(b"SUBNET UP") > ups, "the standby as master")
        assert site.seen() == seen
        assert driver.read() == document(3)
        alone = Quarantine(pair, (site.fence.seat, standby), site.running.environment, str(site.running.folder))
        alone.apply(artefact(""))
        assert [line.partition(": ")[0] for line in alone.left] == ["host:gpu0000"]
        assert site.seen().ends[port_guid(3)] == {0x7FFF: "limited", 1: "full"}, "the new master has let it out"
        alone.close()
        driver.close()


def _pid(folder: Path) -> int:
    """The opensm that was given this folder's file, 0 while there is none."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if str(folder / "partitions.conf").encode() in entry.read_bytes():
                return int(entry.parent.name)
    return 0


def _until(true: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + 20
    while not (found := true()):
        assert time.monotonic() < end, what
        time.sleep(0.02)
    return found


def test_a_leaf_port_is_cut_hard_and_is_read_as_off(site: Held, tmp_path: Path):
    """Its host is gone from the fabric; switching on again is tried, and what does not come up is told."""
    fabric = Fabric("ib0", ("host:gpu0000",), ports([0]), ())
    driver = LeafPorts(fabric, tmp_path / "off.json", site.running.environment, str(tmp_path))
    off = f"0x{port_guid(3):016x}"
    driver.apply(artefact(contain.encode(contain.Ports((off,)))))
    assert contain.decode(driver.read(), contain.Ports).off == (off,)
    assert site.seen().absent == (port_guid(3),)
    again = LeafPorts(fabric, tmp_path / "off.json", site.running.environment, str(tmp_path))
    again.apply(artefact(contain.encode(contain.Ports((off,)))))
    for bad, why in ((0, "subnet manager is not switched off"), (99, "are not on network:ib/ib0")):
        with pytest.raises(EnforceError, match=why):
            again.apply(artefact(contain.encode(contain.Ports((off, f"0x{port_guid(bad):016x}")))))
    assert contain.decode(again.read(), contain.Ports).off == (off,)
    again.restore("")
    assert again.read() == ""
    assert all("it may need a hand" in line for line in again.left)
    assert not (tmp_path / "off.json").exists()
    assert ibport.OFF == "Disabled"


def test_a_kill_leaves_the_old_state_or_the_new_one(site: Held, tmp_path: Path):
    """At every twenty-third step."""
    check_kills(site, tmp_path, 23)


@pytest.mark.long
def test_a_kill_at_any_step_leaves_the_old_state_or_the_new_one(site: Held, tmp_path: Path):
    """At every one."""
    check_kills(site, tmp_path, 1)


def check_kills(site: Held, tmp_path: Path, every: int) -> None:
    """Two managers' files and notes, SIGHUP, read-back: no moment opens anything, and the order repeated holds."""
    (tmp_path / "standby").mkdir()
    standby = LocalSeat("host:gpu0001", tmp_path / "standby" / "partitions.conf", site.fence.seat.pid)
    seats = (standby, site.fence.seat)
    base = site.fence.opensm.read()
    standby.path.write_text(base)
    free, held = site.seen(), less(site.seen(), [3])
    texts = {base: free, over(base, {port_guid(3)}, map(port_guid, range(SMALL))): held}
    for hosts, wanted in (((3,), held), ((), free)):
        old = () if hosts else (3,)
        at = 0
        while killed(site.quarantine(*seats), document(*hosts), at):
            assert {seat.text() for seat in seats} <= texts.keys(), at
            assert site.seen() in (free, held), at
            after = site.quarantine(*seats)
            after.apply(artefact(document(*hosts)))
            assert site.seen() == wanted, at
            assert {seat.text() for seat in seats} == {text for text, seen in texts.items() if seen == wanted}, at
            after.apply(artefact(document(*old)))
            after.close()
            at += every
        assert at > 20
        final = site.quarantine(*seats)
        final.apply(artefact(document(*hosts)))
        final.close()


def test_the_bench_finds_every_table_as_it_should_be():
    """On a fabric too small to time."""
    needed()
    said = measure(2, 48)
    assert (said["cycles"], said["wrong_tables"]) == (2, 0)
    assert said["links"].startswith("simulated links")
