"""Partition keys follow jobs on a real subnet manager and simulated links: every table is read back from its port."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from ringfence.app.follow.follow import Follow
from ringfence.app.follow.orders import Orders
from ringfence.app.follow.standing import Standing
from ringfence.app.follow.sweeps import Sweeps
from ringfence.collect.base import Scope
from ringfence.collect.ib_tables import TableReader
from ringfence.collect.slurm_state import Place
from ringfence.enforce.ib_seat import LocalSeat
from ringfence.enforce.opensm import Opensm
from ringfence.estate import ids
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.segment.compile.partitions import LAST
from ringfence.segment.model import Policy
from ringfence.wire import jobs
from tests.live import test_ib_fence as ib
from tests.live.opensm import Running, fabric, port_guid

pytestmark = pytest.mark.live
HOSTS = 8
NAME = "fabric0"


def estate() -> Estate:
    """A cluster of seven nodes; host 0 is the manager's."""
    facts = [
        Fact(f"network:ib/{NAME}", "sm_on", "host:gpu0000"),
        Fact("partition:rf/train", "in_cluster", "cluster:rf"),
    ]
    for at in range(HOSTS):
        host, port = f"host:gpu{at:04d}", ids.ibport(port_guid(at))
        facts += [Fact(host, "has_port", port), Fact(port, "on_fabric", f"network:ib/{NAME}")]
        facts += [Fact(host, "in_cluster", "cluster:rf")] if at else []
    return estate_of(facts)


@contextmanager
def following(running: Running) -> Iterator[tuple[Follow, Opensm, Sweeps]]:
    """A follower that has keys to hand out and no hosts to order."""
    standing = Standing(estate(), [NAME])
    assert running.opensm is not None
    with TableReader(running.environment, str(running.folder)) as reader:
        seat = LocalSeat("host:gpu0000", running.folder / "partitions.conf", running.opensm.pid)
        manager = Opensm(standing.inventory.fabrics[NAME], (seat,), reader, {}, 20, 1000)
        sweeps = Sweeps([manager], standing.now)
        follow = Follow(standing, Place(Scope("rf"), "rf"), Orders(lambda *_, **__: ()), sweeps, (), 20)
        follow.settle({}, 0.0)
        yield follow, manager, sweeps
        follow.close()


def own_keys(manager: Opensm, at: int) -> set[int]:
    """The keys under which a host's port speaks with its equals, from the port itself; with the manager all may."""
    return {key for key, how in manager.ports.seen().ends[port_guid(at)].items() if how == "full"}


def event(number: str, nodes: str, account: str) -> jobs.Seen:
    return jobs.of_request(jobs.Request("started", number, nodes, "ann", account))


def test_a_job_s_ports_share_a_key_before_it_starts_and_lose_it_when_it_ends(tmp_path: Path) -> None:
    """The next tenant on the same hosts gets another key, and what others hold is not touched."""
    with fabric(tmp_path, HOSTS) as running, following(running) as (follow, manager, sweeps):
        answer = follow.started(event("1", "gpu[0001-0003]", "vision"))
        assert answer.verdict == "allow", answer
        assert follow.started(event("2", "gpu[0004-0005]", "nlp")).verdict == "allow"
        first, other = own_keys(manager, 1), own_keys(manager, 4)
        assert len(first) == len(other) == 1
        assert first != other
        assert [own_keys(manager, at) for at in (2, 3, 5, 6, 7)] == [first, first, other, set(), set()]
        assert follow.ended("1").verdict == "done"
        assert [own_keys(manager, at) for at in (1, 2, 3, 4)] == [set(), set(), set(), other]
        swept = sweeps.count
        assert follow.started(event("3", "gpu[0002-0003]", "nlp")).verdict == "allow"
        assert sweeps.count == swept + 1, "free hosts need one sweep"
        third = own_keys(manager, 2)
        assert third == own_keys(manager, 3)
        assert not third & (first | other)
        follow.ended("2")
        follow.ended("3")
        assert [own_keys(manager, at) for at in range(1, HOSTS)] == [set()] * (HOSTS - 1)


STORAGE = range(14, 16)
HELD = {"t0/a": range(1, 5), "t1/b": range(5, 9)}


