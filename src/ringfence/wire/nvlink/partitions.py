"""NVLink partitions and members: fabric manager's JSON, NMX-M's REST answers, NetQ's compute nodes.

Source: the fabric manager client's `fmpm -l`, the OpenAPI of NMX-M (`/nmx/v1/…`), NetQ's JSON.
"""

from typing import Any, TypeVar

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_REMEDY = "capture it again"
MOST = 100_000
_T = TypeVar("_T")


class _FmGpu(msgspec.Struct, frozen=True):
    physicalId: int  # noqa: N815  (the format's own name)
    uuid: str = ""
    pciBusId: str = ""  # noqa: N815


class _FmPartition(msgspec.Struct, frozen=True):
    partitionId: int  # noqa: N815
    isActive: int | bool = 0  # noqa: N815
    gpuInfo: tuple[_FmGpu, ...] = ()  # noqa: N815


class _FmList(msgspec.Struct, frozen=True):
    partitionInfo: tuple[_FmPartition, ...]  # noqa: N815


class Partition(msgspec.Struct, frozen=True):
    """A fabric-manager partition of one host's NVSwitches; `gpus` are UUIDs ("" where it gives none)."""

    number: int
    active: bool
    gpus: tuple[str, ...]


class Location(msgspec.Struct, frozen=True, rename="pascal"):
    """Where NMX-M says that a tray or GPU sits."""

    chassis_id: int = msgspec.field(default=0, name="ChassisID")
    chassis_serial_number: str = ""
    slot_id: int = msgspec.field(default=0, name="SlotID")
    tray_index: int = 0
    host_id: int = msgspec.field(default=0, name="HostID")


class NmxGpu(msgspec.Struct, frozen=True):
    """One GPU of `/nmx/v1/gpus`. `PartitionID` 0 or absent: in no partition."""

    ID: str
    DeviceID: int
    DomainUUID: str = ""
    PartitionID: int = 0
    Name: str = ""
    LocationInfo: Location = Location()


class NmxPartition(msgspec.Struct, frozen=True):
    """One partition of `/nmx/v1/partitions`; members are GPU ids, or places (then an empty string each)."""

    PartitionID: int
    Name: str
    Type: str
    Members: tuple[str | dict[str, Any], ...] | None = None


class ComputeNode(msgspec.Struct, frozen=True):
    """One tray, as NMX-M (`/nmx/v1/compute-nodes`) and NetQ both print it."""

    Name: str
    DomainUUID: str
    LocationInfo: Location = Location()
    GpuIDList: tuple[str, ...] = ()


def fabric_manager(data: bytes) -> tuple[Partition, ...]:
    """`fmpm -l`: the partitions of one host."""
    found: _FmList = safe.json(data, _FmList)
    uuids = {gpu.physicalId: gpu.uuid for one in found.partitionInfo for gpu in one.gpuInfo if gpu.uuid}
    return tuple(
        Partition(one.partitionId, bool(one.isActive), tuple(uuids.get(gpu.physicalId, "") for gpu in one.gpuInfo))
        for one in found.partitionInfo
    )


def activated(table: tuple[Partition, ...], commands: bytes) -> tuple[Partition, ...]:
    """The partitions after `fmpm -a ID` (activate) and `fmpm -d ID` (deactivate) lines. Raises `InputError`."""
    active = {one.number: one.active for one in table}
    for line, text in safe.lines(commands):
        words = text.partition("#")[0].split()
        if not words:
            continue
        number = int(words[2]) if len(words) == 3 and words[2].isascii() and words[2].isdigit() else -1
        if words[:1] != ["fmpm"] or words[1:2] not in (["-a"], ["-d"]) or number not in active:
            raise InputError("no fmpm command on a partition of this host", line=line, remedy="see `fmpm -l`")
        active[number] = words[1] == "-a"
    return tuple(msgspec.structs.replace(one, active=active[one.number]) for one in table)


class NmxRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /nmx/v1/partitions` with accelerators by id."""

    name: str = msgspec.field(name="Name")
    members: tuple[str, ...] = msgspec.field(name="Members")


def nmx_request(data: bytes) -> NmxRequest:
    """A request to make a partition."""
    found: NmxRequest = safe.json(data, NmxRequest)
    return found


def nmx_gpus(data: bytes) -> tuple[NmxGpu, ...]:
    """`GET /nmx/v1/gpus`."""
    found: tuple[NmxGpu, ...] = safe.json(data, tuple[NmxGpu, ...])
    return _some(found)


def nmx_partitions(data: bytes) -> tuple[NmxPartition, ...]:
    """`GET /nmx/v1/partitions`."""
    found: tuple[NmxPartition, ...] = safe.json(data, tuple[NmxPartition, ...])
    return _some(found)


def compute_nodes(data: bytes) -> tuple[ComputeNode, ...]:
    """`GET /nmx/v1/compute-nodes`, or NetQ's computeNodes.json."""
    found: tuple[ComputeNode, ...] = safe.json(data, tuple[ComputeNode, ...])
    return _some(found)


def _some(found: tuple[_T, ...]) -> tuple[_T, ...]:
    if len(found) > MOST:
        raise InputError(f"more than {MOST} entries", remedy=_REMEDY)
    return found
