"""Partition keys follow jobs on a real subnet manager and simulated links: every table is read back from its port."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
from ringfence.wire import jobs
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
        manager = Opensm(standing.inventory.fabrics[NAME], (seat,), reader, {}, deadline=20)
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
