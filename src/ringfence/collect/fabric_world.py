"""What was read of all fabrics, before anything is said: the tables in which the files meet."""

from ringfence.collect.base import CapturedFile, Scope
from ringfence.collect.fabric_names import fabric_of
from ringfence.wire.ibnet.lldp import Neighbour
from ringfence.wire.ibnet.nos import SwitchConfig
from ringfence.wire.ibnet.opensm import Options
from ringfence.wire.ibnet.partitions import Partitions
from ringfence.wire.ibnet.rdma import Listener, Pair, PkeyInterface, RdmaLink
from ringfence.wire.ibnet.saquery import Manager, NodeName, Table
from ringfence.wire.ibnet.sysfs import SysPort
from ringfence.wire.ibnet.values import Topology
from ringfence.wire.ibnet.wiring import Cable


class Fabric:
    """One subnet: what each file said of it, with the file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.topologies: list[tuple[Topology, CapturedFile]] = []
        self.names: list[tuple[NodeName, CapturedFile]] = []
        self.managers: list[tuple[Manager, CapturedFile]] = []
        self.tables: list[tuple[Table, CapturedFile]] = []
        self.partitions: list[tuple[Partitions, CapturedFile]] = []
        self.options: list[tuple[Options, CapturedFile]] = []
        self.tabled: frozenset[str] = frozenset()
        """Ports whose partitions are known."""
        self.answered_default_key: CapturedFile | None = None
        self.kinds: dict[int, str] = {}
        """Port GUID → adapter or switch, for every port that a subnet manager programs."""


class HostPorts:
    """One host's devices as it shows them itself."""

    def __init__(self) -> None:
        self.values: list[tuple[str, int, str, str, int]] = []
        self.ports: dict[tuple[str, int], SysPort] = {}
        self.links: list[RdmaLink] = []
        self.pairs: list[Pair] = []
        self.listeners: list[Listener] = []
        self.interfaces: list[PkeyInterface] = []
        self.neighbours: list[Neighbour] = []
        self.modules: set[str] = set()
        self.file: CapturedFile | None = None


class World:
    """All fabrics, hosts and switches of one capture."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.fabrics: dict[str, Fabric] = {}
        self.hosts: dict[str, HostPorts] = {}
        self.switches: dict[str, tuple[SwitchConfig, CapturedFile]] = {}
        self.switch_neighbours: dict[str, list[tuple[Neighbour, CapturedFile]]] = {}
        self.expected: list[tuple[Cable, CapturedFile]] = []
        self.owner: dict[int, str] = {}
        """Port GUID → host or switch."""
        self.home: dict[int, str] = {}
        """Port GUID → name of its fabric."""
        self.by_device: dict[tuple[str, str, int], str] = {}
        """(host, device, port) → port entity."""
        self.broken: set[str] = set()
        self._homes: dict[str, set[str]] | None = None

    def fabric(self, name: str) -> Fabric:
        """The fabric of that name, made on first mention."""
        return self.fabrics.setdefault(name, Fabric(name))

    def host(self, entity: str, file: CapturedFile) -> HostPorts:
        """The devices of that host, made on first mention."""
        ports = self.hosts.setdefault(entity, HostPorts())
        ports.file = ports.file or file
        return ports

    def homes(self) -> dict[str, set[str]]:
        """Host or switch → the fabrics that its ports lie in; call once the topologies were told."""
        if self._homes is None:
            self._homes = {}
            for guid, owner in self.owner.items():
                self._homes.setdefault(owner, set()).add(self.home[guid])
        return self._homes

    def failed(self, path: str) -> None:
        """Remember that a file of this fabric was not read whole."""
        self.broken.add(fabric_of(path, self.scope))
