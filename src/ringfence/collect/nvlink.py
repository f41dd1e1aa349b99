"""Which accelerators NVLink joins, and by which software path: fabric state, link tables,
partitions, IMEX.

A domain's id: `nvlink:<clusterUUID>/<clique>` across hosts, `nvlink:<host>` for one host's own
links, `nvlink:<host>/partition-<n>` for a partition that the host's fabric manager has made.
NMX-M numbers its partitions as the driver numbers cliques, so both name the same domain.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence

from ringfence.collect.base import CapturedFile, Found, Scope, asked, each
from ringfence.collect.probe import Probe, Question, ReadFile
from ringfence.errors import InputError
from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.wire.nvlink import imex, partitions, tables, topology
from ringfence.wire.smi import nvidia

QUESTIONS: tuple[Question, ...] = (
    Probe("hosts/{host}/nvlink-status.txt", ("nvidia-smi", "nvlink", "-s")),
    Probe("hosts/{host}/topo-m.txt", ("nvidia-smi", "topo", "-m")),
    Probe("hosts/{host}/fmpm.json", ("fmpm", "-l")),
    Probe("hosts/{host}/imex-channels.txt", ("ls", "-l", "/dev/nvidia-caps-imex-channels")),
    ReadFile("hosts/{host}/nvidia-imex/nodes_config.cfg", "/etc/nvidia-imex/nodes_config.cfg"),
    ReadFile("hosts/{host}/nvidia-imex/config.cfg", "/etc/nvidia-imex/config.cfg"),
)

MOST_CHANNELS = 4096
_ADDRESS = re.compile(r"^[0-9.]+$|:")
_SHOWS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("matrix", re.compile(rb"\A[\s\x1b\[0-9;m]{0,80}GPU0(\x1b\[[0-9;]{0,9}m)?[ \t]+[^\n]{0,4000}CPU Affinity")),
    ("links", re.compile(rb"\A\s{0,9}GPU \d{1,4}: [^\n]{0,200}\(UUID: GPU-[^\n]{0,80}\n\s{1,20}Link \d")),
    ("fm", re.compile(rb'"partitionInfo"\s{0,9}:')),
    ("nmx-gpus", re.compile(rb'"ALIDList"\s{0,9}:')),
    ("nmx-partitions", re.compile(rb'"Members"\s{0,9}:')),
    ("compute-nodes", re.compile(rb'"DomainUUID"\s{0,9}:')),
    ("netq-graph", re.compile(rb'"compounded_(links|nodes)"\s{0,9}:')),
    ("nccl", re.compile(rb'<system version="|<graphs version="')),
    ("imex-settings", re.compile(rb"(?m)^IMEX_[A-Z_]{3,60}=")),
    ("imex-channels", re.compile(rb"(?m)^c[rwxst-]{9}[^\n]{0,200}\schannel\d{1,6}\s*$")),
    ("fm-log", re.compile(rb"\A\[[A-Z][a-z]{2} \d\d \d{4} [\d:]{8}\] \[[A-Z]{1,9}\] \[tid \d")),
)
_NEEDS = {"nmx-gpus": b'"DeviceID"', "nmx-partitions": b'"PartitionID"', "compute-nodes": b'"LocationInfo"'}


class Known:
    """What the node's other files have told: GPUs by index, the domain across hosts, where it sits."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.uuids: dict[str, dict[int, str]] = {}
        self.migs: dict[tuple[str, int], str] = {}
        self.domain: dict[str, str] = {}
        self.place: dict[tuple[str, str, str], str] = {}
        self.partitioned: set[str] = set()
        self._claimed: dict[tuple[str, int], tuple[str, str]] = {}

    def claim(self, host: str, path: str, gpus: Mapping[int, str]) -> None:
        """Take a file's GPUs for this host's. Raises `InputError` if another file names others by the same numbers."""
        for index, uuid in gpus.items():
            other, first = self._claimed.get((host, index), (uuid, ""))
            if other != uuid:
                what = f"names another GPU {index} of {host} than {first}: they are two machines', or of two times"
                raise InputError(what, remedy="move it below hosts/NAME/ of its own machine, or leave out the older")
        for index, uuid in gpus.items():
            self._claimed.setdefault((host, index), (uuid, path))

    def learn(self, host: str, log: nvidia.Log) -> None:
        """Keep what later files refer to."""
        self.uuids[host] = {gpu.index: gpu.uuid for gpu in log.gpus}
        for gpu in log.gpus:
            if gpu.fabric and gpu.fabric.cluster:
                self.domain[host] = ids.nvlink(gpu.fabric.cluster, gpu.fabric.clique or "0")
            if gpu.place:
                self.place[gpu.place.chassis, gpu.place.slot, gpu.place.host] = host

    def gpu(self, host: str, index: int) -> str:
        """The GPU's id: by UUID if it is known, else by index."""
        uuid = self.uuids.get(host, {}).get(index) or self._claimed.get((host, index), ("", ""))[0]
        return ids.gpu(uuid) if uuid else f"gpu:{host.partition(':')[2]}/{index}"


