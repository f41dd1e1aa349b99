"""Kubernetes objects as they are written, the fields that decide connectivity only.

Sources: Kubernetes API reference v1.35 (core, apps, batch, networking.k8s.io/v1); network-policy-api v1alpha1 and
v1alpha2; OVN-Kubernetes UserDefinedNetwork v1; multi-networkpolicy v1beta1; KubeVirt v1; OpenShift Route v1.
"""

import msgspec

Labels = dict[str, str]


class _Part(msgspec.Struct, frozen=True, rename="camel"):
    """Fields in camel case; unknown ones are skipped, absent and null mean the same."""


class Owner(_Part, frozen=True):
    kind: str = ""
    name: str = ""
    controller: bool | None = None


class Meta(_Part, frozen=True):
    name: str | None = None
    namespace: str | None = None
    labels: Labels | None = None
    annotations: dict[str, str | None] | None = None
    owner_references: tuple[Owner, ...] | None = None


class Expression(_Part, frozen=True):
    key: str = ""
    operator: str = ""
    values: tuple[str, ...] | None = None


class LabelSelector(_Part, frozen=True):
    match_labels: Labels | None = None
    match_expressions: tuple[Expression, ...] | None = None


class Object(_Part, frozen=True):
    metadata: Meta = Meta()


class ContainerPort(_Part, frozen=True):
    container_port: int = 0
    name: str | None = None
    protocol: str | None = None


class Container(_Part, frozen=True):
    ports: tuple[ContainerPort, ...] | None = None


class Multus(_Part, frozen=True):
    network_name: str = ""


class VmNetwork(_Part, frozen=True):
    name: str = ""
    multus: Multus | None = None


class CloudInit(_Part, frozen=True):
    network_data: str | None = None


class Volume(_Part, frozen=True):
    cloud_init_no_cloud: CloudInit | None = None
    cloud_init_config_drive: CloudInit | None = None


class PodSpec(_Part, frozen=True):
    """Of a pod, and of a virtual machine instance."""

    containers: tuple[Container, ...] | None = None
    networks: tuple[VmNetwork, ...] | None = None
    volumes: tuple[Volume, ...] | None = None


class Template(_Part, frozen=True):
    metadata: Meta | None = None
    spec: PodSpec | None = None


class Pod(Object, frozen=True):
    spec: PodSpec | None = None


class ControllerSpec(_Part, frozen=True):
    template: Template | None = None


class Controller(Object, frozen=True):
    spec: ControllerSpec | None = None


class JobTemplate(_Part, frozen=True):
    spec: ControllerSpec | None = None


class CronJobSpec(_Part, frozen=True):
    job_template: JobTemplate | None = None


class CronJob(Object, frozen=True):
    spec: CronJobSpec | None = None


class IpBlock(_Part, frozen=True):
    cidr: str = ""
    except_: tuple[str, ...] | None = msgspec.field(default=None, name="except")


class PolicyPeer(_Part, frozen=True):
    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IpBlock | None = None


class PolicyPort(_Part, frozen=True):
    protocol: str | None = None
    port: int | str | None = None
    end_port: int | None = None


class PolicyRule(_Part, frozen=True):
    from_: tuple[PolicyPeer, ...] | None = msgspec.field(default=None, name="from")
    to: tuple[PolicyPeer, ...] | None = None
    ports: tuple[PolicyPort, ...] | None = None


class PolicySpec(_Part, frozen=True):
    pod_selector: LabelSelector | None = None
    policy_types: tuple[str, ...] | None = None
    ingress: tuple[PolicyRule, ...] | None = None
    egress: tuple[PolicyRule, ...] | None = None


class NetworkPolicy(Object, frozen=True):
    spec: PolicySpec | None = None


class NamespacedPod(_Part, frozen=True):
    namespace_selector: LabelSelector | None = None
    pod_selector: LabelSelector | None = None


class AdminPeer(_Part, frozen=True):
    """Also a policy's subject. Exactly one field is set."""

    namespaces: LabelSelector | None = None
    pods: NamespacedPod | None = None
    nodes: LabelSelector | None = None
    networks: tuple[str, ...] | None = None
    domain_names: tuple[str, ...] | None = None


class PortNumber(_Part, frozen=True):
    port: int = 0
    protocol: str | None = None


class PortRange(_Part, frozen=True):
    start: int = 0
    end: int = 0
    protocol: str | None = None


class AdminPort(_Part, frozen=True):
    port_number: PortNumber | None = None
    port_range: PortRange | None = None
    named_port: str | None = None


class DestinationPort(_Part, frozen=True):
    number: int | None = None
    range: PortRange | None = None


class Transport(_Part, frozen=True):
    destination_port: DestinationPort | None = None


class ClusterProtocol(_Part, frozen=True):
    tcp: Transport | None = None
    udp: Transport | None = None
    sctp: Transport | None = None
    destination_named_port: str | None = None


class AdminRule(_Part, frozen=True):
    name: str | None = None
    action: str = ""
    from_: tuple[AdminPeer, ...] | None = msgspec.field(default=None, name="from")
    to: tuple[AdminPeer, ...] | None = None
    ports: tuple[AdminPort, ...] | None = None
    protocols: tuple[ClusterProtocol, ...] | None = None


class AdminSpec(_Part, frozen=True):
    tier: str | None = None
    priority: int = 0
    subject: AdminPeer = AdminPeer()
    ingress: tuple[AdminRule, ...] | None = None
    egress: tuple[AdminRule, ...] | None = None


class AdminPolicy(Object, frozen=True):
    spec: AdminSpec = AdminSpec()


class Layer(_Part, frozen=True):
    role: str = ""


class NetworkSpec(_Part, frozen=True):
    topology: str = ""
    layer2: Layer | None = None
    layer3: Layer | None = None


class UserDefinedNetwork(Object, frozen=True):
    spec: NetworkSpec = NetworkSpec()


class ClusterNetworkSpec(_Part, frozen=True):
    namespace_selector: LabelSelector | None = None
    network: NetworkSpec = NetworkSpec()


class ClusterUserDefinedNetwork(Object, frozen=True):
    spec: ClusterNetworkSpec = ClusterNetworkSpec()


class ServicePort(_Part, frozen=True):
    port: int = 0
    name: str | None = None
    target_port: int | str | None = None


class ServiceSpec(_Part, frozen=True):
    selector: Labels | None = None
    ports: tuple[ServicePort, ...] | None = None


class Service(Object, frozen=True):
    spec: ServiceSpec | None = None


class BackendPort(_Part, frozen=True):
    name: str | None = None
    number: int | None = None


class BackendService(_Part, frozen=True):
    name: str = ""
    port: BackendPort | None = None


class Backend(_Part, frozen=True):
    service: BackendService | None = None


class HttpPath(_Part, frozen=True):
    backend: Backend = Backend()


class Http(_Part, frozen=True):
    paths: tuple[HttpPath, ...] | None = None


class IngressRule(_Part, frozen=True):
    http: Http | None = None


class IngressSpec(_Part, frozen=True):
    default_backend: Backend | None = None
    rules: tuple[IngressRule, ...] | None = None


class Ingress(Object, frozen=True):
    spec: IngressSpec | None = None


class RouteTarget(_Part, frozen=True):
    kind: str | None = None
    name: str = ""


class RoutePort(_Part, frozen=True):
    target_port: int | str = 0


class RouteSpec(_Part, frozen=True):
    to: RouteTarget = RouteTarget()
    port: RoutePort | None = None
    alternate_backends: tuple[RouteTarget, ...] | None = None


class Route(Object, frozen=True):
    spec: RouteSpec = RouteSpec()
