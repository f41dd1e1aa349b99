"""Slurm: a reservation per set of tenants keeps their hosts for them; a partition lets them in, one job to a host.

A reservation binds in every partition, those of others included, which are left alone. `MAGNETIC` draws jobs in that
do not name it, `IGNORE_JOBS` lets it stand over what runs. Where several tenants share hosts, only our partition
keeps their jobs from meeting; what other partitions allow there is told as a residual.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from ringfence.segment import clusters
from ringfence.segment.compile.parts import MARK, named, unguarded
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Compiled, Policy, Residual
from ringfence.segment.rules import by_target, sources
from ringfence.wire.slurm import hostlist

PLANE, TARGET = "scheduler", "slurm"
PREFIX = "rf-"
"""What the names of our reservations and partitions begin with."""

_ACCOUNT = re.compile(r"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z")  # one that begins with "-" would mean "all others"

Classes = Mapping[tuple[str, ...], Sequence[str]]


def compile_slurm(policy: Policy, inventory: Inventory) -> Compiled:
    """For each cluster the commands that make its reservations and partitions, and lines for slurm.conf."""
    classes = _classes(policy)
    hosts = [host for mine in classes.values() for host in mine]
    artefacts: list[Artefact] = []
    residuals: list[Residual] = []
    guarded: set[str] = set()
    for cluster, node_of in sorted(clusters.nodes(inventory, hosts).items()):
        guarded.update(node_of.values())
        here = {host: node for node, host in node_of.items()}
        kept = {key: [here[host] for host in mine if host in here] for key, mine in classes.items()}
        kept = {key: mine for key, mine in kept.items() if mine}
        text = _text(_by_accounts(kept, inventory), inventory, here)
        artefacts.append(Artefact(f"slurm/{cluster}.orders", text, (cluster,)))
        residuals += _shared(kept, inventory, cluster)
    residuals += unguarded(policy, PLANE, TARGET, "host:", guarded, "capture `scontrol show partition` of its cluster")
    return Compiled(TARGET, PLANE, tuple(artefacts), tuple(sorted(set(residuals))))


def _classes(policy: Policy) -> dict[tuple[str, ...], list[str]]:
    """Tenants, sorted → the hosts on which exactly their work may start."""
    found: dict[tuple[str, ...], list[str]] = {}
    for rules, hosts in by_target(policy, PLANE, "host:").items():
        found.setdefault(sources(policy, PLANE, rules, "tenant:"), []).extend(hosts)
    return dict(sorted(found.items()))


def _by_accounts(kept: Classes, inventory: Inventory) -> Classes:
    found: dict[tuple[str, ...], list[str]] = {}
    for tenants, nodes in kept.items():
        found.setdefault(_accounts(tenants, inventory), []).extend(nodes)
    return found


def _text(kept: Classes, inventory: Inventory, here: Mapping[str, str]) -> str:
    lines, conf = [f"# {MARK}"], ["# For slurm.conf, so that a restart keeps the partitions:"]
    for accounts, nodes in kept.items():
        name, listed, who = _name(accounts), hostlist.fold(nodes), ",".join(accounts)
        lines.append(
            f"scontrol create reservation ReservationName={name} Nodes={listed} "
            + (f"Accounts={who}" if who else "Users=root")
            + " StartTime=now Duration=UNLIMITED Flags=IGNORE_JOBS,MAGNETIC,OVERLAP"
        )
        if accounts:
            over = "EXCLUSIVE" if len(accounts) > 1 else "NO"
            partition = f"PartitionName={name} Nodes={listed} AllowAccounts={who} OverSubscribe={over} State=UP"
            lines.append(f"scontrol create {partition}")
            conf.append(f"# {partition}")
    return "\n".join([*lines, *conf, *_blocks(inventory, here)]) + "\n"


def _accounts(tenants: Iterable[str], inventory: Inventory) -> tuple[str, ...]:
    """Names that Slurm would not take for something else; without the others, the proof shows a break."""
    return tuple(one for one in (clusters.name(inventory, tenant) for tenant in tenants) if _ACCOUNT.match(one))


def _name(accounts: Sequence[str]) -> str:
    if len(accounts) == 1:
        return PREFIX + accounts[0]
    return PREFIX + ("+" + named(accounts) if accounts else "+none")


def _blocks(inventory: Inventory, here: Mapping[str, str]) -> Iterator[str]:
    """Hosts that share an NVLink domain, as topology/block (Slurm 23.11 and later) wants them."""
    lines = []
    for domain in sorted(inventory.domains):
        nodes = {here[host] for gpu in inventory.domains[domain] if (host := inventory.host_of.get(gpu, "")) in here}
        if len(nodes) > 1:
            lines.append(f"# BlockName={PREFIX}{named([domain])} Nodes={hostlist.fold(nodes)}")
    if lines:
        yield "# For topology.conf, so that a gang is placed within an NVLink domain:"
        yield from lines


def _shared(kept: Classes, inventory: Inventory, cluster: str) -> Iterator[Residual]:
    """Tenants whose jobs may meet on a host, through a partition of others that does not keep them apart."""
    there = clusters.partitions(inventory, cluster)
    loose = {one.name: set(hostlist.expand(one.nodes)) for one in there if not one.exclusive}
    for tenants, nodes in kept.items():
        through = [name for name, listed in loose.items() if not listed.isdisjoint(nodes)]
        through = through if there else ["a partition that nobody captured"]
        for one, other in combinations(tenants, 2) if through else ():
            why = f"their jobs may share a host through {', '.join(sorted(through)[:5])}"
            remedy = f"set OverSubscribe=EXCLUSIVE there, or submit to {_name(_accounts(tenants, inventory))}"
            yield Residual(PLANE, TARGET, one, other, len(nodes), why, remedy)