def own_domain(host: str) -> str:
    """The domain of one host's own NVLinks."""
    return ids.nvlink(host.partition(":")[2])


def sort(path: str, head: bytes) -> str:
    """The format's name, or ""."""
    for name, mark in _SHOWS:
        if mark.search(head) and _NEEDS.get(name, b"") in head:
            return name
    name = path.rpartition("/")[2].lower()
    if name.startswith(("nodes_config", "nodes.cfg")) and not head.lstrip().startswith((b"{", b"<", b"[")):
        return "imex-nodes"
    return "links" if not head.strip() and "nvlink" in name else ""


def from_smi(log: nvidia.Log, host: str, known: Known) -> Iterator[Fact]:
    """Membership from the fabric state that the driver reports."""
    for gpu in log.gpus:
        if gpu.fabric is None or not (gpu.fabric.cluster or gpu.fabric.state == "Completed"):
            continue
        across = bool(gpu.fabric.cluster)
        domain = ids.nvlink(gpu.fabric.cluster, gpu.fabric.clique or "0") if across else own_domain(host)
        if across or len(log.gpus) > 1:
            yield Fact(ids.gpu(gpu.uuid), "nvlink_member", domain)
    if any(gpu.fabric for gpu in log.gpus):
        yield asked(host, "nvlink", answered=True, complete=True)


def collect(by_format: Mapping[str, Sequence[CapturedFile]], known: Known) -> Iterator[Found]:
    """Partitions first: where they are, the bare link tables say too much."""
    scope = known.scope
    yield from each(by_format.get("fm", ()), lambda file: _fabric_manager(file, known))
    yield from each(by_format.get("compute-nodes", ()), lambda file: _compute_nodes(file, known))
    yield from each(by_format.get("nmx-gpus", ()), lambda file: _nmx_gpus(file, known))
    yield from each(by_format.get("nmx-partitions", ()), _nmx_partitions)
    seen = {scope.host_of(file.path) for file in by_format.get("matrix", ())}
    yield from each(by_format.get("matrix", ()), lambda file: _matrix(file, known))
    yield from each(by_format.get("links", ()), lambda file: _links(file, known, seen))
    yield from each(by_format.get("nccl", ()), lambda file: _nccl(file, known))
    yield from each(by_format.get("netq-graph", ()), lambda file: _graph(file, scope))
    yield from each(by_format.get("imex-nodes", ()), lambda file: _imex_nodes(file, known))
    yield from each(by_format.get("imex-channels", ()), lambda file: _imex_channels(file, known))
    yield from each(by_format.get("imex-settings", ()), lambda file: _imex_settings(file, scope))
    yield from each(by_format.get("fm-log", ()), lambda file: _log(file, scope))


