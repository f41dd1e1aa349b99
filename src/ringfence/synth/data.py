"""What both writers derive from the plan alike: networks, services, exports, folders and their modes."""

from collections.abc import Iterator, Mapping

import msgspec

from ringfence.estate.kinds import EVERYONE
from ringfence.synth import say
from ringfence.synth.layout import tracking
from ringfence.synth.plan import DEFAULT_KEY, Cluster, Host, Job, Pipeline, Storage, User

TOOLKIT, TOOLKIT_OLD = "1.17.8", "1.17.7"
"""The container toolkit's first version without CVE-2025-23266, and the last that has it, in every mode."""

CAPABLE = ("hgx", "nvl", "login")
"""Roles that mount exports."""


def home(plan: Cluster, user: User) -> str:
    """The export that keeps an account's home, `server:path`."""
    return next(group.home for group in plan.tenants if group.name == user.tenant)


def home_folder(plan: Cluster, user: User) -> str:
    """An account's home as hosts see it."""
    mountpoint = next(export.mountpoint for export in plan.storages if export.name == home(plan, user))
    return f"{mountpoint}/{user.name}"


def owners(plan: Cluster, export: Storage) -> list[str]:
    """The tenants that an export is for; the hooks are everyone's."""
    return [group.name for group in plan.tenants if export.use == "hooks" or export.name in (group.home, group.project)]


def clients(plan: Cluster, export: Storage) -> list[str]:
    """The names of the networks that an export is offered to."""
    if export.use == "hooks":  # on compute nodes by the route to the servers' network
        return ["storage", "compute"]
    own = [f"storage-{name}" for name in owners(plan, export)]
    if export.use != "project":
        return [*own, "storage"]
    return [*own, "ipoib"] if plan.flawed("default_pkey_full") else own


def weak(plan: Cluster, export: Storage) -> bool:
    """Whether the server believes the account numbers that clients send (sec=sys)."""
    return export.use == "hooks" or plan.flawed("sec_sys", export.name)


def mounted(plan: Cluster, host: Host) -> list[Storage]:
    """What a host mounts: its tenant's exports, login nodes all homes, shared nodes those of their users."""
    if host.role not in CAPABLE or host.partition == "kube":
        return []
    if host.tenant:
        group = next(group for group in plan.tenants if group.name == host.tenant)
        wanted = {group.home, group.project}
        return [export for export in plan.storages if export.name in wanted or export.use == "hooks"]
    if host.role == "login":
        return [export for export in plan.storages if export.use != "project"]
    guests = {group.home for group in plan.tenants if plan.flawed("shared_partition", group.name)}
    return [export for export in plan.storages if export.name in guests or export.use == "hooks"]


class Ipoib(msgspec.Struct, frozen=True):
    """An IPoIB interface: the network it is on, the partition key, and whether as a full member."""

    network: str
    pkey: int
    full: bool


def ethernet_of(host: Host) -> list[str]:
    """The Ethernet networks that a host has an address in."""
    if host.role == "login":
        return ["login", "service", "compute", "storage"]
    if host.role == "storage":
        return ["service", "storage"]
    if host.role == "management":
        return ["service", "bmc"]
    if host.gpus:
        return ["compute"] if host.tenant or host.partition == "kube" else ["compute", "storage"]
    return ["service"]


def ipoib_of(plan: Cluster, host: Host) -> list[Ipoib]:
    """IPoIB: tenants' nodes on their own key, servers on those of the tenants they serve and the default one."""
    keys = {group.name: group.pkey for group in plan.tenants}
    if host.gpus and host.tenant:
        return [Ipoib(f"storage-{host.tenant}", keys[host.tenant], True)]
    if host.role not in ("storage", "tracking"):
        return []
    own = [Ipoib(f"storage-{name}", keys[name], True) for name in served(plan, host)]
    return [*own, Ipoib("ipoib", DEFAULT_KEY, full_by_default(plan, host))]


