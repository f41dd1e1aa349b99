"""What manifests mean, without their spelling: workloads, policies, networks, gates.

Selectors follow Kubernetes API reference, "LabelSelector"; addresses are IPv4 numbers, ranges include both ends.
"""

from collections.abc import Callable, Mapping

import msgspec

LAST_PORT = 65535
PROTOCOLS = ("TCP", "UDP", "SCTP")

Range = tuple[int, int]


class Requirement(msgspec.Struct, frozen=True):
    """One condition on one label."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()


_HOLDS: dict[str, Callable[[Requirement, Mapping[str, str]], bool]] = {
    "In": lambda one, labels: one.key in labels and labels[one.key] in one.values,
    "NotIn": lambda one, labels: labels.get(one.key) not in one.values,
    "Exists": lambda one, labels: one.key in labels,
    "DoesNotExist": lambda one, labels: one.key not in labels,
}
OPERATORS = frozenset(_HOLDS)


class Selector(msgspec.Struct, frozen=True):
    """All requirements hold; without any, everything is selected."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether something with these labels is selected."""
        return all(_HOLDS[one.operator](one, labels) for one in self.requirements)


class Namespace(msgspec.Struct, frozen=True):
    """A namespace; `labels` always has `kubernetes.io/metadata.name`."""

    name: str
    labels: dict[str, str]


class ContainerPort(msgspec.Struct, frozen=True):
    """A port that a container names; it opens nothing."""

    number: int
    name: str = ""
    protocol: str = "TCP"


class Attachment(msgspec.Struct, frozen=True):
    """One more interface of a workload: the NetworkAttachmentDefinition and the addresses asked for on it."""

    network: str
    namespace: str
    addresses: tuple[int, ...] = ()


class Workload(msgspec.Struct, frozen=True):
    """A controller of pods, a virtual machine, or a pod; `pod` names the pod where one was given, owned or not."""

    namespace: str
    name: str
    kind: str = "Pod"
    labels: dict[str, str] = {}
    ports: tuple[ContainerPort, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    pod: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}[{self.kind}]"


class Block(msgspec.Struct, frozen=True):
    """An address range without the ranges in `excepted`."""

    range: Range
    excepted: tuple[Range, ...] = ()


class Peer(msgspec.Struct, frozen=True):
    """Whom a rule speaks of: pods by labels, or addresses.

    With `blocks` empty: pods in namespaces that `namespaces` selects (None: the policy's own), narrowed by `pods`.
    """

    namespaces: Selector | None = None
    pods: Selector | None = None
    blocks: tuple[Block, ...] = ()


class Port(msgspec.Struct, frozen=True):
    """Ports `low` to `high` of a protocol, or the port that the target's containers call `name`.

    An empty `protocol` with a name takes whatever protocol the container's port has.
    """

    protocol: str
    low: int = 1
    high: int = LAST_PORT
    name: str = ""


class Rule(msgspec.Struct, frozen=True):
    """`peers` None: everyone; `ports` None: everything; `action`: `allow`, `deny` or `pass`."""

    peers: tuple[Peer, ...] | None = None
    ports: tuple[Port, ...] | None = None
    action: str = "allow"


class Policy(msgspec.Struct, frozen=True):
    """A NetworkPolicy, or a MultiNetworkPolicy (`networks`: (namespace, name) of those it is for).

    `ingress` or `egress` None: that direction is not touched; empty: nothing is allowed.
    """

    namespace: str
    name: str
    pods: Selector
    ingress: tuple[Rule, ...] | None = None
    egress: tuple[Rule, ...] | None = None
    networks: tuple[tuple[str, str], ...] | None = None


class AdminPolicy(msgspec.Struct, frozen=True):
    """An AdminNetworkPolicy, a BaselineAdminNetworkPolicy, or a ClusterNetworkPolicy of either tier."""

    kind: str
    name: str
    baseline: bool
    priority: int
    subject: Peer
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()


class PrimaryNetwork(msgspec.Struct, frozen=True):
    """A UserDefinedNetwork (of `namespace`) or a ClusterUserDefinedNetwork (of those that `namespaces` selects)."""

    name: str
    namespace: str = ""
    namespaces: Selector | None = None


class Definition(msgspec.Struct, frozen=True):
    """A NetworkAttachmentDefinition."""

    namespace: str
    name: str


class ServicePort(msgspec.Struct, frozen=True):
    """`target` is a number, a container port's name, or 0 for the same as `number`."""

    number: int
    name: str = ""
    target: int | str = 0


class Service(msgspec.Struct, frozen=True):
    """A Service that selects pods."""

    namespace: str
    name: str
    pods: Selector
    ports: tuple[ServicePort, ...] = ()


class Gate(msgspec.Struct, frozen=True):
    """An Ingress or a Route: the services behind it, each with the port asked for (0: all of them)."""

    namespace: str
    name: str
    kind: str
    backends: tuple[tuple[str, int | str], ...] = ()


Value = Namespace | Workload | Policy | AdminPolicy | PrimaryNetwork | Definition | Service | Gate
