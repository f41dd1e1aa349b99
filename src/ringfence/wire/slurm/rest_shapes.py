"""The parts of slurmrestd's JSON that are read, as shapes: every field admits the forms of all versions.

A number is plain or `{set, infinite, number}`, a state one word or a list of them.
"""

from typing import Any

import msgspec


class Number(msgspec.Struct, frozen=True):
    set: bool = True
    infinite: bool = False
    number: float = 0


Count = int | float | str | Number | None
Words = str | list[str] | None


class Node(msgspec.Struct, frozen=True):
    name: str = ""
    hostname: str | None = ""
    gres: str | None = ""
    features: Words = ""
    partitions: Words = None
    state: Words = ""
    state_flags: Words = None
    slurmd_version: str | None = ""
    version: str | None = ""


class Tres(msgspec.Struct, frozen=True):
    type: str = ""
    name: str | None = ""
    count: Count = 0


class AllocatedTres(msgspec.Struct, frozen=True):
    allocated: list[Tres] | None = None


class DbState(msgspec.Struct, frozen=True):
    current: Words = ""


class Time(msgspec.Struct, frozen=True):
    elapsed: Count = 0


class Job(msgspec.Struct, frozen=True):
    job_id: Count = 0
    user_name: str | None = ""
    user_id: Count = None
    user: str | None = ""
    account: str | None = ""
    partition: str | None = ""
    cluster: str | None = ""
    job_state: Words = None
    state: DbState | Words = None
    nodes: str | None = ""
    gres_detail: Words = None
    container: str | None = ""
    dependency: str | None = ""
    comment: Any = ""
    network: str | None = ""
    submit_line: str | None = ""
    tres: AllocatedTres | None = None
    time: Time | None = None


class PartitionNodes(msgspec.Struct, frozen=True):
    configured: str | None = ""


class Limits(msgspec.Struct, frozen=True):
    allowed: str | None = ""
    deny: str | None = ""


class Over(msgspec.Struct, frozen=True):
    jobs: Count = 1
    flags: Words = None


class Maximums(msgspec.Struct, frozen=True):
    oversubscribe: Over | None = None
    shares: Count = 1


class Partition(msgspec.Struct, frozen=True):
    """Since v0.0.39 in groups; before, flat: `nodes`, `allowed_accounts`, `max_share` …"""

    name: str = ""
    nodes: PartitionNodes | str | None = None
    accounts: Limits | None = None
    groups: Limits | None = None
    allowed_accounts: str | None = ""
    denied_accounts: str | None = ""
    allowed_groups: str | None = ""
    maximums: Maximums | None = None
    maximum_nodes_per_job: Count = None
    max_share: Count = None
    flags: Words = None


class SinfoNodes(msgspec.Struct, frozen=True):
    nodes: list[str] | None = None


class SinfoGres(msgspec.Struct, frozen=True):
    total: str | None = ""


class SinfoFeatures(msgspec.Struct, frozen=True):
    total: str | None = ""


class SinfoState(msgspec.Struct, frozen=True):
    state: Words = None


class Sinfo(msgspec.Struct, frozen=True):
    """One line of `sinfo --json` since 23.11: nodes of one partition that look the same."""

    nodes: SinfoNodes | None = None
    node: SinfoState | None = None
    gres: SinfoGres | None = None
    features: SinfoFeatures | None = None
    partition: Partition | None = None
    cluster: str | None = ""


class Assoc(msgspec.Struct, frozen=True):
    account: str | None = ""
    user: str | None = ""
    cluster: str | None = ""
    partition: str | None = ""
    parent_account: str | None = ""


class Coordinator(msgspec.Struct, frozen=True):
    name: str = ""


class Account(msgspec.Struct, frozen=True):
    name: str = ""
    coordinators: list[Coordinator] | None = None


class User(msgspec.Struct, frozen=True):
    name: str = ""
    administrator_level: Words = None
    coordinators: list[Coordinator] | None = None


class Qos(msgspec.Struct, frozen=True):
    name: str = ""


class Reservation(msgspec.Struct, frozen=True):
    name: str = ""
    node_list: str | None = ""
    users: str | None = ""
    accounts: str | None = ""
    flags: Words = None


class Ping(msgspec.Struct, frozen=True):
    hostname: str | None = ""
    pinged: str | None = ""
    mode: str | None = ""


class Plugin(msgspec.Struct, frozen=True):
    type: str | None = ""
    data_parser: str | None = ""


class Release(msgspec.Struct, frozen=True):
    release: str | None = ""
    cluster: str | None = ""


class Client(msgspec.Struct, frozen=True):
    source: str | None = ""


class Meta(msgspec.Struct, frozen=True):
    plugin: Plugin | None = None
    slurm: Release | None = None
    Slurm: Release | None = None
    client: Client | None = None


class Error(msgspec.Struct, frozen=True):
    description: str | None = ""
    error: str | None = ""
    source: str | None = ""


class Document(msgspec.Struct, frozen=True):
    meta: Meta | None = None
    errors: list[Error] | None = None
    nodes: list[Node] | None = None
    jobs: list[Job] | None = None
    partitions: list[Partition] | None = None
    sinfo: list[Sinfo] | None = None
    accounts: list[Account] | None = None
    associations: list[Assoc] | None = None
    users: list[User] | None = None
    qos: list[Qos] | None = None
    QOS: list[Qos] | None = None
    reservations: list[Reservation] | None = None
    pings: list[Ping] | None = None
