"""Slurm's nodes, jobs and partitions → facts, whichever form the answer had."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from ringfence.collect.base import Scope
from ringfence.errors import InputError
from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import EVERYONE
from ringfence.wire.slurm import hostlist
from ringfence.wire.slurm.values import Job, Node, Partition, gpu_names, gpus

MOST_PLACES = 2_000_000
"""Node names that one file may stand for, over all its jobs and partitions: 10,000 nodes in 200 lists."""


class Place(msgspec.Struct, frozen=True):
    """Which cluster the file speaks of, and how hosts are named."""

    scope: Scope
    cluster: str

    @property
    def entity(self) -> str:
        return ids.of("cluster", self.cluster)

    def host(self, name: str) -> str:
        return self.scope.host(name)

    def partition(self, name: str) -> str:
        return ids.of("partition", self.cluster, name)


class Names:
    """Expands hostlists within one file; the sum is bounded, so that many lists are no bomb either."""

    def __init__(self) -> None:
        self._left = MOST_PLACES
        self._known: dict[str, list[str]] = {}

    def __call__(self, text: str) -> list[str]:
        found = self._known.get(text)
        if found is None:
            found = self._known[text] = hostlist.expand(text)
        self._left -= len(found)
        if self._left < 0:
            raise InputError("its hostlists stand for too many nodes", remedy="the file is damaged or hostile")
        return found


def nodes(rows: Sequence[Node], place: Place) -> Iterator[Fact]:
    """Hosts with cluster, partitions, class labels and GPU counts. Nodes that are only planned are left out."""
    real = [row for row in rows if row.name and "FUTURE" not in row.states]
    for row in real:
        host = place.host(row.name)
        yield Fact(host, "in_cluster", place.entity)
        for name in row.partitions:
            yield Fact(host, "in_partition", place.partition(name))
        count = gpus(row.gres)
        if count:
            yield Fact(host, "setting", f"gpus={count}")
            yield Fact(host, "labelled", f"gres={ids.clean(_plain(row.gres))}")
        if row.features:
            yield Fact(host, "labelled", f"features={ids.clean(','.join(sorted(row.features)))}")
        if row.version:
            yield Fact(host, "runs_software", SOFTWARE, {"version": ids.clean(row.version)})
    for name in sorted({name for row in real for name in row.partitions}):
        yield Fact(place.partition(name), "in_cluster", place.entity)


def aliases(rows: Iterable[Node], place: Place, apart: Sequence[str]) -> Iterator[Fact]:
    """`same_as` where a node's own host name differs from Slurm's name for it.

    Only where no two nodes share the host name (many slurmd on one machine), over all files, and
    the host is none of `apart`.
    """
    names: dict[str, set[str]] = {}
    for row in rows:
        if row.name and row.hostname:
            names.setdefault(place.host(row.hostname), set()).add(place.host(row.name))
    for hostname, of in names.items():
        if len(of) == 1 and hostname not in of and hostname not in apart:
            yield Fact(of.pop(), "same_as", hostname)


SOFTWARE = "package:pkg:generic/slurm"


def _plain(gres: str) -> str:
    """Without the sockets (`(S:0-1)`), which differ between nodes of one class."""
    return ",".join(part.partition("(")[0] for part in gres.split(","))


def jobs(rows: Iterable[Job], place: Place) -> Iterator[Fact]:
    """Jobs that hold nodes or wait for them; finished ones are history, not positions."""
    names = Names()
    for row in rows:
        if not row.runs and not row.waits:
            continue
        cluster = ids.clean(row.cluster) or place.cluster
        job = ids.job(cluster, row.number)
        yield Fact(job, "in_cluster", ids.of("cluster", cluster))
        if row.user:
            yield Fact(job, "runs_as", ids.of("identity", row.user))
        if row.account:
            yield Fact(job, "in_tenant", ids.of("tenant", row.account))
            if row.user:
                yield Fact(ids.of("identity", row.user), "in_tenant", ids.of("tenant", row.account))
        if row.image:
            yield Fact(job, "uses_image", ids.of("image", row.image))
        for other in islice(row.depends, 1000):
            yield Fact(job, "depends_on", ids.job(cluster, other))
        if row.runs:
            yield from _held(job, row, names(row.nodes), place)


def _held(job: str, row: Job, names: Sequence[str], place: Place) -> Iterator[Fact]:
    """Its nodes, and its GPUs where Slurm told the device numbers (one text per node, in order)."""
    for at, name in enumerate(names):
        host = place.host(name)
        yield Fact(job, "runs_on", host)
        if at < len(row.gres):
            for index in gpu_names(row.gres[at]):
                yield Fact(job, "uses_gpu", f"gpu:{host.partition(':')[2]}/{index}")


def partitions(rows: Iterable[Partition], place: Place, accounts: Sequence[str] = ()) -> Iterator[Fact]:
    """Partitions with their nodes and who may submit.

    `accounts` are all accounts known, given where associations are enforced: then a partition open
    to ALL is open to these, otherwise to everyone.
    """
    names = Names()
    for row in rows:
        if not row.name:
            continue
        partition = place.partition(row.name)
        yield Fact(partition, "in_cluster", place.entity)
        for name in names(row.nodes) if row.nodes not in ("", "ALL", "(null)") else ():
            yield Fact(place.host(name), "in_partition", partition)
        for who in _admitted(row, accounts):
            yield Fact(who, "may_submit", partition)
        if row.oversubscribe:
            yield Fact(partition, "setting", f"OverSubscribe={ids.clean(row.oversubscribe)}")
            yield Fact(partition, "setting", "nodes=exclusive" if row.exclusive else "nodes=shared")
        for name, value in row.settings:
            yield Fact(partition, "setting", ids.clean(f"{name}={value}"))


def _admitted(row: Partition, known: Sequence[str]) -> Iterator[str]:
    """Tenants and groups. A partition limited to groups and open to ALL accounts admits the groups."""
    if row.accounts or (known and not row.groups):
        for account in row.accounts or known:
            if account not in row.denied:
                yield ids.of("tenant", account)
    elif row.groups:
        for group in row.groups:
            yield ids.of("identity", "group", group)
    else:
        yield EVERYONE
