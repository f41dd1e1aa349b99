"""The fence on InfiniBand, in force on a real opensm: every adapter's and leaf port's table is read back."""

import random
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from ringfence.collect.ib_tables import TableReader
from ringfence.enforce import ibport
from ringfence.enforce.ib_seat import LocalSeat
from ringfence.enforce.ib_shadow import preflight
from ringfence.enforce.opensm import Opensm
from ringfence.errors import EnforceError
from ringfence.estate import ids
from ringfence.segment.compile.ib_steps import handed_over
from ringfence.segment.compile.partitions import TARGET, Before, Plan, plan_fabrics, tables, text
from ringfence.segment.inventory import Fabric, Inventory
from ringfence.segment.model import Allow, Group, Policy
from ringfence.segment.prove.ib import prove_tables
from ringfence.wire.ibnet import partitions
from ringfence.wire.ibnet.tables import Seen
from tests.live.opensm import Running, fabric, host_name, port_guid

pytestmark = pytest.mark.live

HOSTS, JOBS, STORAGE = 324, 41, range(316, 324)


def ports(hosts: Iterable[int]) -> tuple[str, ...]:
    """The InfiniBand ports of these hosts."""
    return tuple(sorted(ids.ibport(port_guid(index)) for index in hosts))


def policy(jobs: Mapping[str, Iterable[int]], storage: Iterable[int] = STORAGE) -> Policy:
    """Each job speaks with itself and with storage; storage with itself; nobody else with anybody."""
    groups = {"storage": Group("storage", "service", "", {"ib": ports(storage)})}
    allows = [Allow("storage", "storage", "ib", "any", "one file system")]
    for name, hosts in jobs.items():
        groups[name] = Group(name, "gang", name.partition("/")[0], {"ib": ports(hosts)})
        allows.append(Allow(name, name, "ib", "any", "its ranks"))
        allows.append(Allow(name, "storage", "ib", "any", "its data"))
    return Policy(groups, tuple(allows))


def inventory(hosts: int) -> Inventory:
    """One fabric, its manager on host 0."""
    one = Fabric("ib0", (f"host:{host_name(0)}",), ports([0]), ports(range(hosts)))
    return Inventory(fabrics={"ib0": one}, enforcers={TARGET: ("ib0",)})


def jobs_of(count: int, size: int = 7) -> dict[str, range]:
    """Jobs of `size` hosts each, two tenants in turn; host 0 stays free."""
    return {f"t{job % 2}/job{job}": range(1 + job * size, 1 + (job + 1) * size) for job in range(count)}


class Fence:
    """A policy followed on a running fabric, as the enforcer does it."""

    def __init__(self, running: Running, reader: TableReader, hosts: int) -> None:
        assert running.opensm is not None
        self.inventory = inventory(hosts)
        self.fabric = self.inventory.fabrics["ib0"]
        self.last = policy({})
        self.seat = LocalSeat("host:gpu0000", running.folder / "partitions.conf", running.opensm.pid)
        self.opensm = Opensm(self.fabric, (self.seat,), reader, {}, deadline=20)

    def plan(self, wanted: Policy) -> Plan:
        """What shall be, from what is."""
        before = Before(self.opensm.read()).held(), self.opensm.ports.seen().keys()
        (plan,), self.residuals = plan_fabrics(wanted, self.inventory, TARGET, {"ib0": before})
        return plan

    def follow(self, wanted: Policy) -> list[tuple[str, Seen]]:
        """The sweeps that were taken, with what was read back after each."""
        taken: list[tuple[str, Seen]] = []
        plan = self.plan(wanted)
        evicted = handed_over(self.last, wanted)
        steps = self.opensm.follow(plan, evicted, lambda step: taken.append((step.what, self.opensm.ports.seen())))
        self.last = wanted
        return [*taken, (steps[-1].what, self.opensm.ports.seen())] if steps else []

    def holds(self, wanted: Policy) -> bool:
        """Whether what is read back is what is meant, on every port and leaf port."""
        proof = prove_tables(wanted, self.inventory, {"ib0": self.opensm.ports.seen()}, self.residuals)
        assert proof.differences == ()
        return proof.holds


@contextmanager
def started(
    folder: Path, hosts: int, text: str = "Default=0x7fff, ipoib : ALL=full;\n"
) -> Iterator[tuple[Running, TableReader]]:
    """A running fabric, and a reader of its tables."""
    with fabric(folder, hosts, text) as running, TableReader(running.environment, str(folder)) as reader:
        yield running, reader


