"""From (nodes, seed, rates) to the plan."""

from collections.abc import Iterable, Mapping
from random import Random

import msgspec

from ringfence.errors import UsageError
from ringfence.synth import layout, work
from ringfence.synth.plan import NETWORKS, Cluster, Job, storage_network
from ringfence.synth.rates import UNITS, Rates

FEWEST, MOST = 16, 50_000
NAME = "alpha"


class Wishes(msgspec.Struct, frozen=True):
    """What a story fixes before the dice are thrown; everything else is drawn.

    `racks`: the shares of NVL72 racks by their number from 0. `trays_only`: tenants without HGX
    nodes. `homes`: tenant → home export. `staff`: tenant → how many people. `flaws`: units that
    are misconfigured for certain; `sound`: units that certainly are not, by misconfiguration.
    """

    racks: Mapping[int, layout.Shares] = {}
    trays_only: frozenset[str] = frozenset()
    homes: Mapping[str, str] = {}
    staff: Mapping[str, int] = {}
    flaws: Mapping[str, frozenset[str]] = {}
    sound: Mapping[str, frozenset[str]] = {}


def draw(
    nodes: int, seed: int = 0, rates: Rates | None = None, name: str = NAME, wishes: Wishes | None = None
) -> Cluster:
    """The plan of a cluster of `nodes` GPU nodes. Raises `UsageError` below 16 or above 50,000.

    Every misconfiguration is drawn from its own stream: a changed rate changes nothing else.
    """
    if not FEWEST <= nodes <= MOST:
        raise UsageError(f"{nodes} GPU nodes cannot be generated", f"choose {FEWEST} to {MOST}")
    rates, wishes = rates or Rates(), wishes or Wishes()
    dice = _Dice(f"{seed}/{name}", rates, wishes)
    groups = layout.tenants(nodes)
    servers = list(dict.fromkeys(layout.home_server(at) for at in range(len(groups))))
    domains = [f"nvl{number:02d}" for number in range(1, layout.domains(nodes) + 1)]
    shared, split = dice.flaw("home_shared", servers), dice.flaw("domain_split", domains)
    groups = layout.tenants(nodes, {**layout.one_home(nodes, shared), **wishes.homes})
    owners = [group for group in groups if group.name not in wishes.trays_only]
    racks = [wishes.racks.get(at) or layout.shares(owners, at, domain in split) for at, domain in enumerate(domains)]
    hosts = layout.hosts(nodes, groups, racks, wishes.trays_only)
    people = work.users(nodes, groups, wishes.staff, dice.stream("users"))
    lines = work.pipelines(nodes, groups, people, dice.stream("pipelines"))
    pods = work.pods(hosts, lines, dice.stream("pods"))
    exports = layout.storages(groups)
    units: Mapping[str, list[str]] = {
        "cluster": [name],
        "rack": list(dict.fromkeys(host.rack for host in hosts if host.gpus)),
        "domain": domains,
        "tracking": [host.name for host in hosts if host.role == "tracking"],
        "host": [host.name for host in hosts if host.gpus],
        "storage": [export.name for export in exports],
        "user": [user.name for user in people if user.role != "service"],
        "tenant": [group.name for group in groups],
        "pipeline": [line.name for line in lines],
        "pod": [pod.name for pod in pods],
    }
    flaws = {which: dice.flaw(which, units[unit]) for which, unit in UNITS.items()}
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
        _admitted(work.jobs(hosts, groups, people, lines, flaws["imex_shared"], dice.stream("jobs")), flaws),
        pods,
        flaws,
    )


class _Dice(msgspec.Struct, frozen=True):
    """One stream of random numbers for each thing that is drawn."""

    name: str
    rates: Rates
    wishes: Wishes

    def stream(self, part: str) -> Random:
        return Random(f"{self.name}/{part}")  # noqa: S311 - must be reproducible, keeps no secret

    def flaw(self, which: str, units: Iterable[str]) -> frozenset[str]:
        """The units that are misconfigured in this way."""
        dice, rate = self.stream(which), getattr(self.rates, which)
        drawn = frozenset([unit for unit in units if dice.random() < rate])
        return (drawn - self.wishes.sound.get(which, frozenset())) | self.wishes.flaws.get(which, frozenset())


def _admitted(jobs: tuple[Job, ...], flaws: Mapping[str, frozenset[str]]) -> tuple[Job, ...]:
    """The jobs that their queues take: the shared one has its own list of tenants, and mounts no project."""
    guests = flaws["shared_partition"]
    return tuple(
        job if job.partition != "shared" else msgspec.structs.replace(job, stage="debug")
        for job in jobs
        if job.partition != "shared" or job.tenant in guests
    )