def full_by_default(plan: Cluster, host: Host) -> bool:
    """Whether a host's ports are full members of the default partition: file servers and managers, or everyone."""
    return host.role in ("storage", "sm") or plan.flawed("default_pkey_full")


def served(plan: Cluster, host: Host) -> list[str]:
    """The tenants that a file or tracking server is for."""
    if host.role == "tracking":
        return [group.name for group in plan.tenants if tracking(plan.tenants, group.name) == host.name]
    own = [export for export in plan.storages if export.server == host.name and export.use != "hooks"]
    return list(dict.fromkeys(name for export in own for name in owners(plan, export)))


def networks_of(plan: Cluster, host: Host) -> list[str]:
    """Every network that a host has an address in."""
    return [*ethernet_of(host), *(each.network for each in ipoib_of(plan, host))]


def reach_of(plan: Cluster, host: Host, kind: str) -> list[str]:
    """The networks on which a service of a host listens: a tracking server's only on InfiniBand."""
    if host.role == "tracking" and kind == "mlflow":
        return [each.network for each in ipoib_of(plan, host)]
    return networks_of(plan, host)


Service = tuple[str, int, str]
"""(kind, port, how callers prove who they are)."""

Extras = Mapping[str, list[Service]]
"""By host's name, what tenants started there."""

SERVICES: Mapping[str, tuple[Service, ...]] = {
    "scheduler": (("slurmctld", 6817, "key"),),
    "database": (("slurmdbd", 6819, "key"), ("slurmrestd", 6820, "token")),
    "storage": (("nfs", 2049, "none"),),
    "registry": (("registry", 5000, "token"),),
    "tracking": (("mlflow", 5000, "password"),),
    "ringfence": (("ringfence", 8443, "mtls"),),
    "kube": (("kube-api", 6443, "token"),),
}
"""What each role serves besides SSH."""

_OPENED = (("ray", 8265), ("jupyter", 8888))


def tenants_services(plan: Cluster) -> Extras:
    """Ray and Jupyter without a password, on the first nodes of the tenants that the draw names."""
    first: dict[str, list[str]] = {}
    for host in plan.hosts:
        if host.tenant and host.gpus:
            first.setdefault(host.tenant, []).append(host.name)
    found: dict[str, list[Service]] = {}
    for tenant, names in first.items():
        for at, (kind, port) in enumerate(_OPENED):
            if plan.flawed(f"{kind}_open", tenant):
                found.setdefault(names[at % len(names)], []).append((kind, port, "none"))
    return found


def listening(plan: Cluster, host: Host, extras: Extras) -> list[Service]:
    """Everything that a host serves."""
    own = [
        (kind, port, "none" if opened(plan, host, kind) else proof) for kind, port, proof in SERVICES.get(host.role, ())
    ]
    return [("ssh", 22, "key"), *own, *extras.get(host.name, ())]


def opened(plan: Cluster, host: Host, kind: str) -> bool:
    """Whether the draw left a server's service without a password."""
    if kind == "mlflow":
        return plan.flawed("tracking_open", host.name)
    return kind == "registry" and plan.flawed("registry_open")


def toolkit_version(plan: Cluster, host: Host) -> str:
    """The version of the NVIDIA container toolkit."""
    return TOOLKIT_OLD if plan.flawed("toolkit_old", host.rack) else TOOLKIT


HOOKS = "nfs-home01:/export/hooks"
"""The export from which the scheduler's hooks run where the draw put them on shared storage."""


def hooks(plan: Cluster) -> tuple[tuple[str, str], ...]:
    """(setting of slurm.conf, path)."""
    top = "/opt/hooks" if plan.flawed("hook_on_writable_path") else "/etc/slurm/hooks"
    return (("Prolog", f"{top}/prolog"), ("Epilog", f"{top}/epilog"))


def schedules(host: Host) -> bool:
    """Whether Slurm runs jobs there."""
    return host.gpus > 0 and host.partition != "kube"


def open_to_people(host: Host) -> bool:
    """Whether the accounts of all tenants exist there."""
    return schedules(host) or host.role == "login"


