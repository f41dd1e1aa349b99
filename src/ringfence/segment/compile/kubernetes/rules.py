"""What the kinds of policies share: peers, ports, what is allowed into and out of a cell, and how it is written."""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network

import msgspec

from ringfence.estate.kinds import OUTSIDE, kind_of
from ringfence.segment import what
from ringfence.segment.compile.kubernetes.cells import Cells, Json
from ringfence.segment.model import Residual
from ringfence.segment.what import LAST, What

OURS: Mapping[str, str] = {"app.kubernetes.io/managed-by": "ringfence"}
"""The label by which we know our own objects."""

HEADER = (
    "# Written by Ringfence. Objects that bear app.kubernetes.io/managed-by=ringfence are replaced at each apply.\n"
)
Network = IPv4Network | IPv6Network
_ENCODE = msgspec.json.Encoder().encode


def written(objects: Iterable[Json]) -> str:
    """A stream of YAML documents, each one line of JSON: quick to read, and kubectl takes it."""
    return HEADER + "".join(f"---\n{_ENCODE(one).decode()}\n" for one in objects)


def manifest(
    version: str, kind: str, name: str, spec: Json, namespace: str = "", annotations: Json | None = None
) -> Json:
    """One object of ours."""
    about: dict[str, object] = {"name": name, "labels": OURS}
    if namespace:
        about["namespace"] = namespace
    if annotations:
        about["annotations"] = annotations
    return {"apiVersion": version, "kind": kind, "metadata": about, "spec": spec}


def networks(cells: Cells, endpoint: str) -> tuple[Network, ...]:
    """The address blocks that an endpoint of the outside stands for; none where nobody knows."""
    if endpoint == OUTSIDE:
        return (ip_network("0.0.0.0/0"), ip_network("::/0"))
    name = endpoint.partition(":")[2]
    texts = cells.inventory.addresses.get(endpoint) or (name, name.partition("/")[2])
    return tuple(found for found in map(_network, texts) if found is not None)


def _network(text: str) -> Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def blocks(cells: Cells, group: str) -> Iterator[IPv4Network]:
    """IPv4 blocks of a group: its networks outside, and the nodes of its pods that have no address of their own."""
    pods = cells.inventory.pods
    for endpoint in cells.policy.groups[group].on("pod"):
        kind = kind_of(endpoint)
        if kind == "pod" and endpoint in pods and pods[endpoint].host_network and cells.namespace_of(endpoint):
            endpoint = cells.inventory.host_of.get(endpoint, "")
        elif kind != "network":
            continue
        yield from (one for one in networks(cells, endpoint) if isinstance(one, IPv4Network))


def pod_networks(cells: Cells) -> list[IPv4Network]:
    """The blocks that the cluster gives to its pods, where they are known."""
    found = networks(cells, f"network:kubernetes/{cells.name}/pods")
    return [one for one in found if isinstance(one, IPv4Network)]


def allowed(cells: Cells, groups: Iterable[str], inward: bool) -> dict[What, list[str]]:
    """What groups may be reached from (or may reach, unless `inward`): kind of traffic → groups at the other end."""
    found: dict[What, dict[str, None]] = {}
    by_end = cells.by_target if inward else cells.by_source
    for group in groups:
        for allow in by_end.get(group, ()):
            found.setdefault(what.parse(allow.what), {})[allow.source if inward else allow.target] = None
    return {key: list(others) for key, others in sorted(found.items())}


def speaks(kind: What) -> bool:
    """Whether a policy of Kubernetes has a word for this traffic."""
    return kind.protocol in ("any", "tcp", "udp", "sctp")


def low(kind: What) -> int:
    """The lowest port of an interval; port 0 does not exist in Kubernetes."""
    return max(kind.low, 1)


def every_port(kind: What) -> bool:
    """Whether the interval is all of a protocol."""
    return low(kind) == 1 and kind.high == LAST


def unspoken(cells: Cells, target: str) -> Iterator[Residual]:
    """Allows that cannot be written: they stay cut, so no pair is open because of them."""
    for allow in cells.policy.on("pod"):
        if not speaks(what.parse(allow.what)):
            why = f"policies of Kubernetes cannot allow {allow.what}; it stays cut"
            yield Residual("pod", target, allow.source, allow.target, 0, why, "allow a protocol with ports, or any")
    for name, group in cells.policy.groups.items():
        for endpoint in group.on("pod"):
            if kind_of(endpoint) == "network" and not any(
                isinstance(one, IPv4Network) for one in networks(cells, endpoint)
            ):
                why = "no IPv4 block is known for it; what it is allowed stays cut"
                yield Residual("pod", target, name, endpoint, 0, why, "name the network by its block")
