"""The scheduler plane: whose work may start on which host, from Slurm's partitions and reservations.

A tenant's job starts on a host if some partition with that host admits its account, and every active reservation over
the host names the account. Whether two jobs share a host is not of this relation.
"""

from collections.abc import Iterable, Mapping, Sequence

from ringfence.segment import clusters
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Policy, Proof, Residual
from ringfence.segment.prove.sided import Sided
from ringfence.segment.prove.verdict import verdict
from ringfence.segment.relation import Block
from ringfence.segment.what import What
from ringfence.wire.slurm import hostlist
from ringfence.wire.slurm.reserve import Orders, orders
from ringfence.wire.slurm.values import Partition, Reservation

COVERS = "partitions and reservations of new jobs; not jobs that run already, nor what root and operators may do"


def prove_scheduler(
    policy: Policy, inventory: Inventory, artefacts: Sequence[Artefact], residuals: Sequence[Residual]
) -> Proof:
    """The verdict on commands, beside the partitions that others keep; hosts outside every cluster are open."""
    names = Sided(policy, "scheduler", "tenant:", "host:")
    hosts = [names.names[at] for at in names.targets.tolist()]
    rules: dict[str, tuple[int, ...]] = {}
    tenants = [names.names[at] for at in names.sources.tolist()]
    accounts = {clusters.name(inventory, tenant): tenant for tenant in tenants}
    sets = _Sets(accounts)
    for cluster, node_of in clusters.nodes(inventory, hosts).items():
        made = orders("\n".join(one.text for one in artefacts if cluster in one.loaded_by).encode())
        theirs = clusters.partitions(inventory, cluster)
        rules |= {node_of[node]: key for node, key in _on_nodes(node_of, made, theirs, sets).items()}
    alike: dict[tuple[int, ...], list[str]] = {}
    for host in hosts:
        alike.setdefault(rules.get(host, ()), []).append(host)
    found = [
        Block(names.numbers(accounts[one] for one in sets.all_of(key)), names.numbers(mine), What("any"))
        for key, mine in alike.items()
    ]
    return verdict(names, "slurm", [found], residuals, COVERS)


class _Sets:
    """Sets of accounts by number, so that hosts are compared by a few small numbers."""

    def __init__(self, accounts: Iterable[str]) -> None:
        self._everyone = frozenset(accounts)
        self._number: dict[frozenset[str], int] = {}

    def number(self, accounts: frozenset[str]) -> int:
        return self._number.setdefault(accounts & self._everyone, len(self._number))

    def admitted(self, partition: Partition) -> frozenset[str]:
        return (frozenset(partition.accounts) or self._everyone) - frozenset(partition.denied)

    def kept(self, reservation: Reservation) -> frozenset[str]:
        """Whom a reservation lets in: those it names, or all but those it names with `-` (scontrol(1), Accounts)."""
        said = reservation.accounts or reservation.users
        if said and said[0].startswith("-"):
            return self._everyone - {one.removeprefix("-") for one in reservation.accounts}
        return frozenset(reservation.accounts)

    def all_of(self, key: Iterable[int]) -> frozenset[str]:
        """The accounts in every set of the key; of no set at all, everyone."""
        by_number = {number: accounts for accounts, number in self._number.items()}
        return self._everyone.intersection(*(by_number[one] for one in key))


def _on_nodes(
    nodes: Mapping[str, str], made: Orders, theirs: Sequence[Partition], sets: _Sets
) -> dict[str, tuple[int, ...]]:
    """Node → the sets of accounts of which an account has to be in each."""
    within: dict[str, frozenset[str]] = {}
    for partition in (*theirs, *made.partitions) if theirs else ():
        admitted = sets.admitted(partition)
        for node in hostlist.expand(partition.nodes):
            within[node] = within.get(node, frozenset()) | admitted if node in within else admitted
    kept: dict[str, tuple[int, ...]] = {}
    for reservation in made.reservations:
        number = sets.number(sets.kept(reservation))
        for node in hostlist.expand(reservation.nodes) if reservation.active else ():
            kept[node] = (*kept.get(node, ()), number)
    found = {}
    for node in nodes:
        partition_sets = (sets.number(within.get(node, frozenset())),) if theirs else ()
        found[node] = (*partition_sets, *kept.get(node, ()))
    return found
