"""Accelerators of every node: nvidia-smi, the NVIDIA driver's parameters, amd-smi, rocm-smi, and
what joins them (`collect.nvlink`).

All files are read as one group, so that a channel or a link named by index meets the GPU that
another file of the same node names by UUID.
"""

import re
from collections.abc import Iterator

from ringfence.collect import nvlink
from ringfence.collect.base import CapturedFile, Collector, Found, Scope, asked, each
from ringfence.collect.nvlink import Known
from ringfence.collect.probe import Probe, Question, ReadFile
from ringfence.estate import ids
from ringfence.estate.facts import Fact, Scalar
from ringfence.wire.smi import amd, nvidia, nvml, text
from ringfence.wire.smi.memory import memory_type

QUESTIONS: tuple[Question, ...] = (
    Probe("hosts/{host}/nvidia-smi.xml", ("nvidia-smi", "-q", "-x"), timeout_s=60),
    Probe("hosts/{host}/nvidia-smi-list.txt", ("nvidia-smi", "-L")),
    Probe("hosts/{host}/nvidia-smi-conf-compute.txt", ("nvidia-smi", "conf-compute", "-f")),
    Probe("hosts/{host}/amd-smi-static.json", ("amd-smi", "static", "--json"), timeout_s=60),
    ReadFile("hosts/{host}/nvidia-params", "/proc/driver/nvidia/params"),
    *nvlink.QUESTIONS,
)

_SHOWS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("smi", re.compile(rb"<nvidia_smi_log")),
    ("nvml", re.compile(rb'\A\{"nvml_log":')),
    ("params", re.compile(rb"(?m)^(RmProfilingAdminOnly|DeviceFileMode): ")),
    ("conf-compute", re.compile(rb"(?mi)^\s{0,20}CC stat(us|e): ?\w")),
    ("amd", re.compile(rb'"gpu_data"|"card\d{1,3}": ?\{|"gpu": ?\d{1,4},\s{0,20}"(asic|bdf|bus|kfd_id)"')),
)
_LISTING = re.compile(rb"\A\s{0,9}GPU \d{1,4}: [^\n]{0,200}\(UUID: GPU-")
_CONFIDENTIAL = ("Hopper", "Blackwell")


def recognise(path: str, head: bytes) -> str:
    """Claim every file of this family as "gpu"; `sort` tells the formats apart."""
    return "gpu" if sort(path, head) else ""


def sort(path: str, head: bytes) -> str:
    """The format's name, or ""."""
    for name, mark in _SHOWS:
        if mark.search(head):
            return name
    joined = nvlink.sort(path, head)
    return joined or ("listing" if _LISTING.match(head) else "")


def collect(form: str, files: list[CapturedFile], scope: Scope) -> Iterator[Found]:
    """GPUs first, then what refers to them by index."""
    by_format: dict[str, list[CapturedFile]] = {}
    for file in files:
        by_format.setdefault(sort(file.path, file.head), []).append(file)
    known = Known(scope)
    yield from each(by_format.get("listing", ()), lambda file: _listing(file, scope, known))
    yield from each(by_format.get("smi", ()), lambda file: _smi_facts(file, scope, known))
    yield from each(by_format.get("nvml", ()), lambda file: _nvml_facts(file, scope, known))
    yield from each(by_format.get("conf-compute", ()), lambda file: _confidential(file, scope, known))
    yield from each(by_format.get("amd", ()), lambda file: _amd(file, scope, known))
    yield from nvlink.collect(by_format, known)
    yield from each(by_format.get("params", ()), lambda file: _parameters(file, scope, known))


def _smi_facts(file: CapturedFile, scope: Scope, known: Known) -> Iterator[Fact]:
    """The facts of one node's `nvidia-smi -q -x`."""
    return _log_facts(nvidia.read(file.data), scope.host_of(file.path), known, file.path)


def _nvml_facts(file: CapturedFile, scope: Scope, known: Known) -> Iterator[Fact]:
    return _log_facts(nvml.read(file.data), scope.host_of(file.path), known, file.path)


