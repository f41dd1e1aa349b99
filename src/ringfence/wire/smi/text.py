"""The line outputs beside nvidia-smi's XML: `-L`, `conf-compute -f`, `/proc/driver/nvidia/params`."""

import re

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_GPU = re.compile(r"^GPU (\d{1,4}): (.{0,200}?) \(UUID: (GPU-[0-9A-Fa-f-]{8,60})\)$")
_MIG = re.compile(r"^\s+MIG (\S{1,40})\s+Device\s+(\d{1,4}): \(UUID: (MIG-[0-9A-Za-z/-]{4,80})\)$")
_PARAMETER = re.compile(r"^([A-Za-z][A-Za-z0-9]{0,80}): (.*)$")


class MigLine(msgspec.Struct, frozen=True):
    """A MIG device of `nvidia-smi -L`: the UUID that jobs see."""

    gpu_index: int
    gpu_uuid: str
    index: int
    profile: str
    uuid: str


class Listing(msgspec.Struct, frozen=True):
    """`nvidia-smi -L`: (index, name, UUID) of every GPU, and its MIG devices."""

    gpus: tuple[tuple[int, str, str], ...]
    migs: tuple[MigLine, ...]


def listing(data: bytes) -> Listing:
    """Read `nvidia-smi -L`. Raises `InputError` at a line that is neither a GPU nor a MIG device."""
    gpus: list[tuple[int, str, str]] = []
    migs: list[MigLine] = []
    for number, line in safe.lines(data):
        if found := _GPU.match(line.rstrip()):
            gpus.append((int(found[1]), found[2], found[3]))
        elif (found := _MIG.match(line.rstrip())) and gpus:
            migs.append(MigLine(gpus[-1][0], gpus[-1][2], int(found[2]), found[1], found[3]))
        elif line.strip():
            raise InputError("neither a GPU nor a MIG device", line=number, remedy="capture `nvidia-smi -L` again")
    if not gpus:
        raise InputError("lists no GPU", remedy="capture `nvidia-smi -L` again")
    return Listing(tuple(gpus), tuple(migs))


def confidential(data: bytes) -> bool:
    """Whether `nvidia-smi conf-compute -f` says that confidential computing is on."""
    for _, line in safe.lines(data):
        name, colon, value = line.partition(":")
        if colon and name.strip().lower() in ("cc status", "cc state"):
            return value.strip().upper() == "ON"
    raise InputError("says no CC status", remedy="capture `nvidia-smi conf-compute -f` again")


def parameters(data: bytes) -> dict[str, str]:
    """`/proc/driver/nvidia/params`: name → value as printed. Raises `InputError` at a line without `name: `."""
    found: dict[str, str] = {}
    for number, line in safe.lines(data):
        if pair := _PARAMETER.match(line):
            found[pair[1]] = pair[2].strip().strip('"')
        elif line.strip():
            raise InputError("not `name: value`", line=number, remedy="copy /proc/driver/nvidia/params again")
    if "RmProfilingAdminOnly" not in found and "DeviceFileMode" not in found:
        raise InputError("not the NVIDIA driver's parameters", remedy="copy /proc/driver/nvidia/params again")
    return found
