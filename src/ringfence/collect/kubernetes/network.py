"""Services, ports, network policies and secondary networks.

Every port that something listens on is a `service` entity: a Service's, a hostPort, a declared
containerPort. A declared port is no proof of a listener, nor its absence of none; it is what the
manifest says. Who may connect is drawn coarsely: the pod network, the node network, the outside. A pod
whose policies isolate it and allow nobody in listens nowhere; one whose policies allow somebody
is drawn as before with `restricted=true` (the segment room reads the policies themselves).
"""

from collections.abc import Iterator

import msgspec

from ringfence.collect.kubernetes.model import Held, Model, Pod
from ringfence.collect.kubernetes.names import Names, name_of, namespace_of
from ringfence.collect.kubernetes.rbac import selects
from ringfence.errors import InputError
from ringfence.estate.facts import Fact, Scalar
from ringfence.estate.ids import clean
from ringfence.estate.kinds import OUTSIDE
from ringfence.wire import safe
from ringfence.wire.kubernetes import shapes

_NETWORKS = "k8s.v1.cni.cncf.io/networks"
_API = ("default", "kubernetes")
"""The Service that every cluster has for its own API server."""


class Network:
    """Facts of how pods are reached."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._names: Names = model.names
        self._by_label: dict[tuple[str, str, str], list[int]] = {}
        self._by_namespace: dict[str, list[int]] = {}
        for at, pod in enumerate(model.pods):
            self._by_namespace.setdefault(pod.namespace, []).append(at)
            for key, value in pod.labels:
                self._by_label.setdefault((pod.namespace, key, value), []).append(at)
        self._closed, self._restricted = self._isolated()
        self._by_hand = self._endpoints()

    def _endpoints(self) -> dict[tuple[str, str], list[int]]:
        """Pods that Endpoints name, for Services without a selector."""
        at_name = {(pod.namespace, pod.name): at for at, pod in enumerate(self._model.pods)}
        found: dict[tuple[str, str], dict[int, None]] = {}
        for held in self._model.of("Endpoints"):
            key = namespace_of(held.value.metadata), name_of(held.value.metadata)
            for subset in held.value.subsets or ():
                for address in subset.addresses or ():
                    target = address.target_ref or shapes.EndpointRef()
                    at = at_name.get((target.namespace or key[0], target.name or ""))
                    if target.kind == "Pod" and at is not None:
                        found.setdefault(key, {})[at] = None
        return {key: list(pods) for key, pods in found.items()}

    def _isolated(self) -> tuple[set[int], set[int]]:
        """Pods that policies let nobody reach, and pods that they let somebody reach."""
        closed: set[int] = set()
        open_to_some: set[int] = set()
        for held in self._model.of("NetworkPolicy"):
            spec = held.value.spec or shapes.PolicySpec()
            if "Ingress" not in (spec.policy_types or ("Ingress",)):
                continue
            chosen = set(self._chosen(namespace_of(held.value.metadata), spec.pod_selector))
            (open_to_some if spec.ingress else closed).update(chosen)
        return closed - open_to_some, open_to_some

    def _chosen(self, namespace: str, selector: shapes.Selector | None) -> Iterator[int]:
        wanted = [
            (namespace, key, str(value)) for key, value in ((selector.match_labels or {}) if selector else {}).items()
        ]
        here = self._by_namespace.get(namespace, [])
        candidates = min((self._by_label.get(one, []) for one in wanted), key=len) if wanted else here
        for at in candidates:
            if selects(selector, self._model.pods[at].labels):
                yield at

    def facts(self) -> Iterator[Fact]:
        for at, pod in enumerate(self._model.pods):
            yield from self._pod(at, pod)
        for held in self._model.of("Service"):
            yield from self._service(held)
        for held in self._model.of("NetworkPolicy"):
            spec = held.value.spec or shapes.PolicySpec()
            kinds = "+".join(sorted(spec.policy_types or ("Ingress",)))
            what = f"network-policy={name_of(held.value.metadata)} {kinds}"
            yield held.say(self._names.namespace(namespace_of(held.value.metadata)), "setting", clean(what))
        for held in self._model.of("NetworkAttachmentDefinition"):
            yield from self._attachment(held)

    def _where(self, at: int, pod: Pod) -> tuple[str, dict[str, Scalar]] | None:
        if pod.spec.host_network:
            return self._names.network("nodes"), {}
        if at in self._closed:
            return None
        return self._names.network("pods"), {"restricted": True} if at in self._restricted else {}

    def _pod(self, at: int, pod: Pod) -> Iterator[Fact]:
        names, say = self._names, pod.held.say
        entity = names.pod(pod.namespace, pod.name)
        yield say(entity, "attached_to", names.network("nodes" if pod.spec.host_network else "pods"))
        for network in _secondary(pod):
            namespace, _, name = network.rpartition("/")
            yield say(entity, "attached_to", names.network(namespace or pod.namespace, name))
        where = self._where(at, pod)
        for container in pod.containers:
            me = names.container(pod.namespace, pod.name, container.name)
            for port in container.ports or ():
                if not port.container_port:
                    continue
                inside = names.service(pod.namespace, "pod", pod.name, port=port.container_port)
                yield from self._open(pod.held, inside, pod.namespace, (me,), port.container_port)
                if where is not None:
                    yield say(inside, "listens_on", where[0], port=port.container_port, **where[1])
                if port.host_port and not pod.spec.host_network:
                    outside = names.service(pod.namespace, "hostPort", pod.name, port=port.host_port)
                    yield from self._open(pod.held, outside, pod.namespace, (me,), port.container_port)
                    yield say(outside, "listens_on", names.network("nodes"), port=port.host_port)

    def _open(self, held: Held, service: str, namespace: str, behind: tuple[str, ...], port: int) -> Iterator[Fact]:
        yield held.say(service, "in_cluster", self._names.cluster)
        yield held.say(service, "in_namespace", self._names.namespace(namespace))
        for container in behind:
            yield held.say(service, "selects", container, port=port)

    def _service(self, held: Held) -> Iterator[Fact]:
        service: shapes.Service = held.value
        spec = service.spec or shapes.ServiceSpec()
        namespace, names = namespace_of(service.metadata), self._names
        if spec.selector:
            chosen = list(self._chosen(namespace, shapes.Selector(match_labels=spec.selector)))
        else:
            chosen = self._by_hand.get((namespace, name_of(service.metadata)), [])
        for port in spec.ports or ():
            entity = names.service(namespace, name_of(service.metadata), port=port.port)
            behind = tuple(
                names.container(namespace, self._model.pods[at].name, container.name)
                for at in chosen
                for container in _listeners(self._model.pods[at], port)
            )
            yield from self._open(held, entity, namespace, behind, port.port)
            if (namespace, name_of(service.metadata)) == _API:
                yield held.say(entity, "service_kind", "kube-api")
                yield held.say(entity, "listens_on", names.network("pods"), port=port.port)
            if any(at not in self._closed for at in chosen):
                yield held.say(entity, "listens_on", names.network("pods"), port=port.port)
                if spec.type in ("NodePort", "LoadBalancer"):
                    yield held.say(entity, "listens_on", names.network("nodes"), port=port.node_port or port.port)
                if (spec.type == "LoadBalancer" and not _internal(service.metadata)) or spec.external_ips:
                    yield held.say(entity, "listens_on", OUTSIDE, port=port.port)

    def _attachment(self, held: Held) -> Iterator[Fact]:
        meta = held.value.metadata
        network = self._names.network(namespace_of(meta), name_of(meta))
        text = (held.value.spec or {}).get("config")
        if not isinstance(text, str):
            return
        try:
            config = safe.json(text.encode("utf-8", "replace"))
        except InputError:
            return
        if not isinstance(config, dict):
            return
        plugins = config.get("plugins")
        for plugin in [config, *(plugins if isinstance(plugins, list) else [])]:
            if isinstance(plugin, dict):
                for key in ("type", "master", "pkey", "vlan", "ibKubernetesEnabled"):
                    if isinstance(plugin.get(key), str | int):
                        yield held.say(network, "setting", clean(f"cni-{key}={plugin[key]}"))


def _listeners(pod: Pod, port: shapes.ServicePort) -> Iterator[shapes.Container]:
    """Containers that declare the target port; where none does and it is a number, any may listen on it."""
    target = port.target_port if port.target_port is not None else port.port
    containers = pod.containers[: len(pod.spec.containers or ())]
    declared = [one for one in containers if any(target in (own.name, own.container_port) for own in one.ports or ())]
    yield from declared or (containers if isinstance(target, int) else ())


def _internal(meta: shapes.Meta) -> bool:
    return any("internal" in f"{key}={value}".lower() for key, value in (meta.annotations or {}).items())


def _secondary(pod: Pod) -> Iterator[str]:
    """The networks that Multus attaches: a JSON list, or names with commas between them."""
    text = pod.annotations.get(_NETWORKS)
    if not isinstance(text, str):
        return
    if text.lstrip().startswith("["):
        try:
            many = msgspec.json.decode(text.encode("utf-8", "replace"))
        except (msgspec.DecodeError, RecursionError):
            return
        for one in many if isinstance(many, list) else ():
            if isinstance(one, dict) and isinstance(one.get("name"), str):
                yield f"{one.get('namespace') or pod.namespace}/{one['name']}"
        return
    for part in text.split(","):
        name = part.strip().partition("@")[0]
        if name:
            yield name
