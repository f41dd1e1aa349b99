"""What the fact writers share: how things of the plan are called, and how one fact is made."""

import hashlib
from collections.abc import Mapping

from ringfence.estate import ids
from ringfence.estate.facts import NO_ATTRIBUTES, Fact, Scalar
from ringfence.synth.plan import NETWORKS, Cluster, Host, Pipeline, Storage, User, storage_network

OBSERVED = 1_767_571_200.0
"""When a generated estate was "observed": 2026-01-05 00:00 UTC, always."""

_CIDR = {network.name: network.cidr for network in NETWORKS}


def fact(
    subject: str, predicate: str, object: str, source: str, attributes: Mapping[str, Scalar] = NO_ATTRIBUTES
) -> Fact:
    """One fact of the generated estate; `source` is the capture file that says it."""
    return Fact(subject, predicate, object, attributes, source, OBSERVED)


def network(name: str) -> str:
    """The id of one of the plan's Ethernet networks."""
    return f"network:{_CIDR.get(name) or storage_network(name.removeprefix('storage-')).cidr}"


def cluster(plan: Cluster) -> str:
    """The Slurm part."""
    return f"cluster:{plan.name}"


def kube(plan: Cluster) -> str:
    """The Kubernetes part."""
    return f"cluster:{plan.name}-kube"


def host(name: str) -> str:
    return f"host:{name}"


def identity(user: str) -> str:
    return f"identity:{user}"


def storage(name: str) -> str:
    """`name` is `server:path`."""
    return f"storage:{name}"


def export(of: Storage) -> str:
    return storage(of.name)


def partition(plan: Cluster, name: str) -> str:
    return f"partition:{plan.name}/{name}"


def gpus(plan: Cluster, of: Host) -> list[str]:
    """The ids of a host's accelerators, by index."""
    return [ids.gpu(plan.gpu_uuid(of, index)) for index in range(of.gpus)]


def domain(plan: Cluster, of: Host) -> str:
    """The NVLink domain: one for the whole rack, else the host's own."""
    return ids.nvlink(plan.domain_uuid(of.domain), 1) if of.domain else ids.nvlink(of.name)


def imex(plan: Cluster, of: Host, channel: int) -> str:
    return f"imex:{plan.domain_uuid(of.domain)}/1/{channel}"


def ssh_key(plan: Cluster, user: User | str) -> str:
    """The id of an account's SSH key."""
    name = user if isinstance(user, str) else user.name
    return f"credential:ssh/{hashlib.blake2b(f'{plan.seed}/{plan.name}/{name}'.encode(), digest_size=16).hexdigest()}"


def munge_key(plan: Cluster) -> str:
    return f"credential:munge/{hashlib.blake2b(f'{plan.seed}/{plan.name}'.encode(), digest_size=16).hexdigest()}"


def dataset(line: Pipeline, step: str) -> str:
    """`step`: raw or prepared."""
    return f"dataset:{line.name}-{step}"


def model(line: Pipeline) -> str:
    return f"model:{line.name}"


def checkpoint(line: Pipeline, number: int) -> str:
    """`number` from 1."""
    return f"checkpoint:{line.name}-step{number:02d}000"