def _matrix(file: CapturedFile, known: Known) -> Iterator[Fact]:
    host = known.scope.host_of(file.path)
    groups = tables.matrix(file.data).joined()
    if host not in known.partitioned and host not in known.domain:
        for group in groups:
            domain = own_domain(host) if len(groups) == 1 else f"{own_domain(host)}/{group[0]}"
            for index in group:
                yield Fact(known.gpu(host, index), "nvlink_member", domain)
    yield asked(host, "nvlink", answered=True, complete=True)


def _links(file: CapturedFile, known: Known, seen: set[str]) -> Iterator[Fact]:
    host = known.scope.host_of(file.path)
    found = tables.links(file.data)
    known.claim(host, file.path, {one.index: one.uuid for one in found})
    linked = [one for one in found if one.up]
    for one in found:
        yield Fact(
            f"gpu:{host.partition(':')[2]}/{one.index}", "same_as", ids.gpu(one.uuid), {"rule": "host and index"}
        )
        yield Fact(host, "has_gpu", ids.gpu(one.uuid), {"index": one.index, "model": ids.clean(one.name)})
    if len(linked) > 1 and host not in known.partitioned | known.domain.keys() | seen:
        for one in linked:
            yield Fact(ids.gpu(one.uuid), "nvlink_member", own_domain(host), {"links": one.up})
    yield asked(host, "nvlink", answered=True, complete=True)


def _fabric_manager(file: CapturedFile, known: Known) -> Iterator[Fact]:
    host = known.scope.host_of(file.path)
    active = [one for one in partitions.fabric_manager(file.data) if one.active]
    if active:
        known.partitioned.add(host)
        yield Fact(host, "setting", "fabric_manager=partitioned")
    for one in active:
        if len(one.gpus) < 2:  # alone in its partition: its links lead nowhere
            continue
        for uuid in filter(None, one.gpus):
            domain = f"{own_domain(host)}/partition-{one.number}"
            yield Fact(ids.gpu(uuid), "nvlink_member", domain, {"partition": one.number})
    yield asked(host, "nvlink", answered=True, complete=True)


def _compute_nodes(file: CapturedFile, known: Known) -> Iterator[Fact]:
    for node in partitions.compute_nodes(file.data):
        host, at = known.scope.host(node.Name), node.LocationInfo
        known.place.setdefault((at.chassis_serial_number, str(at.slot_id), str(at.host_id)), host)
        yield Fact(host, "labelled", f"nvlink-domain={ids.clean(node.DomainUUID)}")
        if at.chassis_serial_number:
            yield Fact(host, "labelled", f"chassis={ids.clean(at.chassis_serial_number)}")
            yield Fact(host, "labelled", f"slot={at.slot_id}")
        if host in known.uuids:  # nvidia-smi has told more, and by UUID
            continue
        for index, gpu in enumerate(node.GpuIDList):
            yield Fact(host, "has_gpu", ids.of("gpu", "nmx", gpu), {"index": index})
            yield Fact(ids.of("gpu", "nmx", gpu), "nvlink_member", ids.nvlink(node.DomainUUID))


def _nmx_gpus(file: CapturedFile, known: Known) -> Iterator[Fact]:
    for gpu in partitions.nmx_gpus(file.data):
        at, entity = gpu.LocationInfo, ids.of("gpu", "nmx", gpu.ID)
        host = known.place.get((at.chassis_serial_number, str(at.slot_id), str(at.host_id)), "")
        if host in known.uuids:
            continue
        if host:
            yield Fact(host, "has_gpu", entity, {"index": gpu.DeviceID, "model": ids.clean(gpu.Name)})
        if gpu.PartitionID:
            domain = ids.nvlink(gpu.DomainUUID, gpu.PartitionID)
            yield Fact(entity, "nvlink_member", domain, {"partition": gpu.PartitionID})


