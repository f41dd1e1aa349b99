"""The parts of Kubernetes objects that matter here, named as in its API reference (v1.27 to v1.35).

Every field may be absent or null, as in a manifest written by hand; what absence means is the
reader's caller's business. Secret data has no field and is therefore never decoded.
"""

from typing import Any

import msgspec


class _Part(msgspec.Struct, frozen=True, rename="camel"):
    """Fields in camel case, unknown ones skipped."""


class Owner(_Part, frozen=True):
    kind: str = ""
    name: str = ""
    uid: str = ""


class Meta(_Part, frozen=True):
    """`metadata`. Names may be missing where `generateName` stands."""

    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    labels: dict[str, Any] | None = None
    annotations: dict[str, Any] | None = None
    owner_references: tuple[Owner, ...] | None = None
    uid: str | None = None


class Capabilities(_Part, frozen=True):
    add: tuple[str, ...] | None = None
    drop: tuple[str, ...] | None = None


class Security(_Part, frozen=True):
    """`securityContext` of a container; a pod's has a part of the same fields."""

    privileged: bool | None = None
    run_as_user: int | None = None
    run_as_non_root: bool | None = None
    allow_privilege_escalation: bool | None = None
    capabilities: Capabilities | None = None


class Mount(_Part, frozen=True):
    name: str = ""
    mount_path: str | None = None
    read_only: bool | None = None
    recursive_read_only: str | None = None
    sub_path: str | None = None
    sub_path_expr: str | None = None


class Port(_Part, frozen=True):
    container_port: int = 0
    host_port: int | None = None
    name: str | None = None
    protocol: str | None = None


class Claim(_Part, frozen=True):
    name: str | None = None
    resource_claim_name: str | None = None
    resource_claim_template_name: str | None = None


class Resources(_Part, frozen=True):
    limits: dict[str, Any] | None = None
    requests: dict[str, Any] | None = None


class Container(_Part, frozen=True):
    name: str = ""
    image: str | None = None
    security_context: Security | None = None
    volume_mounts: tuple[Mount, ...] | None = None
    ports: tuple[Port, ...] | None = None
    resources: Resources | None = None


class HostPath(_Part, frozen=True):
    path: str
    type: str | None = None


class Named(_Part, frozen=True):
    """A reference to another object by its name, under whichever key that kind of volume uses."""

    name: str | None = None
    secret_name: str | None = None
    claim_name: str | None = None
    read_only: bool | None = None


class Nfs(_Part, frozen=True):
    server: str
    path: str
    read_only: bool | None = None


class Csi(_Part, frozen=True):
    driver: str = ""
    read_only: bool | None = None
    volume_handle: str | None = None


class TokenSource(_Part, frozen=True):
    path: str | None = None
    audience: str | None = None


class Source(_Part, frozen=True):
    service_account_token: TokenSource | None = None
    secret: Named | None = None


class Projected(_Part, frozen=True):
    sources: tuple[Source, ...] | None = None


class Volume(_Part, frozen=True):
    name: str = ""
    host_path: HostPath | None = None
    persistent_volume_claim: Named | None = None
    secret: Named | None = None
    nfs: Nfs | None = None
    csi: Csi | None = None
    projected: Projected | None = None
    ephemeral: dict[str, Any] | None = None


class Os(_Part, frozen=True):
    name: str = ""


class PodSpec(_Part, frozen=True):
    containers: tuple[Container, ...] | None = None
    init_containers: tuple[Container, ...] | None = None
    ephemeral_containers: tuple[Container, ...] | None = None
    volumes: tuple[Volume, ...] | None = None
    node_name: str | None = None
    node_selector: dict[str, Any] | None = None
    service_account_name: str | None = None
    service_account: str | None = None
    automount_service_account_token: bool | None = None
    host_pid: bool | None = msgspec.field(default=None, name="hostPID")
    host_ipc: bool | None = msgspec.field(default=None, name="hostIPC")
    host_network: bool | None = None
    host_users: bool | None = None
    share_process_namespace: bool | None = None
    security_context: Security | None = None
    resource_claims: tuple[Claim, ...] | None = None
    os: Os | None = None


class PodStatus(_Part, frozen=True):
    phase: str | None = None
    host_ip: str | None = msgspec.field(default=None, name="hostIP")
    pod_ip: str | None = msgspec.field(default=None, name="podIP")


class Pod(_Part, frozen=True):
    metadata: Meta
    spec: PodSpec
    status: PodStatus | None = None


class Template(_Part, frozen=True):
    """A pod template of any workload: `where` is the key path to it inside the workload."""

    spec: PodSpec
    metadata: Meta = Meta()
    where: str = ""


class Address(_Part, frozen=True):
    type: str = ""
    address: str = ""