class Batches:
    """Sweeps on a small real fabric, of policies that a test hands in; what each eviction found is kept."""

    def __init__(self, running: Running, reader: TableReader) -> None:
        self.place = ib.inventory(16)
        self.wanted = ib.policy({}, STORAGE)
        self.reader, self.cleared, self.left = reader, list[dict[int, dict[int, str]]](), set[int]()
        assert running.opensm is not None
        seat = LocalSeat("host:gpu0000", running.folder / "partitions.conf", running.opensm.pid)
        self.manager = Opensm(self.place.fabrics["ib0"], (seat,), reader, {}, 20, 1000)
        self.sweeps = Sweeps([self.manager], lambda: (self.wanted, self.place), self._clear)

    def serve(self, wanted: Policy, *gangs: str) -> dict[str, BaseException]:
        """Who of them is not served."""
        self.wanted = wanted
        return self.sweeps.served(gangs)

    def tables(self) -> dict[int, dict[int, str]]:
        """What every port holds; its leaf port holds the same."""
        seen = self.reader.read(self.reader.places())
        assert seen.ends == seen.leaves
        return seen.ends

    def _clear(self, guids: Collection[int]) -> set[int]:
        now = self.tables()
        self.cleared.append({guid: now[guid] for guid in guids})
        return self.left


@pytest.fixture
def batches(tmp_path: Path) -> Iterator[Batches]:
    """Two jobs of two tenants hold hosts."""
    with fabric(tmp_path, 16) as running, TableReader(running.environment, str(tmp_path)) as reader:
        found = Batches(running, reader)
        assert found.serve(ib.policy(HELD, STORAGE), *HELD) == {}
        yield found


def test_storage_of_both_tenants_is_cut_while_a_host_is_handed_over(batches: Batches) -> None:
    """Both may reach it; still nothing of the last tenant's is open when the next one's keys come."""
    before = batches.tables()
    shared = (before[port_guid(4)].keys() & before[port_guid(5)].keys()) - {0x7FFF}
    assert shared
    wanted = ib.policy({"t0/a": range(1, 4), "t1/b": range(4, 9)}, STORAGE)
    assert batches.serve(wanted, "t1/b") == {}
    assert batches.cleared == [{port_guid(4): {0x7FFF: "limited"}}]
    after = batches.tables()
    assert after[port_guid(4)] == after[port_guid(5)] == before[port_guid(5)]


def test_a_host_that_does_not_end_what_was_open_stays_cut_and_others_are_served(batches: Batches) -> None:
    """The job that would have got it is refused; a job that waited for the same sweep starts."""
    moved = {"t0/a": range(1, 4), "t1/c": range(4, 5), "t1/b": range(5, 9), "t0/d": range(9, 12)}
    batches.left = {port_guid(4)}
    refused = batches.serve(ib.policy(moved, STORAGE), "t1/c", "t0/d")
    assert refused.keys() == {"t1/c"}
    assert "last tenant left open" in str(refused["t1/c"])
    now = batches.tables()
    assert now[port_guid(4)] == {0x7FFF: "limited"}
    assert now[port_guid(9)] == now[port_guid(11)]
    assert len(now[port_guid(9)]) == 3
    batches.left = set()
    assert batches.serve(batches.wanted, "t1/c") == {}
    assert batches.tables()[port_guid(4)].keys() > {0x7FFF}


def test_a_job_that_overfills_a_table_does_not_hold_those_who_wait_with_it(batches: Batches) -> None:
    """It is refused with the reason, in this sweep and in those of others, until it is asked for again and fits."""
    fabric0 = batches.place.fabrics["ib0"]
    full = msgspec.structs.replace(fabric0, table={ids.ibport(port_guid(12)): 1})
    batches.place = msgspec.structs.replace(batches.place, fabrics={"ib0": full})
    more = {**HELD, "t0/bad": range(11, 13), "t1/good": range(9, 11)}
    before = batches.tables()
    refused = batches.serve(ib.policy(more, STORAGE), "t0/bad", "t1/good")
    assert refused.keys() == {"t0/bad"}
    assert "would need 3 partition keys and holds 1" in str(refused["t0/bad"])
    now = batches.tables()
    assert len(now[port_guid(9)]) == 3
    assert now[port_guid(11)] == now[port_guid(12)] == {0x7FFF: "limited"}
    assert {at: now[port_guid(at)] for at in range(1, 9)} == {at: before[port_guid(at)] for at in range(1, 9)}
    assert batches.serve(ib.policy(more | {"t0/last": range(13, 14)}, STORAGE), "t0/last") == {}
    batches.place = msgspec.structs.replace(batches.place, fabrics={"ib0": fabric0})
    assert batches.sweeps.look() == []
    assert len(batches.tables()[port_guid(12)]) == 3


def test_what_somebody_else_did_to_a_table_is_seen_and_put_right_by_the_next_look(batches: Batches) -> None:
    """A job event reads its own ports and a few more; the look reads them all."""
    before = batches.tables()
    text = batches.manager.read()
    extra = "rf.extra=0x8abc, defmember=full : 0x1000000101, 0x1000000501;\n"
    file = batches.manager.seats[0]
    file.stage(text.replace(LAST, extra + LAST))
    file.commit()
    file.reload()
    while batches.tables() == before:
        pass
    assert len(batches.sweeps.look()) == 2
    assert batches.tables() == before
