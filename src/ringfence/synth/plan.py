"""The plan of a generated cluster: what stands where, who works there, what went wrong.

        (nodes, seed, rates) ──layout──▶ hosts ──people──▶ users ──work──▶ jobs ──flaws──▶ Cluster
                                                             Cluster ──facts──▶ Fact
                                                             Cluster ──captures──▶ files

Both writers read the same plan, so that collecting the captures gives what the facts say.
Everything here is a frozen value; nothing depends on hash order, time or the machine.
"""

import hashlib
from collections.abc import Mapping
from functools import cached_property

import msgspec

GPU_NODES = ("hgx", "nvl")
"""Roles of hosts that hold accelerators."""


class Network(msgspec.Struct, frozen=True):
    """A subnet. `zone` is one of NIST SP 800-223; `prefix` its first two or three octets."""

    name: str
    cidr: str
    zone: str


class Host(msgspec.Struct, frozen=True):
    """One machine. `number` is unique and gives its addresses and GUIDs; `tenant` "" means shared.

    `role`: hgx, nvl, login, scheduler, database, sm, storage, registry, tracking, management,
    ringfence, kube. `domain` is the NVLink domain, `partition` the scheduler's (or "kube").
    """

    name: str
    role: str
    number: int
    rack: str
    gpus: int = 0
    ports: int = 1
    domain: str = ""
    partition: str = ""
    tenant: str = ""


class Tenant(msgspec.Struct, frozen=True):
    """A group of users with hosts, an InfiniBand partition key and a project share of its own.

    `pkey` is the 15-bit key; `home` and `project` name exports, `server:path`.
    """

    name: str
    gid: int
    pkey: int
    home: str
    project: str


class User(msgspec.Struct, frozen=True):
    """An account. `role`: researcher, engineer, operator, service. Services have no workstation."""

    name: str
    uid: int
    tenant: str
    role: str
    workstation: str


class Storage(msgspec.Struct, frozen=True):
    """An export: `server` is a host's name. `use`: home, project or hooks."""

    server: str
    path: str
    use: str
    mountpoint: str

    @property
    def name(self) -> str:
        """`server:path`, as clients write it."""
        return f"{self.server}:{self.path}"


class Pipeline(msgspec.Struct, frozen=True):
    """dataset → prepare → train → checkpoint → evaluate → model → serve, of one tenant."""

    name: str
    tenant: str
    owner: str
    model_bytes: int
    checkpoints: int


class Job(msgspec.Struct, frozen=True):
    """Running work: `hosts` by name, the GPU indices are the same on each. `imex` -1: none."""

    number: int
    name: str
    user: str
    tenant: str
    partition: str
    stage: str
    pipeline: str
    hosts: tuple[str, ...]
    gpus: int
    first_gpu: int = 0
    imex: int = -1


class Pod(msgspec.Struct, frozen=True):
    """One serving pod with one container, on one host of the Kubernetes part."""

    name: str
    namespace: str
    tenant: str
    host: str
    pipeline: str
    gpus: int
    first_gpu: int


class Cluster(msgspec.Struct, frozen=True, dict=True):
    """Everything that the writers need to know."""

    name: str
    seed: int
    hosts: tuple[Host, ...]
    networks: tuple[Network, ...]
    tenants: tuple[Tenant, ...]
    users: tuple[User, ...]
    storages: tuple[Storage, ...]
    pipelines: tuple[Pipeline, ...]
    jobs: tuple[Job, ...]
    pods: tuple[Pod, ...]
    flaws: Mapping[str, frozenset[str]]

    def flawed(self, flaw: str, unit: str = "") -> bool:
        """Whether the misconfiguration was drawn for this unit; for cluster-wide ones leave it out."""
        return (unit or self.name) in self.flaws[flaw]

    @cached_property
    def _by_role(self) -> dict[str, tuple[Host, ...]]:
        found: dict[str, list[Host]] = {}
        for host in self.hosts:
            found.setdefault(host.role, []).append(host)
        return {role: tuple(hosts) for role, hosts in found.items()}

    def of_role(self, *roles: str) -> tuple[Host, ...]:
        """The hosts of these roles, role by role, each in order."""
        return tuple(host for role in roles for host in self._by_role.get(role, ()))

    def gpu_uuid(self, host: Host, index: int) -> str:
        """The UUID of an accelerator."""
        text = hashlib.blake2b(f"{self.seed}/{self.name}/{host.name}/{index}".encode(), digest_size=16).hexdigest()
        return f"GPU-{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def domain_uuid(self, domain: str) -> str:
        """The cluster UUID of a multi-host NVLink domain."""
        text = hashlib.blake2b(f"{self.seed}/{self.name}/nvlink/{domain}".encode(), digest_size=16).hexdigest()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def port_guid(host: Host, port: int) -> int:
    """The GUID of a host's fabric port, `port` from 1."""
    return 0xA088C20000000000 | host.number << 8 | port


def address(host: Host, network: str) -> str:
    """The address of a host in one of the networks, for up to 60,000 hosts."""
    octet = SECOND_OCTET.get(network) or 127 + int(network.rpartition("-t")[2])
    high, low = divmod(host.number + 10, 250)
    return f"10.{octet}.{high}.{low + 1}"


def desk(user: User) -> str:
    """The address of an account's workstation, for up to 60,000 of them."""
    high, low = divmod(user.uid - FIRST_UID, 250)
    return f"10.200.{high}.{low + 1}"


FIRST_UID = 5000
"""Accounts are numbered from here, one after the other."""

SECOND_OCTET: Mapping[str, int] = {"login": 8, "service": 16, "compute": 32, "storage": 64, "ipoib": 72, "bmc": 96}

NETWORKS = (
    Network("corp", "10.200.0.0/16", "access"),
    *(
        Network(name, f"10.{octet}.0.0/16", zone)
        for (name, octet), zone in zip(
            SECOND_OCTET.items(), ("access", "management", "compute", "storage", "storage", "management"), strict=True
        )
    ),
)
"""The networks of every generated cluster: Ethernet, but for `ipoib`, which the default partition carries."""

DEFAULT_KEY = 0x7FFF
"""The default partition, without the membership bit."""


def storage_network(tenant: str) -> Network:
    """The IPoIB network of a tenant's partition key, where its nodes meet its servers: `storage-t01`."""
    return Network(f"storage-{tenant}", f"10.{127 + int(tenant[1:])}.0.0/16", "storage")
