"""`nvidia-smi -q -x`: one node's accelerators, schemas 10 to 13.

Source of the element names: the tool's own output (drivers 418 to 595) and the DTDs that it names.
Ten thousand of these are read in one survey, so two things are done for speed: the long lists of
clock rates are cut out before parsing, and the C parser is used wherever no entity can be declared.
"""

import re
from collections.abc import Iterator

# No entity gets past `_tree`: what could declare one goes to safe.xml, which refuses it.
from xml.etree.ElementTree import Element, ParseError, fromstring

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_REMEDY = "capture it again with `nvidia-smi -q -x`"
_BULKY = (b"supported_clocks", b"ecc_errors")
_PLAIN = (b"utf-8", b"us-ascii", b"iso-8859-1")
_ENCODING = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s{0,9}=\s{0,9}["']([^"']{0,40})["']""")
MOST_DEVICES = 1024


class Fabric(msgspec.Struct, frozen=True):
    """A GPU's place in a switched NVLink fabric. `cluster` is "" where there is none or it is all zeros."""

    state: str
    status: str
    clique: str
    cluster: str


class Place(msgspec.Struct, frozen=True):
    """Where a GPU sits in a rack-scale chassis; "" where the tool says nothing."""

    chassis: str
    slot: str
    host: str
    module: str


class Mig(msgspec.Struct, frozen=True):
    """One MIG device. Schemas up to 12 print no UUID: then `uuid` is "MIG-<GPU UUID>/<gi>/<ci>"."""

    index: int
    uuid: str
    memory_mib: int


class Process(msgspec.Struct, frozen=True):
    """One process on the GPU. `kind` is C, G, C+G or M+C (through MPS)."""

    pid: int
    kind: str
    name: str


class Gpu(msgspec.Struct, frozen=True):
    """One accelerator; "" (0, None) where the tool prints N/A or nothing."""

    index: int
    uuid: str
    name: str
    brand: str
    architecture: str
    pci: str
    memory_mib: int
    serial: str
    vbios: str
    gsp: str
    persistence: str
    accounting: str
    compute_mode: str
    ecc: str
    mig_mode: str
    virtualization: str
    protected_mib: int | None
    fabric: Fabric | None
    place: Place | None
    migs: tuple[Mig, ...]
    processes: tuple[Process, ...]
    driver_model: str = ""
    """How Windows drives it (WDDM, TCC, MCDM); "" elsewhere."""


class Log(msgspec.Struct, frozen=True):
    """The whole answer of one node. Driver and CUDA are "" in partial captures."""

    driver: str
    cuda: str
    gpus: tuple[Gpu, ...]


def read(data: bytes) -> Log:
    """The accelerators of `nvidia-smi -q -x`. Raises `InputError` if it is not that or a GPU has no UUID."""
    root = _tree(safe.bounded(data))
    if root.tag != "nvidia_smi_log":
        raise InputError("not the answer of nvidia-smi -q -x", remedy=_REMEDY)
    found = root.findall("gpu")
    if len(found) > MOST_DEVICES:
        raise InputError(f"more than {MOST_DEVICES} GPUs in one node", remedy=_REMEDY)
    stated = _text(root, "attached_gpus")
    if stated.isdecimal() and len(stated) < 6 and int(stated) != len(found):
        raise InputError(f"says {stated} GPUs are attached and lists {len(found)}", remedy=_REMEDY)
    return Log(
        _text(root, "driver_version"),
        _text(root, "cuda_version"),
        tuple(_gpu(index, element) for index, element in enumerate(found)),
    )


def _tree(data: bytes) -> Element:
    named = _ENCODING.match(data[:300])
    if b"<!ENTITY" in data or b"\0" in data or (named and named[1].lower() not in _PLAIN):
        return safe.xml(data)
    try:
        return fromstring(_lean(data))  # noqa: S314
    except (ParseError, ValueError, RecursionError):
        return safe.xml(data)  # whole, so that the line of the fault is right