def path_exists(running: Running, seen_lids: Mapping[int, int], one: int, other: int) -> bool:
    """Whether the subnet manager gives a path between two ports."""
    pair = f"{seen_lids[one]}:{seen_lids[other]}"
    return b"PathRecord dump" in running.ask("saquery", "--src-to-dst", pair)


def test_every_table_of_324_hosts_follows_41_jobs(tmp_path: Path):
    """Jobs start, end, are quarantined and released; adapters, leaf ports and path queries say what the policy says."""
    jobs = jobs_of(JOBS)
    with started(tmp_path, HOSTS) as (running, reader):
        fence = Fence(running, reader, HOSTS)
        assert [what for what, _ in fence.follow(policy(jobs))] == ["cut"]
        assert fence.holds(policy(jobs))
        lids = {place.guid: place.lid for place in reader.places()}
        picked = random.Random(3)
        for _ in range(12):
            one, other = picked.sample(range(1, HOSTS), 2)
            meant = speak(policy(jobs), one, other)
            assert path_exists(running, lids, port_guid(one), port_guid(other)) == meant
        fewer = {name: hosts for name, hosts in jobs.items() if name != "t1/job5"}
        assert [what for what, _ in fence.follow(policy(fewer))] == ["cut"]
        assert fence.holds(policy(fewer))
        quarantined = {name: [one for one in hosts if one != 9] for name, hosts in fewer.items()}
        assert [what for what, _ in fence.follow(policy(quarantined))] == ["cut"]
        assert reader.read(reader.places()).ends[port_guid(9)] == {0x7FFF: "limited"}
        assert path_exists(running, lids, port_guid(0), port_guid(9))
        assert [what for what, _ in fence.follow(policy(jobs))] == ["open"]
        assert fence.holds(policy(jobs))


def speak(wanted: Policy, one: int, other: int) -> bool:
    """Whether the policy lets two hosts speak."""
    here, there = ids.ibport(port_guid(one)), ids.ibport(port_guid(other))
    ends = ((wanted.groups[allow.source].on("ib"), wanted.groups[allow.target].on("ib")) for allow in wanted.allows)
    return any((here in a and there in b) or (here in b and there in a) for a, b in ends)


SMALL = 16


def test_a_host_handed_to_another_tenant_is_in_quarantine_between_two_sweeps(tmp_path: Path):
    """At no read-back is the union of both tenants in force, nor does a job that stays lose a pair."""
    old = {"t0/a": range(1, 6), "t1/b": range(6, 10)}
    new = {"t0/a": range(1, 5), "t1/b": range(5, 10)}
    with started(tmp_path, SMALL) as (running, reader):
        fence = Fence(running, reader, SMALL)
        fence.follow(policy(old, range(14, 16)))
        taken = fence.follow(policy(new, range(14, 16)))
        assert [what for what, _ in taken] == ["cut", "open"]
        between = taken[0][1]
        assert between.ends[port_guid(5)] == between.leaves[port_guid(5)] == {0x7FFF: "limited"}
        proof = prove_tables(policy(both(old, new), range(14, 16)), fence.inventory, {"ib0": between}, fence.residuals)
        assert proof.holds
        assert fence.holds(policy(new, range(14, 16)))


def both(one: Mapping[str, Iterable[int]], other: Mapping[str, Iterable[int]]) -> dict[str, list[int]]:
    """The hosts that a job has before and after."""
    return {name: sorted(set(one[name]) & set(other[name])) for name in one}


def test_no_port_ever_holds_the_keys_of_two_tenants(tmp_path: Path):
    """A host goes to and fro three times while its tables and its leaf's are read without a pause."""
    one = {"t0/a": range(1, 6), "t1/b": range(6, 10)}
    other = {"t0/a": range(1, 5), "t1/b": range(5, 10)}
    probes: list[Seen] = []
    with started(tmp_path, SMALL) as (running, reader), TableReader(running.environment, str(tmp_path)) as prober:
        fence = Fence(running, reader, SMALL)
        fence.follow(policy(one, range(14, 16)))
        numbers = {key.name: key.number for key in fence.plan(policy(one, range(14, 16))).keys}
        tenants = {number for name, number in numbers.items() if "storage" not in name}
        places, over = [at for at in prober.places() if at.guid == port_guid(5)], threading.Event()

        def probe() -> None:
            while not over.is_set():
                probes.append(prober.read(places))

        watching = threading.Thread(target=probe)
        watching.start()
        try:
            for _ in range(3):
                assert [what for what, _ in fence.follow(policy(other, range(14, 16)))] == ["cut", "open"]
                assert [what for what, _ in fence.follow(policy(one, range(14, 16)))] == ["cut", "open"]
        finally:
            over.set()
            watching.join()
    held = [side[port_guid(5)] for seen in probes for side in (seen.ends, seen.leaves) if port_guid(5) in side]
    assert {frozenset(table.keys() & tenants) for table in held} == {
        frozenset(),
        *(frozenset({key}) for key in tenants),
    }
    assert {table[0x7FFF] for table in held} == {"limited"}