def _log_facts(log: nvidia.Log, host: str, known: Known, path: str) -> Iterator[Fact]:
    """The facts of one node's accelerators, from the XML or live."""
    known.claim(host, path, {gpu.index: gpu.uuid for gpu in log.gpus})
    known.learn(host, log)
    if log.driver:
        version = ids.clean(log.driver)
        about = {"version": version, "branch": version.partition(".")[0]}
        yield Fact(host, "runs_software", "package:nvidia-driver", about)
    for model in sorted({gpu.driver_model for gpu in log.gpus if gpu.driver_model}):
        yield _set(host, "driver_model", model)  # only Windows has one
    if log.cuda:
        yield Fact(host, "runs_software", "package:nvidia-cuda", {"version": ids.clean(log.cuda)})
    for gpu in log.gpus:
        yield from _gpu(gpu, host, known)
        yield from _state(gpu)
    slices = {gpu.uuid: [known.migs.get((gpu.uuid, mig.index), mig.uuid) for mig in gpu.migs] for gpu in log.gpus}
    yield from _numbered(host, [(gpu.index, gpu.uuid, slices[gpu.uuid]) for gpu in log.gpus])
    yield from nvlink.from_smi(log, host, known)
    yield asked(host, "gpu", answered=True, complete=True)


def _gpu(gpu: nvidia.Gpu, host: str, known: Known) -> Iterator[Fact]:
    entity = ids.gpu(gpu.uuid)
    about: dict[str, Scalar] = {
        "index": gpu.index,
        "model": ids.clean(gpu.name),
        "memory_mib": gpu.memory_mib,
        "pci": ids.clean(gpu.pci),
    }
    yield Fact(host, "has_gpu", entity, about)
    name = gpu.name or "nvidia"
    for product, version in ((f"{name} vbios", gpu.vbios), ("nvidia-gsp", gpu.gsp)):
        if version:
            firmware = ids.of("firmware", product, version)
            yield Fact(entity, "runs_firmware", firmware, {"version": ids.clean(version), "name": ids.clean(product)})
    if gpu.serial:
        part = {"slot": f"GPU {gpu.index}", "model": ids.clean(gpu.name), "maker": "NVIDIA"}
        yield Fact(host, "has_component", ids.of("component", gpu.serial), part)
    for mig in gpu.migs:
        piece = ids.gpu(known.migs.get((gpu.uuid, mig.index), mig.uuid))
        yield Fact(piece, "part_of", entity)
        yield Fact(host, "has_gpu", piece, {"index": f"{gpu.index}:{mig.index}", "memory_mib": mig.memory_mib})
    if len(gpu.migs) > 1:
        yield Fact(entity, "setting", "mig_shared=on")


def _numbered(host: str, gpus: list[tuple[int, str, list[str]]]) -> Iterator[Fact]:
    """The driver's number of each GPU, and the scheduler's of each MIG device, by (index, UUID, MIG UUIDs).

    A scheduler counts devices, a GPU in MIG mode by its parts: its third may be `gpu:<host>/mig/2`.
    """
    count = 0
    for index, uuid, pieces in gpus:
        yield Fact(at_index(host, index), "same_as", ids.gpu(uuid), {"rule": "host and index"})
        for number, piece in enumerate(pieces, count):
            about: dict[str, Scalar] = {"rule": "host and the scheduler's count"}
            yield Fact(f"gpu:{host.partition(':')[2]}/mig/{number}", "same_as", ids.gpu(piece), about)
        count += len(pieces) or 1


def at_index(host: str, index: int) -> str:
    """The id that a scheduler would use: `gpu:<host>/<index>`."""
    return f"gpu:{host.partition(':')[2]}/{index}"


_ON = {"Enabled": "on", "Disabled": "off"}


def _state(gpu: nvidia.Gpu) -> Iterator[Fact]:
    entity = ids.gpu(gpu.uuid)
    modes = {"ecc": gpu.ecc, "mig": gpu.mig_mode, "persistence": gpu.persistence, "accounting": gpu.accounting}
    for name, value in modes.items():
        if value in _ON:
            yield _set(entity, name, _ON[value])
    if gpu.compute_mode:
        yield _set(entity, "compute_mode", gpu.compute_mode.lower().replace(" ", "_"))
    told = {"architecture": gpu.architecture, "brand": gpu.brand}
    yield from (_set(entity, name, value) for name, value in told.items() if value)
    if gpu.protected_mib:
        yield _set(entity, "cc_mode", "on")
    elif gpu.protected_mib == 0 and gpu.architecture in _CONFIDENTIAL:
        yield _set(entity, "cc_mode", "off")
    if gpu.virtualization:
        yield _set(entity, "virtualization", gpu.virtualization.lower())
    if memory_type(gpu.name) == "gddr6":
        yield _set(entity, "memory_type", "gddr6")
    if any("M" in one.kind or one.name.endswith("nvidia-cuda-mps-server") for one in gpu.processes):
        yield _set(entity, "mps", "on")
    running = sum("C" in one.kind for one in gpu.processes)
    if running:
        yield _set(entity, "compute_processes", str(running))