def _lean(data: bytes) -> bytes:
    """Without the lists that fill most of the file and say nothing we ask."""
    for tag in _BULKY:
        opening, closing = b"<" + tag + b">", b"</" + tag + b">"
        first, *rest = data.split(opening)
        kept = [part.partition(closing) for part in rest]
        if all(found for _, found, _ in kept):
            data = b"".join((first, *(after for _, _, after in kept)))
    return data


def _text(element: Element, path: str) -> str:
    return _clean(element.findtext(path))


def _gpu(index: int, element: Element) -> Gpu:
    uuid = _text(element, "uuid")
    if not uuid.startswith("GPU-"):
        raise InputError(f"GPU {index} has no UUID", remedy=_REMEDY)
    printed = {child.tag: child.text for child in element}

    def text(name: str) -> str:
        return _clean(printed.get(name))

    return Gpu(
        index=index,
        uuid=uuid,
        name=text("product_name"),
        brand=text("product_brand"),
        architecture=text("product_architecture"),
        pci=(element.get("id") or "").strip(),
        memory_mib=_mib(_text(element, "fb_memory_usage/total")) or 0,
        serial=text("serial"),
        vbios=text("vbios_version"),
        gsp=text("gsp_firmware_version"),
        persistence=text("persistence_mode"),
        accounting=text("accounting_mode"),
        compute_mode=text("compute_mode"),
        ecc=_text(element, "ecc_mode/current_ecc"),
        mig_mode=_text(element, "mig_mode/current_mig"),
        virtualization=_text(element, "gpu_virtualization_mode/virtualization_mode"),
        protected_mib=_mib(_text(element, "cc_protected_memory_usage/total")),
        fabric=_fabric(element),
        place=_place(element),
        migs=tuple(_migs(element, uuid)),
        processes=tuple(_processes(element)),
        driver_model=_text(element, "driver_model/current_dm"),
    )


def _clean(text: str | None) -> str:
    text = (text or "").strip()
    return "" if text in ("N/A", "None", "REDACTED") or text.startswith(("[", "Requested func")) else text


def _mib(text: str) -> int | None:
    number, _, unit = text.partition(" ")
    return int(number) if unit == "MiB" and number.isdecimal() and len(number) < 12 else None


def _fabric(element: Element) -> Fabric | None:
    found = element.find("fabric")
    if found is None:
        return None
    cluster = _text(found, "clusterUuid").lower()
    fabric = Fabric(
        _text(found, "state"),
        _text(found, "status"),
        _text(found, "cliqueId"),
        cluster if cluster.strip("0-") else "",
    )
    return fabric if fabric.state or fabric.cluster else None


def _place(element: Element) -> Place | None:
    found = element.find("platformInfo")
    if found is None:
        return None
    chassis = _text(found, "chassis_serial_number")
    if not chassis:
        return None
    return Place(chassis, _text(found, "slot_number"), _text(found, "host_id"), _text(found, "module_id"))


def _migs(element: Element, gpu: str) -> Iterator[Mig]:
    for at, device in enumerate(element.iterfind("mig_devices/mig_device")):
        index, uuid = _text(device, "index"), _text(device, "uuid")
        instance, compute = _text(device, "gpu_instance_id"), _text(device, "compute_instance_id")
        yield Mig(
            int(index) if index.isdecimal() and len(index) < 6 else at,
            uuid if uuid.startswith("MIG-") else f"MIG-{gpu}/{instance}/{compute}",
            _mib(_text(device, "fb_memory_usage/total")) or 0,
        )


def _processes(element: Element) -> Iterator[Process]:
    for found in element.iterfind("processes/process_info"):
        pid = _text(found, "pid")
        if pid.isdecimal() and len(pid) < 12:
            yield Process(int(pid), _text(found, "type"), _text(found, "process_name"))
