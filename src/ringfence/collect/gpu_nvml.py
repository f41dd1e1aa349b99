"""This machine's NVIDIA accelerators, asked through NVML: what `nvidia-smi -q -x` would say.

Needs nvidia-ml-py (`ringfence[live]`) and the driver's own library. Every question only reads; what
a driver or a model does not support is left out, as nvidia-smi prints N/A. The answer is a file of
a capture like any other (`hosts/<host>/nvml.json`), so one collector makes the facts.
"""

import ctypes
from collections.abc import Callable, Iterator
from time import time
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from ringfence.collect.base import CapturedFile
from ringfence.errors import Problem
from ringfence.wire.smi.nvidia import Fabric, Gpu, Log, Mig, Process
from ringfence.wire.smi.nvml import Answer

SOURCE = "nvml"
_T = TypeVar("_T")
_ARCHITECTURES = ("Kepler", "Maxwell", "Pascal", "Volta", "Turing", "Ampere", "Ada", "Hopper", "Blackwell")
_SMI_NAMES = {"Ada": "Ada Lovelace"}
_STATES = {0: "", 1: "Not Started", 2: "In Progress", 3: "Completed"}


def answers(host: str) -> Iterator[CapturedFile | Problem]:
    """The answer of this machine's driver as a file of `host`, or one `Problem` that says why there is none."""
    try:
        import pynvml
    except ImportError:
        yield Problem(SOURCE, 0, "nvidia-ml-py is not installed", "pip install 'ringfence[live]'")
        return
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        yield Problem(SOURCE, 0, f"no NVIDIA driver answers here: {error}", "run it on a node that has one")
        return
    try:
        yield CapturedFile(f"hosts/{host}/nvml.json", msgspec.json.encode(Answer(read(pynvml))), time())
    except pynvml.NVMLError as error:
        yield Problem(SOURCE, 0, f"the driver stopped answering: {error}", "see dmesg for a fallen GPU")
    finally:
        pynvml.nvmlShutdown()


def read(nvml: Any) -> Log:
    """What NVML says, in the shape of nvidia-smi's answer. `nvml` is the initialised pynvml module."""
    cuda = nvml.nvmlSystemGetCudaDriverVersion_v2()
    count = nvml.nvmlDeviceGetCount()
    return Log(
        _text(nvml.nvmlSystemGetDriverVersion()),
        f"{cuda // 1000}.{cuda % 1000 // 10}",
        tuple(_gpu(nvml, index) for index in range(count)),
    )


def _gpu(nvml: Any, index: int) -> Gpu:
    device = nvml.nvmlDeviceGetHandleByIndex(index)

    def ask(name: str, default: _T, *arguments: Any) -> _T:
        return _ask(nvml, getattr(nvml, name, None), default, device, *arguments)

    def mode(name: str, first: bool = False) -> str:
        found = ask(name, None)
        found = found[0] if first and isinstance(found, (list, tuple)) else found
        return {0: "Disabled", 1: "Enabled"}.get(found, "") if isinstance(found, int) else ""

    memory = ask("nvmlDeviceGetMemoryInfo", None)
    protected = ask("nvmlDeviceGetConfComputeProtectedMemoryUsage", None)
    pci = ask("nvmlDeviceGetPciInfo", None)
    uuid = _text(ask("nvmlDeviceGetUUID", ""))
    return Gpu(
        index=index,
        uuid=uuid,
        name=_text(ask("nvmlDeviceGetName", "")),
        brand="",
        architecture=_architecture(nvml, ask("nvmlDeviceGetArchitecture", -1)),
        pci=_text(getattr(pci, "busId", "")),
        memory_mib=getattr(memory, "total", 0) >> 20,
        serial=_text(ask("nvmlDeviceGetSerial", "")),
        vbios=_text(ask("nvmlDeviceGetVbiosVersion", "")),
        gsp=_text(ask("nvmlDeviceGetGspFirmwareVersion", "")),
        persistence=mode("nvmlDeviceGetPersistenceMode"),
        accounting=mode("nvmlDeviceGetAccountingMode"),
        compute_mode=_compute_mode(nvml, ask("nvmlDeviceGetComputeMode", -1)),
        ecc=mode("nvmlDeviceGetEccMode", first=True),
        mig_mode=mode("nvmlDeviceGetMigMode", first=True),
        virtualization=_virtualization(nvml, ask("nvmlDeviceGetVirtualizationMode", 0)),
        protected_mib=None if protected is None else getattr(protected, "total", 0) >> 20,
        fabric=_fabric(nvml, device),
        place=None,
        migs=tuple(_migs(nvml, device)),
        processes=tuple(_processes(nvml, device)),
    )


