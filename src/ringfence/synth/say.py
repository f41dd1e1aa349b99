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


def salt(plan: Cluster) -> bytes:
    """The salt of the generated captures, so that their credentials get the ids that the facts have."""
    return hashlib.blake2b(f"{plan.seed}/{plan.name}/salt".encode(), digest_size=16).digest()


def public_blob(plan: Cluster, user: User) -> bytes:
    """An Ed25519 public key, as SSH encodes it, that nobody has the private half of."""
    point = hashlib.blake2b(f"{plan.seed}/{plan.name}/{user.name}".encode(), digest_size=32).digest()
    return b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + point


def ssh_key(plan: Cluster, user: User) -> str:
    """The id of an account's SSH key."""
    return ids.credential("ssh", public_blob(plan, user), salt(plan))


def munge_digest(plan: Cluster) -> str:
    """What the capture script prints for the munge key: 64 hexadecimal digits."""
    secret = hashlib.blake2b(f"{plan.seed}/{plan.name}/munge".encode()).digest()
    return hashlib.sha256(salt(plan).hex().encode() + secret).hexdigest()


def munge_key(plan: Cluster) -> str:
    """The id of the key that all of Slurm shares."""
    return f"credential:munge/{munge_digest(plan)[:32]}"


def dataset(line: Pipeline, step: str) -> str:
    """`step`: raw or prepared."""
    return f"dataset:{line.name}-{step}"


def model(line: Pipeline) -> str:
    return f"model:{line.name}"


def checkpoint(line: Pipeline, number: int) -> str:
    """`number` from 1."""
    return f"checkpoint:{line.name}-step{number:02d}000"
