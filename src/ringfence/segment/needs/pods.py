"""What pods need of one another beyond their own gang: names, the API, declared services, the platform itself.

        kube-* namespaces ─▶ platform:<cluster>     with all pods in them, known or not; may reach everything outside
        all other pods ─▶ pods:<cluster>            may ask the platform for names
        Service + its pods ─▶ svc:<cluster>/…       reached at declared ports from its namespace, or as exposed
        pods with a token ─▶ api-users:<cluster>    may call the API server

The prefix `kube-` is reserved for the platform by Kubernetes itself. Data comes to a pod through its node (mounts),
so it needs nothing here; what pods reach outside beyond this must be told by flows or by an override.
"""

from collections.abc import Iterator, Mapping

from ringfence.estate.kinds import OUTSIDE
from ringfence.segment.compartment import cannot_tell, group
from ringfence.segment.model import Allow, Group, Residual
from ringfence.segment.scene import Scene
from ringfence.segment.seen import starting

API_PORT = 6443
_KINDS_OF_PORTS = ("pod", "hostPort")
"""Second part of the ids of what pods themselves listen on; all others are Services."""

Found = Group | Allow | Residual


def needs(scene: Scene) -> Iterator[Found]:
    """The groups and allows of every cluster that has pods."""
    by_cluster: dict[str, dict[str, list[str]]] = {}
    for pod in scene.seen.of("in_namespace"):
        if pod.startswith("pod:"):
            cluster, namespace, _ = pod.partition(":")[2].split("/", 2)
            by_cluster.setdefault(cluster, {}).setdefault(namespace, []).append(pod)
    for cluster, spaces in sorted(by_cluster.items()):
        yield group(f"outside:{cluster}", "outside", "", "everything outside the cluster", pod=[OUTSIDE])
        yield from _platform(cluster, spaces)
        yield from _services(scene, cluster, spaces)
        yield from _api(scene, cluster, spaces)


def is_platform(namespace: str) -> bool:
    """Whether a namespace is the cluster's own."""
    return namespace.startswith("kube-")


def _platform(cluster: str, spaces: Mapping[str, list[str]]) -> Iterator[Found]:
    mine = [pod for name, pods in spaces.items() if not is_platform(name) for pod in pods]
    yield group(f"pods:{cluster}", "role", "", "every pod outside the platform", pod=mine)
    own = [end for name, pods in spaces.items() if is_platform(name) for end in (f"namespace:{cluster}/{name}", *pods)]
    if not own:
        return
    name, outside = f"platform:{cluster}", f"outside:{cluster}"
    yield group(name, "service", "", "the cluster's own namespaces, with every pod in them", pod=own)
    yield Allow(name, name, "pod", "any", "parts of the platform work together")
    yield Allow(name, outside, "pod", "any", "the platform reaches nodes, the API and its upstreams")
    yield Allow(outside, name, "pod", "any", "nodes and the API server reach the platform")
    for what in ("tcp/53", "udp/53"):
        yield Allow(f"pods:{cluster}", name, "pod", what, "names are resolved by the platform")


def _services(scene: Scene, cluster: str, spaces: Mapping[str, list[str]]) -> Iterator[Found]:
    """Every Service with pods outside the platform: its namespace may call it, others as far as it is exposed."""
    seen = scene.seen
    declared: dict[str, set[int]] = {}
    for service, containers in seen.of("selects").items():
        kind, port = _kind(service, cluster), service.rpartition(":")[2]
        if kind == "pod" and port.isdigit():
            for container in containers:
                declared.setdefault(container, set()).add(int(port))
    called = set()
    for service, containers in sorted(seen.of("selects").items()):
        namespace = service.partition(":")[2].split("/")[1] if _kind(service, cluster) == "service" else ""
        ends = starting([pod for one in containers for pod in seen.objects(one, "part_of")], "pod")
        if not ends or namespace not in spaces or is_platform(namespace):
            continue
        name, outside = f"svc:{service.partition(':')[2].rpartition(':')[0]}", f"outside:{cluster}"
        tenant = seen.first(f"namespace:{cluster}/{namespace}", "in_tenant")
        callers = f"pods:{cluster}/{namespace}"
        if callers not in called:
            called.add(callers)
            yield group(callers, "role", tenant, f"every pod of {namespace}", pod=spaces[namespace])
        yield group(name, "service", tenant, f"pods behind {service}", pod=ends)
        ports = sorted({number for one in containers for number in declared.get(one, ())}) or _own_port(service)
        exposed = set(seen.objects(service, "listens_on")) & {OUTSIDE, f"network:kubernetes/{cluster}/nodes"}
        for number in ports:
            yield Allow(callers, name, "pod", f"tcp/{number}", f"{service} is offered to its namespace")
            if exposed:
                yield Allow(outside, name, "pod", f"tcp/{number}", f"{service} is exposed outside the cluster")


def _kind(service: str, cluster: str) -> str:
    """`pod` or `hostPort` for what a pod listens on by itself, `service` for a Service, "" for other clusters'."""
    parts = service.partition(":")[2].split("/")
    if parts[0] != cluster or len(parts) < 3:
        return ""
    return parts[2] if len(parts) == 4 and parts[2] in _KINDS_OF_PORTS else "service"


def _own_port(service: str) -> list[int]:
    port = service.rpartition(":")[2]
    return [int(port)] if port.isdigit() and 0 < int(port) < 65536 else []


def _api(scene: Scene, cluster: str, spaces: Mapping[str, list[str]]) -> Iterator[Found]:
    """Pods that hold a token for the API may call it, at the addresses of the hosts that run it."""
    seen = scene.seen
    holders = {one for one, _, shown in seen.rows("shares_volume") if shown.get("content") == "token"}
    users = {pod for one in holders for pod in seen.objects(one, "part_of")}
    mine = [pod for name, pods in spaces.items() if not is_platform(name) for pod in pods if pod in users]
    if not mine:
        return
    hosts = starting(seen.subjects("controls", f"cluster:{cluster}"), "host")
    found = {one for host in hosts for addresses in scene.addresses.get(host, {}).values() for one in addresses}
    users_of, api = f"api-users:{cluster}", f"api:{cluster}"
    yield group(users_of, "role", "", "pods that hold a token for the API", pod=mine)
    if not found:
        yield cannot_tell("pod", users_of, api, "nobody told the addresses of the API server: calls to it are cut")
        return
    blocks = [f"network:{one}/{128 if ':' in one else 32}" for one in found]
    yield group(api, "outside", "", f"the API server of {cluster}", pod=blocks)
    yield Allow(users_of, api, "pod", f"tcp/{API_PORT}", "they hold a token for it")
