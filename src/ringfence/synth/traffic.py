"""What the jobs of a generated cluster really do: whom they talk to, on every plane.

        Cluster ──traffic──▶ Use       (job, plane, source, target, what)

Written from the plan alone, by how such work behaves: ranks in a ring on every rail and over TCP, homes and project
folders over NFS, the scheduler's messages both ways, images, metrics of training runs. It is what a fence must not
cut, and it knows nothing of how a fence is derived.
"""

from collections.abc import Iterator
from itertools import pairwise

import msgspec

from ringfence.estate import ids
from ringfence.synth import data, layout, say
from ringfence.synth.facts_work import flow, job_id
from ringfence.synth.plan import Cluster, Host, Job, User, desk, port_guid

BOOTSTRAP = (29500, 45123)
"""Ports at which ranks meet: a fixed one, and one that they chose."""


class Use(msgspec.Struct, frozen=True):
    """One thing that one job (or one person) does. `what` is written as in rules: `tcp/22`, `ro`, `any`."""

    who: str
    plane: str
    source: str
    target: str
    what: str


def traffic(plan: Cluster) -> Iterator[Use]:
    """Everything that running jobs do, and people's logins."""
    hosts = {host.name: host for host in plan.hosts}
    users = {user.name: user for user in plan.users}
    for job in plan.jobs:
        mine = [hosts[name] for name in job.hosts]
        yield from _ranks(plan, job, mine)
        yield from _memory(plan, job, mine)
        yield from _files(plan, job, mine)
        yield from _services(plan, job, mine)
    for user in users.values():
        if user.workstation:
            yield from _login(plan, user)


def _ranks(plan: Cluster, job: Job, mine: list[Host]) -> Iterator[Use]:
    who = job_id(plan, job)
    for one, other in zip(mine, [*mine[1:], mine[0]], strict=True):
        if one.name == other.name:
            continue
        for port in BOOTSTRAP:
            yield Use(who, "ip", say.host(one.name), say.host(other.name), f"tcp/{port}")
        for rail in range(1, min(one.ports, other.ports) + 1):
            yield Use(who, "ib", ids.ibport(port_guid(one, rail)), ids.ibport(port_guid(other, rail)), "any")


def _memory(plan: Cluster, job: Job, mine: list[Host]) -> Iterator[Use]:
    who = job_id(plan, job)
    gpus = [gpu for host in mine for gpu in say.gpus(plan, host)[job.first_gpu : job.first_gpu + job.gpus]]
    same = len({say.domain(plan, host) for host in mine}) == 1
    ring = gpus if same else say.gpus(plan, mine[0])[job.first_gpu : job.first_gpu + job.gpus]
    for one, other in zip(ring, [*ring[1:], ring[0]], strict=True):
        if one != other:
            yield Use(who, "nvlink", one, other, "any")
    if job.imex >= 0:
        for first, second in pairwise(mine):
            yield Use(who, "imex", say.host(first.name), say.host(second.name), "any")


def _files(plan: Cluster, job: Job, mine: list[Host]) -> Iterator[Use]:
    who = job_id(plan, job)
    tenant = next(group for group in plan.tenants if group.name == job.tenant)
    line = next((line for line in plan.pipelines if line.name == job.pipeline), None)
    home, project = (say.storage(name) for name in (tenant.home, tenant.project))
    steps = [] if line is None else [("rw" if verb == "writes" else "ro", one) for verb, one in flow(job.stage, line)]
    for host in mine:
        servers = {tenant.home.partition(":")[0]} | ({tenant.project.partition(":")[0]} if steps else set())
        for server in sorted(servers):
            yield Use(who, "ip", say.host(host.name), say.host(server), "tcp/2049")
        yield Use(who, "storage", say.host(host.name), f"{home}/{job.user}", "rw")
        for mode, entity in steps:
            assert line is not None
            folder = data.folder(line, entity, tenant.project.partition(":")[2])
            yield Use(who, "storage", say.host(host.name), project.rsplit(":", 1)[0] + ":" + folder, mode)


def _services(plan: Cluster, job: Job, mine: list[Host]) -> Iterator[Use]:
    who = job_id(plan, job)
    controller = say.host(plan.of_role("scheduler")[0].name)
    ringfence = say.host(plan.of_role("ringfence")[0].name)
    for host in mine:
        node = say.host(host.name)
        yield Use(who, "ip", node, controller, "tcp/6817")
        yield Use(who, "ip", controller, node, "tcp/6818")
        yield Use(who, "ip", node, ringfence, "tcp/8443")
        if data.image(job):
            yield Use(who, "ip", node, "host:registry01", "tcp/5000")
        if job.stage == "train":
            tracking = layout.tracking(plan.tenants, job.tenant)
            yield Use(who, "ip", node, say.host(tracking), "tcp/5000")
        yield Use(who, "scheduler", f"tenant:{job.tenant}", node, "any")
    for host in mine[1:]:  # the first host starts the steps of the others
        yield Use(who, "ip", say.host(mine[0].name), say.host(host.name), "tcp/6818")


def _login(plan: Cluster, user: User) -> Iterator[Use]:
    node, seat = say.host(data.login_of(plan, user).name), desk(user)
    yield Use(say.identity(user.name), "ip", f"network:{seat}/32", node, "tcp/22")
    yield Use(say.identity(user.name), "login", f"{say.identity(user.name)}@{seat}", node, "any")