def _ask(nvml: Any, question: Callable[..., _T] | None, default: _T, *arguments: Any) -> _T:
    if question is None:
        return default
    try:
        return question(*arguments)
    except (nvml.NVMLError_NotSupported, nvml.NVMLError_FunctionNotFound, nvml.NVMLError_NoPermission):
        return default
    except nvml.NVMLError_NotFound:
        return default


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _architecture(nvml: Any, code: int) -> str:
    for name in _ARCHITECTURES:
        if getattr(nvml, f"NVML_DEVICE_ARCH_{name.upper()}", None) == code:
            return _SMI_NAMES.get(name, name)
    return ""


def _compute_mode(nvml: Any, code: int) -> str:
    names = {
        nvml.NVML_COMPUTEMODE_DEFAULT: "Default",
        nvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS: "Exclusive_Process",
        nvml.NVML_COMPUTEMODE_PROHIBITED: "Prohibited",
    }
    return names.get(code, "")


def _virtualization(nvml: Any, code: int) -> str:
    names = {
        nvml.NVML_GPU_VIRTUALIZATION_MODE_PASSTHROUGH: "Pass-Through",
        nvml.NVML_GPU_VIRTUALIZATION_MODE_VGPU: "VGPU",
        nvml.NVML_GPU_VIRTUALIZATION_MODE_HOST_VGPU: "Host VGPU",
    }
    return names.get(code, "")


def _fabric(nvml: Any, device: Any) -> Fabric | None:
    shape = getattr(nvml, "c_nvmlGpuFabricInfo_v2_t", None)
    if shape is None:
        return None
    info = shape()
    done = _ask(nvml, nvml.nvmlDeviceGetGpuFabricInfoV, None, device, ctypes.byref(info))
    state = _STATES.get(int(info.state), "") if done is not None else ""
    if not state:
        return None
    cluster = UUID(bytes=bytes(info.clusterUuid))
    status = "Success" if int(info.status) == 0 else str(int(info.status))
    return Fabric(state, status, str(int(info.cliqueId)), str(cluster) if cluster.int else "")


def _migs(nvml: Any, device: Any) -> Iterator[Mig]:
    most = _ask(nvml, nvml.nvmlDeviceGetMaxMigDeviceCount, 0, device)
    for index in range(most):
        piece = _ask(nvml, nvml.nvmlDeviceGetMigDeviceHandleByIndex, None, device, index)
        if piece is None:
            continue
        memory = _ask(nvml, nvml.nvmlDeviceGetMemoryInfo, None, piece)
        yield Mig(index, _text(nvml.nvmlDeviceGetUUID(piece)), getattr(memory, "total", 0) >> 20)


def _processes(nvml: Any, device: Any) -> Iterator[Process]:
    kinds = (("C", nvml.nvmlDeviceGetComputeRunningProcesses), ("M+C", nvml.nvmlDeviceGetMPSComputeRunningProcesses))
    for kind, question in kinds:
        running: list[Any] = _ask(nvml, question, [], device)
        for one in running:
            yield Process(one.pid, kind, _text(_ask(nvml, nvml.nvmlSystemGetProcessName, "", one.pid)))