def obeys(host: Host) -> bool:
    """Whether Ringfence's agent and enforcer run there: everywhere but on the workers of Kubernetes."""
    return host.partition != "kube"


def holds_munge(host: Host) -> bool:
    """Whether the key of the scheduler is kept there."""
    return open_to_people(host) or host.role in ("scheduler", "database")


def trusted(plan: Cluster, host: Host) -> tuple[Host, ...]:
    """The hosts that a compute node lets accounts in from without proof: the first login nodes."""
    return plan.of_role("login")[:2] if schedules(host) and plan.flawed("hostbased_trust") else ()


def image(job: Job) -> str:
    """The container image that a job starts from; evaluation and debugging run without."""
    return f"registry01:5000/{job.tenant}/train:25.10" if job.stage in ("train", "prepare") else ""


def runtime_users(plan: Cluster) -> list[User]:
    """The members of the group that may talk to the container runtime of login nodes."""
    return [user for user in plan.users if user.tenant and plan.flawed("runtime_group", user.name)]


def login_of(plan: Cluster, user: User) -> Host:
    """The login node on which an account has its session."""
    nodes = plan.of_role("login")
    return nodes[user.uid % len(nodes)]


def entities(line: Pipeline) -> list[str]:
    """The datasets, checkpoints and the model of a pipeline."""
    states = [say.checkpoint(line, number) for number in range(1, line.checkpoints + 1)]
    return [say.dataset(line, "raw"), say.dataset(line, "prepared"), *states, say.model(line)]


def modes(plan: Cluster, line: Pipeline) -> Iterator[tuple[str, int]]:
    """(entity, mode of its folder)."""
    for entity in entities(line):
        kind, mode = entity.partition(":")[0], 0o700
        if kind == "dataset":
            mode = 0o770 if plan.flawed("dataset_writable", line.name) else 0o750
        elif kind == "checkpoint" and plan.flawed("checkpoint_world_readable", line.name):
            mode = 0o755
        elif kind == "checkpoint" and plan.flawed("checkpoint_group_readable", line.name):
            mode = 0o750
        yield entity, mode


def readers(line: Pipeline, mode: int) -> list[str]:
    """The accounts that a folder's mode lets read, sorted."""
    return _who(line, mode, 0o040, 0o004)


def writers(line: Pipeline, mode: int) -> list[str]:
    """The accounts that a folder's mode lets write, sorted."""
    return _who(line, mode, 0o020, 0o002)


def _who(line: Pipeline, mode: int, group: int, world: int) -> list[str]:
    found = [say.identity(line.owner)]
    found += [f"identity:group/{line.tenant}"] if mode & group else []
    return sorted([*found, EVERYONE] if mode & world else found)


def folder(line: Pipeline, entity: str, top: str) -> str:
    """The folder of an entity below the project export `top`."""
    return f"{top}/{line.name}/{entity.partition(':')[2].removeprefix(line.name).lstrip('-') or 'model'}"


def form(plan: Cluster, line: Pipeline, entity: str) -> str:
    """The format that an entity is kept in."""
    kind = entity.partition(":")[0]
    if kind == "dataset":
        return "parquet"
    return "pickle" if kind == "checkpoint" and plan.flawed("checkpoint_pickle", line.name) else "safetensors"


def size(line: Pipeline, entity: str) -> int:
    """Bytes: a state holds the optimiser's too, a corpus is far larger than the weights."""
    factor = {"checkpoint": 7, "model": 1}.get(entity.partition(":")[0], 40 if entity.endswith("-raw") else 10)
    return factor * line.model_bytes


def files(plan: Cluster, line: Pipeline, entity: str, shards: int) -> list[str]:
    """The names of the files of an entity."""
    ending = {"parquet": "parquet", "pickle": "pt", "safetensors": "safetensors"}[form(plan, line, entity)]
    stem = "part" if ending == "parquet" else "model"
    return [f"{stem}-{number:05d}-of-{shards:05d}.{ending}" for number in range(1, shards + 1)]