AFTER_NOON = policy({"t0/a": range(1, 5), "t1/b": range(5, 9)}, range(14, 16))


@pytest.fixture
def small(tmp_path: Path):
    """Sixteen hosts, open as they came; what was there is in `text`."""
    with started(tmp_path, SMALL) as (running, reader):
        fence = Fence(running, reader, SMALL)
        yield running, reader, fence


def test_undo_brings_back_tables_that_are_equal_as_sets(small):
    """Also those of a fabric that was open before, and of one whose file opensm had ignored."""
    _, _, fence = small
    before, seen = fence.opensm.read(), fence.opensm.ports.seen()
    fence.follow(AFTER_NOON)
    fence.opensm.restore(before)
    assert fence.opensm.ports.seen() == seen
    assert fence.opensm.read() == before
    fence.follow(AFTER_NOON)
    fence.opensm.restore("broken=0x8001 : 0xzz;\n")
    assert fence.opensm.ports.seen() == seen
    assert not partitions.read(fence.opensm.read().encode()).fails_open


def test_a_refused_text_changes_nothing(small):
    """The guard stands in the enforcer itself: the file, the tables and the folder are as they were."""
    running, _, fence = small
    fence.follow(AFTER_NOON)
    before, seen, files = fence.opensm.read(), fence.opensm.ports.seen(), sorted(running.folder.iterdir())
    for bad in (
        "",
        before.replace("ALL=limited", "ALL=full"),
        before[: len(before) // 2],
        before.replace("\n", "\r\n"),
    ):
        with pytest.raises(EnforceError, match="refused for ib0"):
            fence.opensm.put(bad, tables(fence.plan(AFTER_NOON)))
    assert (fence.opensm.read(), fence.opensm.ports.seen()) == (before, seen)
    assert sorted(running.folder.iterdir()) == files


def test_every_manager_gets_the_same_file_or_none(small, tmp_path: Path):
    """A standby whose folder is gone stops the change before the first file is replaced."""
    _, reader, fence = small
    (tmp_path / "standby").mkdir()
    standby = LocalSeat("host:gpu0001", tmp_path / "standby" / "partitions.conf", fence.seat.pid)
    plan = fence.plan(AFTER_NOON)
    opensm = Opensm(fence.fabric, (standby, fence.seat), reader, {}, deadline=20)
    opensm.follow(plan)
    assert standby.text() == fence.seat.text() == text(plan)
    standby.path.write_text("Default=0x7fff : ALL=full;\n")
    assert opensm.strays() == ("host:gpu0001",)
    assert opensm.follow(plan) == ()
    assert opensm.strays() == ()
    gone = LocalSeat("host:gpu0002", tmp_path / "gone" / "partitions.conf", fence.seat.pid)
    before = fence.seat.text()
    with pytest.raises(EnforceError, match="nothing was changed"):
        Opensm(fence.fabric, (fence.seat, gone), reader, {}).put(text(plan), tables(plan))
    assert fence.seat.text() == before
    assert not list(tmp_path.glob(".partitions*"))


def test_a_change_that_was_killed_between_its_sweeps_is_completed(small):
    """After `cut` the moved host is in quarantine; the same order, given again, opens it to its new tenant."""
    _, _, fence = small
    fence.follow(AFTER_NOON)
    new = policy({"t0/a": range(1, 4), "t1/b": range(4, 9)}, range(14, 16))

    class Killed(Exception):
        """Stands for kill -9."""

    def die(_: object) -> None:
        raise Killed

    with pytest.raises(Killed):
        fence.opensm.follow(fence.plan(new), handed_over(AFTER_NOON, new), die)
    assert fence.opensm.ports.seen().ends[port_guid(4)] == {0x7FFF: "limited"}
    assert [what for what, _ in fence.follow(new)] == ["open"]
    assert fence.holds(new)


def test_drift_is_told_and_corrected(small):
    """Somebody edits the file by hand: leaks with witnesses, then the same order puts it right."""
    running, _, fence = small
    fence.follow(AFTER_NOON)
    running.apply(fence.opensm.read() + "extra=0x8abc, defmember=full : 0x1000000101, 0x1000000501;\n")
    proof = prove_tables(AFTER_NOON, fence.inventory, {"ib0": fence.opensm.ports.seen()}, fence.residuals)
    assert {(gap.kind, gap.source, gap.target) for gap in proof.differences} == {
        ("leak", *ports([1]), *ports([5])),
        ("leak", *ports([5]), *ports([1])),
    }
    (plan,), _ = plan_fabrics(AFTER_NOON, fence.inventory, TARGET, {})
    assert [step.what for step in fence.opensm.follow(plan)] == ["cut"]
    assert fence.holds(AFTER_NOON)


def test_a_manager_that_is_gone_leaves_the_tables_and_says_so(small):
    """kill -9 of opensm: ports keep their keys, the change is refused with the file that is left."""
    running, _, fence = small
    fence.follow(AFTER_NOON)
    seen = fence.opensm.ports.seen()
    plan = fence.plan(policy({}, range(14, 16)))
    running.opensm.kill()
    running.opensm.wait(5)
    with pytest.raises(EnforceError, match="no opensm runs") as caught:
        fence.opensm.follow(plan)
    assert caught.value.left == (str(running.folder / "partitions.conf"),)
    assert fence.opensm.ports.seen() == seen


def test_one_host_is_cut_hard(small):
    """Its leaf port goes down, it is gone from the fabric, and the proof of the others still holds."""
    _, reader, fence = small
    fence.follow(AFTER_NOON)
    place = next(one for one in reader.places() if one.guid == port_guid(3))
    ibport.cut(place, reader.environment, reader.folder)
    seen = fence.opensm.ports.seen()
    assert seen.absent == (port_guid(3),)
    assert fence.holds(AFTER_NOON)


def test_the_shadow_fabric_agrees_with_the_guard(small):
    """A real opensm on a copy of the topology: the good file gives what is wanted, a broken one does not."""
    running, _, fence = small
    plan = fence.plan(AFTER_NOON)
    topology = running.ask("ibnetdiscover")
    assert preflight(topology, text(plan), tables(plan), port_guid(0)) == ()
    problems = preflight(topology, text(plan).replace("\n", "\r\n"), tables(plan), port_guid(0))
    assert "another table" in problems[0].what


def test_a_switch_that_answers_half_is_told_and_stops_a_change(small):
    """A leaf whose tables do not come is no reason to believe them: unread, a leak in the proof, and no sweep."""
    _, reader, fence = small
    fence.follow(AFTER_NOON)
    places = reader.places()
    nobody = 4000
    half = [msgspec.structs.replace(one, leaf_lid=nobody) if one.guid == port_guid(7) else one for one in places]
    seen = reader.read(half)
    assert seen.unread == (port_guid(7),)
    proof = prove_tables(AFTER_NOON, fence.inventory, {"ib0": seen}, fence.residuals)
    assert {gap.source for gap in proof.differences} | {gap.target for gap in proof.differences} >= set(ports([7]))
    plan = fence.plan(AFTER_NOON)
    reader.places = lambda: tuple(half)
    with pytest.raises(EnforceError, match="do not show their tables") as caught:
        fence.opensm.follow(plan)
    assert caught.value.left == ports([7])


def test_a_table_that_is_smaller_than_the_inventory_says_is_found_out(small):
    """opensm would set 64 of 70 keys without a word; the ports said that they hold 64."""
    _, _, fence = small
    jobs = {f"t0/job{at}": (1, 2 + at % 12) for at in range(70)}
    roomy = dict.fromkeys(fence.fabric.ports, 128)
    place = Inventory(
        fabrics={"ib0": msgspec.structs.replace(fence.fabric, table=roomy)}, enforcers=fence.inventory.enforcers
    )
    (plan,), _ = plan_fabrics(policy(jobs, range(14, 16)), place, TARGET, {})
    before = fence.opensm.ports.seen()
    with pytest.raises(EnforceError, match="has room for 64"):
        fence.opensm.follow(plan)
    assert fence.opensm.ports.seen() == before
