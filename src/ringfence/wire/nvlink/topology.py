"""NetQ's topology graph (which host hangs on which switch) and NCCL's topology XML (one node class).

Source: NetQ's `topologyGraph.json`; NCCL's `NCCL_TOPO_DUMP_FILE` and the files that clouds ship.
"""

from collections.abc import Iterator

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_GPU_CLASS = "0x0302"
_NIC_CLASSES = ("0x0207", "0x0200")


class _Node(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    device_type: str = ""
    compounded_nodes: tuple["_Node", ...] = ()


class _Interface(msgspec.Struct, frozen=True):
    node: str
    interface: str = ""


class _Link(msgspec.Struct, frozen=True):
    interfaces: tuple[_Interface, ...] = ()
    compounded_links: tuple["_Link", ...] = ()


class _Graph(msgspec.Struct, frozen=True):
    nodes: tuple[_Node, ...]
    links: tuple[_Link, ...]


class Uplink(msgspec.Struct, frozen=True):
    """One cable between two named devices; `device` types are NetQ's own (switch, discovered_via_lldp)."""

    name: str
    interface: str
    type: str
    peer: str
    peer_interface: str
    peer_type: str


class Pcie(msgspec.Struct, frozen=True):
    """What NCCL sees in a node: PCI addresses of GPUs and adapters, and NVLink targets per GPU.

    `behind` groups the addresses that hang below one bridge: they reach each other past the CPU.
    """

    gpus: tuple[str, ...]
    adapters: tuple[str, ...]
    nvlinks: tuple[tuple[str, str], ...]
    behind: tuple[tuple[str, ...], ...]


def graph(data: bytes) -> tuple[Uplink, ...]:
    """NetQ's topology graph as cables between named devices."""
    found: tuple[_Graph, ...] = safe.json(data, tuple[_Graph, ...])
    cables: list[Uplink] = []
    for part in found:
        nodes = {node.id: node for node in _flat(part.nodes)}
        for link in _cables(part.links):
            ends = [(nodes.get(end.node), end.interface) for end in link.interfaces]
            (one, port), (other, far) = ends if len(ends) == 2 else ((None, ""), (None, ""))
            if one is None or other is None:
                raise InputError("a link to a node that is not listed", remedy="export the topology graph again")
            cables.append(Uplink(one.name, port, one.device_type, other.name, far, other.device_type))
    return tuple(cables)


def _flat(nodes: tuple[_Node, ...]) -> Iterator[_Node]:
    for node in nodes:
        yield node
        yield from node.compounded_nodes


def _cables(links: tuple[_Link, ...]) -> Iterator[_Link]:
    for link in links:
        yield from link.compounded_links or (link,)


def nccl(data: bytes) -> Pcie:
    """NCCL's topology XML. A file of channels (`<graphs>`) has no devices of its own and is refused."""
    root = safe.xml(data)
    if root.tag != "system":
        raise InputError("not NCCL's topology of a system", remedy="its graph files name no devices; leave them out")
    gpus, adapters, behind = [], [], []
    links: list[tuple[str, str]] = []
    for pci in root.iter("pci"):
        address, kind = pci.get("busid", ""), pci.get("class", "")
        children = tuple(child.get("busid", "") for child in pci.findall("pci"))
        if kind.startswith(_GPU_CLASS):
            gpus.append(address)
            links.extend((address, link.get("target", "")) for link in pci.iter("nvlink"))
        elif kind.startswith(_NIC_CLASSES):
            adapters.append(address)
        if len(children) > 1:
            behind.append(children)
    if not gpus:
        raise InputError("names no GPU", remedy="dump the topology again with NCCL_TOPO_DUMP_FILE")
    return Pcie(tuple(gpus), tuple(adapters), tuple(links), tuple(behind))
