"""A queue pair whose peer is a port of a host outside the job: RDMA across the compartment."""

from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.detector import JOINT, About, View
from ringfence.watch.learned import MINUTE, Learning, Spread, clock
from ringfence.watch.roster import Running
from ringfence.watch.rows import Who, account, foothold, named, noticed, who
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D02",
    name="foreign_peer",
    title="A queue pair to a foreign host",
    meaning="An RDMA queue pair is connected to a port of a host that is not of the same job, nor of the same tenant.",
    stage=JOINT,
    sees=(classes.RDMA, classes.IB_PORT, classes.FABRIC),
    threats=("RF.T20", "RF.T03"),
    attack=("T1021",),
    false="Storage over RDMA that only one job uses; a gang whose start the scheduler did not tell. Where the kernel "
    "does not tell the peer, nothing is seen.",
    severity=70,
    urgent=True,
)

SERVICE = 4
"""Hosts that have used a port whose host runs no jobs: it is storage."""
MOST_PORTS = 200_000
GRACE = 3 * MINUTE


class State(msgspec.Struct):
    """Port → host, as far as events tell it; and by which hosts a peer was used."""

    learning: Learning = msgspec.field(default_factory=Learning)
    ports: dict[str, str] = {}
    peers: Spread = msgspec.field(default_factory=lambda: Spread(owners=SERVICE))


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Learn whose ports are whose; ask of every peer whose it is."""
    learned = state.learning.done(clock(batch))
    _ports(state, batch)
    peers = batch.codes("rdma.peer")
    for row in batch.rows(classes.RDMA).tolist():
        peer = peers.of(row)
        if not peer or int(batch.numbers("activity_id")[row]) not in (1, 3):
            continue
        one = who(batch, row)
        host = view.site.host_at(peer) or state.ports.get(peer, "")
        serves = bool(host) and not view.roster.on.get(host) and state.peers.add(peer, one.host, one.time) >= SERVICE
        if host != one.host and not (learned and serves):
            yield from _judge(one, peer, host, view)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()


def _ports(state: State, batch: Batch) -> None:
    rows, guids = batch.rows(classes.IB_PORT, classes.RDMA), batch.codes("ib.guid")
    for row in rows[guids.codes[rows] >= 0].tolist() if guids.values else ():
        if len(state.ports) < MOST_PORTS:
            state.ports.setdefault(
                f"ibport:{guids.of(row).removeprefix('ibport:')}", batch.text("device.hostname", row)
            )


def _judge(one: Who, peer: str, host: str, view: View) -> Iterator[Signal]:
    mine = [job for job in view.roster.at(one.host, one.time) if not one.job or job.uid == one.job]
    theirs = _near(host, one.time, view)
    if not host or any(host in job.hosts for job in mine):
        return
    names = {account(view, job.uid, job.user) or job.user for job in mine} | {one.user}
    if any((account(view, job.uid, job.user) or job.user) in names for job in theirs):
        return
    if not theirs and (not mine or view.site.tenant(f"host:{host}").removeprefix("tenant:") in names):
        return
    holder = next((f", which {job.uid} holds" for job in theirs), ", on which no job of its own runs")
    why = f"{one.process or 'a process'} connected a queue pair to {peer} of {host}{holder}"
    more = named("host", host)
    yield noticed(about, one, f"{one.host}|{host}", why, more, confidence=0.8 if theirs else 0.6, holds=foothold(one))


def _near(host: str, when: int, view: View) -> list[Running]:
    """The jobs that hold a host about that time: gangs start and end on their hosts one after another."""
    there = (view.roster.jobs[uid] for uid in view.roster.on.get(host, ()))
    return [job for job in there if job.started - GRACE <= when and (not job.ended or when <= job.ended + GRACE)]
