"""How Kubernetes things are named in the estate: every id carries its cluster.

`/` parts the ids and cannot stand in a real name; a name that has one anyway gets `∕`.
"""

import msgspec

from ringfence.collect.base import Scope
from ringfence.estate import ids
from ringfence.wire.kubernetes.shapes import Meta


def name_of(meta: Meta) -> str:
    """The object's name; what `generateName` begins with and `*` where it has none yet."""
    return meta.name or f"{meta.generate_name or ''}*"


def namespace_of(meta: Meta) -> str:
    """Its namespace, `default` where the manifest leaves it out."""
    return meta.namespace or "default"


class Names(msgspec.Struct, frozen=True):
    """The names of one cluster."""

    name: str
    scope: Scope

    def _of(self, kind: str, *parts: str) -> str:
        return ids.of(kind, self.name, *(part.replace("/", "∕") for part in parts))

    @property
    def cluster(self) -> str:
        return ids.of("cluster", self.name)

    def namespace(self, name: str) -> str:
        return self._of("namespace", name)

    def pod(self, namespace: str, name: str) -> str:
        return self._of("pod", namespace, name)

    def container(self, namespace: str, pod: str, name: str) -> str:
        return self._of("container", namespace, pod, name)

    def account(self, namespace: str, name: str) -> str:
        """A service account, under the user name that the API server knows it by."""
        return self.user(f"system:serviceaccount:{namespace}:{name}")

    def user(self, name: str) -> str:
        return self._of("identity", name)

    def group(self, name: str) -> str:
        return self._of("identity", f"group:{name}")

    def role(self, scope: str, kind: str, name: str) -> str:
        """The permissions of a (Cluster)Role where one scope's bindings put them; scope "*": everywhere."""
        return ids.of("role", self.name, *(part.replace("/", "∕") for part in (scope, kind, name)))

    def secret(self, namespace: str, name: str) -> str:
        return ids.of("credential", "kubernetes", self.name, namespace.replace("/", "∕"), name.replace("/", "∕"))

    def volume(self, namespace: str, *parts: str) -> str:
        return self._of("storage", namespace, *parts)

    def service(self, namespace: str, *parts: str, port: int) -> str:
        """A Service's port; a pod's own is told apart by `pod` or `hostPort` before its name."""
        return self._of("service", namespace, *parts) + f":{port}"

    def network(self, *parts: str) -> str:
        return ids.of("network", "kubernetes", self.name, *(part.replace("/", "∕") for part in parts))

    def partition(self, *parts: str) -> str:
        return self._of("partition", *parts)

    def imex(self, namespace: str, domain: str) -> str:
        return self._of("imex", namespace, domain)

    def host(self, node: str) -> str:
        return self.scope.host(node)

    def stand_in(self, selector: str = "") -> str:
        """The assumed node that work without a node is drawn on."""
        return ids.of("host", self.name, f"some-node[{selector}]" if selector else "some-node")

    def kubelet(self, node: str) -> str:
        """The account of a node's kubelet; `node` as the API names it, whole."""
        return self.user(f"system:node:{node}")