def _nmx_partitions(file: CapturedFile) -> Iterator[Fact]:
    """Names and members; the domain of each stands in the GPUs' own answer."""
    for one in partitions.nmx_partitions(file.data):
        for member in one.Members or ():
            if isinstance(member, str):
                about = {"partition": one.PartitionID}
                yield Fact(ids.of("gpu", "nmx", member), "labelled", f"partition={ids.clean(one.Name)}", about)


def _nccl(file: CapturedFile, known: Known) -> Iterator[Fact]:
    host = known.scope.host_of(file.path)
    found = topology.nccl(file.data)
    yield Fact(host, "setting", f"nccl_gpus={len(found.gpus)}")
    joined = {gpu for gpu, target in found.nvlinks if target != gpu}
    if joined and host not in known.partitioned | known.domain.keys() and host not in known.uuids:
        for index, address in enumerate(found.gpus):
            if address in joined:
                yield Fact(known.gpu(host, index), "nvlink_member", own_domain(host))


def _graph(file: CapturedFile, scope: Scope) -> Iterator[Fact]:
    for link in topology.graph(file.data):
        ends = ((link.name, link.type, link.interface), (link.peer, link.peer_type, link.peer_interface))
        for (name, kind, port), (peer, peer_kind, far) in (ends, ends[::-1]):
            if kind != "switch" and peer_kind == "switch":
                about = {"port": ids.clean(port), "switch_port": ids.clean(far)}
                yield Fact(scope.host(name), "labelled", f"uplink={ids.clean(peer)}", about)


def _imex_nodes(file: CapturedFile, known: Known) -> Iterator[Fact]:
    host = known.scope.host_of(file.path)
    names = imex.nodes(file.data)
    if len(names) > 1:
        if host not in known.domain:
            same = hashlib.blake2b("\n".join(sorted(names)).encode(), digest_size=8).hexdigest()
            known.domain[host] = ids.nvlink(f"imex-{same}")
        others = {known.scope.host(name) for name in names if not _ADDRESS.search(name)} - {host}
        for member in (host, *sorted(others)):
            known.domain.setdefault(member, known.domain[host])
            yield from channel(member, 0, known, open_to_all=False)
    yield Fact(host, "setting", f"imex_nodes={len(names)}")


def _imex_channels(file: CapturedFile, known: Known) -> Iterator[Fact]:
    host = known.scope.host_of(file.path)
    found = imex.channels(file.data)
    if len(found) > MOST_CHANNELS:
        raise InputError(f"more than {MOST_CHANNELS} channels", remedy="capture the folder again")
    for one in found:
        yield from channel(host, one.number, known, open_to_all=one.open)


def channel(host: str, number: int, known: Known, *, open_to_all: bool) -> Iterator[Fact]:
    """The host holds this channel of its domain; nothing where it is in no domain across hosts."""
    domain = known.domain.get(host)
    if domain is None:
        return
    entity = f"imex:{domain.partition(':')[2]}/{number}"
    yield Fact(entity, "imex_of", domain)
    yield Fact(host, "uses_imex", entity)
    if open_to_all:
        yield Fact(host, "device_open", "imex")


def _imex_settings(file: CapturedFile, scope: Scope) -> Iterator[Fact]:
    host = scope.host_of(file.path)
    found = imex.settings(file.data)
    on = found.get("IMEX_ENABLE_AUTH_ENCRYPTION", "0") == "1"
    yield Fact(host, "setting", "imex_auth=" + (found.get("IMEX_AUTH_ENCRYPTION_MODE", "on").lower() if on else "none"))
    yield asked(host, "imex-config", answered=True, complete=True)


def _log(file: CapturedFile, scope: Scope) -> Iterator[Fact]:
    """That fabric manager runs; its GPU handles name nothing that other sources know."""
    yield Fact(scope.host_of(file.path), "setting", "fabric_manager=running")
