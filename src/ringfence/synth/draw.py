"""From (nodes, seed, rates) to the plan."""

from collections.abc import Iterable, Mapping
from random import Random

from ringfence.errors import UsageError
from ringfence.synth import layout, work
from ringfence.synth.plan import NETWORKS, Cluster, storage_network
from ringfence.synth.rates import UNITS, Rates

FEWEST, MOST = 16, 50_000
NAME = "alpha"


def draw(nodes: int, seed: int = 0, rates: Rates | None = None, name: str = NAME) -> Cluster:
    """The plan of a cluster of `nodes` GPU nodes. Raises `UsageError` below 16 or above 50,000.

    Every misconfiguration is drawn from its own stream: a changed rate changes nothing else.
    """
    if not FEWEST <= nodes <= MOST:
        raise UsageError(f"{nodes} GPU nodes cannot be generated", f"choose {FEWEST} to {MOST}")
    rates = rates or Rates()

    def stream(part: str) -> Random:
        return Random(f"{seed}/{name}/{part}")  # noqa: S311 - must be reproducible, keeps no secret

    def flaw(which: str, units: Iterable[str]) -> frozenset[str]:
        dice, rate = stream(which), getattr(rates, which)
        return frozenset([unit for unit in units if dice.random() < rate])

    servers = [f"nfs-home{number:02d}" for number in range(1, layout.home_servers(nodes) + 1)]
    domains = [f"nvl{number:02d}" for number in range(1, layout.domains(nodes) + 1)]
    shared, split = flaw("home_shared", servers), flaw("domain_split", domains)
    groups = layout.tenants(nodes, [server in shared for server in servers])
    hosts = layout.hosts(nodes, groups, [domain in split for domain in domains])
    people = work.users(nodes, groups, stream("users"))
    lines = work.pipelines(nodes, groups, people, stream("pipelines"))
    pods = work.pods(hosts, lines, stream("pods"))
    exports = layout.storages(groups)
    units: Mapping[str, list[str]] = {
        "cluster": [name],
        "rack": list(dict.fromkeys(host.rack for host in hosts if host.gpus)),
        "domain": domains,
        "host": [host.name for host in hosts if host.gpus],
        "storage": [export.name for export in exports],
        "user": [user.name for user in people if user.role != "service"],
        "tenant": [group.name for group in groups],
        "pipeline": [line.name for line in lines],
        "pod": [pod.name for pod in pods],
    }
    flaws = {which: flaw(which, units[unit]) for which, unit in UNITS.items()}
    flaws |= {"home_shared": shared, "domain_split": split}
    return Cluster(
        name,
        seed,
        hosts,
        (*NETWORKS, *(storage_network(group.name) for group in groups)),
        groups,
        people,
        exports,
        lines,
        work.jobs(hosts, groups, people, lines, flaws["imex_shared"], stream("jobs")),
        pods,
        flaws,
    )