def _set(entity: str, name: str, value: str) -> Fact:
    return Fact(entity, "setting", f"{name}={ids.clean(value)}")


def _listing(file: CapturedFile, scope: Scope, known: Known) -> Iterator[Fact]:
    host = scope.host_of(file.path)
    found = text.listing(file.data)
    known.claim(host, file.path, {index: uuid for index, _, uuid in found.gpus})
    own: dict[str, list[str]] = {uuid: [] for _, _, uuid in found.gpus}
    for index, name, uuid in found.gpus:
        yield Fact(host, "has_gpu", ids.gpu(uuid), {"index": index, "model": ids.clean(name)})
    for mig in found.migs:
        known.migs[mig.gpu_uuid, mig.index] = mig.uuid
        own[mig.gpu_uuid].append(mig.uuid)
        piece = ids.gpu(mig.uuid)
        yield Fact(piece, "part_of", ids.gpu(mig.gpu_uuid))
        yield Fact(host, "has_gpu", piece, {"index": f"{mig.gpu_index}:{mig.index}", "model": ids.clean(mig.profile)})
    yield from _numbered(host, [(index, uuid, own[uuid]) for index, _, uuid in found.gpus])


def _confidential(file: CapturedFile, scope: Scope, known: Known) -> Iterator[Fact]:
    host = scope.host_of(file.path)
    mode = "on" if text.confidential(file.data) else "off"
    yield _set(host, "gpu_cc_mode", mode)
    for uuid in known.uuids.get(host, {}).values():
        yield _set(ids.gpu(uuid), "cc_mode", mode)


def _parameters(file: CapturedFile, scope: Scope, known: Known) -> Iterator[Fact]:
    host = scope.host_of(file.path)
    found = text.parameters(file.data)
    admin_only = found.get("RmProfilingAdminOnly", "")
    if admin_only in ("0", "1"):
        yield _set(host, "profiling", "admin" if admin_only == "1" else "all")
    mode = found.get("DeviceFileMode", "")
    if mode.isdecimal() and len(mode) < 6:
        yield _set(host, "nvidia_device_mode", f"{int(mode) & 0o7777:04o}")
    if found.get("CreateImexChannel0") == "1":
        yield from nvlink.channel(host, 0, known, open_to_all=True)
    yield asked(host, "gpu-params", answered=True, complete=True)


def _amd(file: CapturedFile, scope: Scope, known: Known) -> Iterator[Fact]:
    host = scope.host_of(file.path)
    cards = amd.read(file.data)
    known.claim(host, file.path, {card.index: f"AMD-{card.serial}" for card in cards if card.serial})
    for driver in sorted({card.driver for card in cards if card.driver}):
        yield Fact(host, "runs_software", "package:amdgpu", {"version": ids.clean(driver)})
    for card in cards:
        yield from _card(card, host)
    yield asked(host, "gpu", answered=True, complete=True)


def _card(card: amd.Card, host: str) -> Iterator[Fact]:
    alias = at_index(host, card.index)
    entity = f"gpu:AMD-{card.serial}" if card.serial else alias
    if not card.name and card.uuid:  # `amd-smi list`: only names the cards that `static` describes
        yield Fact(ids.gpu(card.uuid), "same_as", alias, {"rule": "host and index"})
        return
    about: dict[str, Scalar] = {
        "index": card.index,
        "model": ids.clean(card.name),
        "memory_mib": card.memory_mib,
        "pci": ids.clean(card.pci),
    }
    yield Fact(host, "has_gpu", entity, about)
    if entity != alias:
        yield Fact(alias, "same_as", entity, {"rule": "host and index"})
    yield _set(entity, "vendor", "amd")
    if card.isolation in _ON:
        yield _set(entity, "process_isolation", _ON[card.isolation])
    if card.ecc.upper() in ("ENABLED", "DISABLED"):
        yield _set(entity, "ecc", _ON[card.ecc.capitalize()])
    if card.memory_type.upper().startswith("GDDR6"):
        yield _set(entity, "memory_type", "gddr6")
    if card.compute_partition:
        yield _set(entity, "compute_partition", card.compute_partition)
    if card.vbios:
        version, name = ids.clean(card.vbios), f"{card.name or 'amd'} vbios"
        yield Fact(
            entity, "runs_firmware", ids.of("firmware", name, version), {"version": version, "name": ids.clean(name)}
        )


COLLECTOR = Collector("gpu", recognise, collect, ("gpu", "nvlink", "gpu-params"))