class NodeInfo(_Part, frozen=True):
    kubelet_version: str | None = None
    container_runtime_version: str | None = None
    kernel_version: str | None = None
    os_image: str | None = None


class NodeStatus(_Part, frozen=True):
    addresses: tuple[Address, ...] | None = None
    node_info: NodeInfo | None = None
    capacity: dict[str, Any] | None = None


class Taint(_Part, frozen=True):
    key: str = ""
    value: str | None = None
    effect: str = ""


class NodeSpec(_Part, frozen=True):
    taints: tuple[Taint, ...] | None = None
    unschedulable: bool | None = None


class Node(_Part, frozen=True):
    metadata: Meta
    spec: NodeSpec | None = None
    status: NodeStatus | None = None


class ServiceAccount(_Part, frozen=True):
    metadata: Meta
    automount_service_account_token: bool | None = None


class PolicyRule(_Part, frozen=True):
    verbs: tuple[str, ...] | None = None
    api_groups: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = None
    resource_names: tuple[str, ...] | None = None
    non_resource_urls: tuple[str, ...] | None = msgspec.field(default=None, name="nonResourceURLs")


class Expression(_Part, frozen=True):
    key: str
    operator: str
    values: tuple[str, ...] | None = None


class Selector(_Part, frozen=True):
    """A label selector; both lists empty selects everything."""

    match_labels: dict[str, Any] | None = None
    match_expressions: tuple[Expression, ...] | None = None


class Aggregation(_Part, frozen=True):
    cluster_role_selectors: tuple[Selector, ...] | None = None


class Role(_Part, frozen=True):
    """A Role or a ClusterRole."""

    metadata: Meta
    rules: tuple[PolicyRule, ...] | None = None
    aggregation_rule: Aggregation | None = None


class RoleRef(_Part, frozen=True):
    kind: str
    name: str


class Subject(_Part, frozen=True):
    kind: str
    name: str
    namespace: str | None = None


class Binding(_Part, frozen=True):
    """A RoleBinding or a ClusterRoleBinding."""

    metadata: Meta
    role_ref: RoleRef
    subjects: tuple[Subject, ...] | None = None


class Secret(_Part, frozen=True):
    """Name, kind and, for a token, its account. The data is never decoded."""

    metadata: Meta
    type: str | None = None


class ServicePort(_Part, frozen=True):
    port: int
    name: str | None = None
    target_port: int | str | None = None
    node_port: int | None = None
    protocol: str | None = None


class ServiceSpec(_Part, frozen=True):
    selector: dict[str, Any] | None = None
    ports: tuple[ServicePort, ...] | None = None
    type: str | None = None
    external_ips: tuple[str, ...] | None = msgspec.field(default=None, name="externalIPs")


class Service(_Part, frozen=True):
    metadata: Meta
    spec: ServiceSpec | None = None


class EndpointRef(_Part, frozen=True):
    kind: str | None = None
    name: str | None = None
    namespace: str | None = None


class EndpointAddress(_Part, frozen=True):
    target_ref: EndpointRef | None = None


class EndpointPort(_Part, frozen=True):
    port: int | None = None
    name: str | None = None


class Subset(_Part, frozen=True):
    addresses: tuple[EndpointAddress, ...] | None = None
    ports: tuple[EndpointPort, ...] | None = None


class Endpoints(_Part, frozen=True):
    metadata: Meta
    subsets: tuple[Subset, ...] | None = None


class PolicySpec(_Part, frozen=True):
    pod_selector: Selector | None = None
    policy_types: tuple[str, ...] | None = None
    ingress: tuple[dict[str, Any], ...] | None = None
    egress: tuple[dict[str, Any], ...] | None = None


class NetworkPolicy(_Part, frozen=True):
    metadata: Meta
    spec: PolicySpec | None = None


class ClaimRef(_Part, frozen=True):
    name: str | None = None
    namespace: str | None = None


class VolumeSpec(_Part, frozen=True):
    nfs: Nfs | None = None
    csi: Csi | None = None
    host_path: HostPath | None = None
    local: HostPath | None = None
    claim_ref: ClaimRef | None = None


class PersistentVolume(_Part, frozen=True):
    metadata: Meta
    spec: VolumeSpec | None = None


class ClaimSpec(_Part, frozen=True):
    volume_name: str | None = None
    storage_class_name: str | None = None
    access_modes: tuple[str, ...] | None = None


class PersistentVolumeClaim(_Part, frozen=True):
    metadata: Meta
    spec: ClaimSpec | None = None


class Plain(_Part, frozen=True):
    """An object of which only the metadata is looked at: a Namespace."""

    metadata: Meta


class Custom(_Part, frozen=True):
    """A custom resource that is looked into by key: operators, queues, claims."""

    metadata: Meta
    spec: dict[str, Any] | None = None
    status: dict[str, Any] | None = None
