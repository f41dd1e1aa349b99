"""`amd-smi static|list --json` (ROCm 6 and 7) and `rocm-smi --json`.

Source of the field names: the tools' own JSON. An accelerator is known by its ASIC serial, which
rocm-smi calls its unique id.
"""

from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_REMEDY = "capture it again with `amd-smi static --json` or `rocm-smi --json`"
MOST_DEVICES = 1024


class Card(msgspec.Struct, frozen=True):
    """One AMD accelerator; "" (0) where the tool says N/A or nothing. `isolation` is Enabled or Disabled."""

    index: int
    serial: str
    uuid: str
    name: str
    pci: str
    memory_mib: int
    memory_type: str
    vbios: str
    driver: str
    isolation: str
    ecc: str
    compute_partition: str


def read(data: bytes) -> tuple[Card, ...]:
    """The accelerators of either tool. Raises `InputError` for any other JSON."""
    document = safe.json(data)
    if isinstance(document, dict) and isinstance(document.get("gpu_data"), list):
        document = document["gpu_data"]
    if isinstance(document, list) and document and all(isinstance(one, dict) and "gpu" in one for one in document):
        cards = tuple(_amd_smi(one) for one in document[: MOST_DEVICES + 1])
    elif isinstance(document, dict) and any(name.startswith("card") for name in document):
        cards = _rocm_smi(document)
    else:
        raise InputError("neither amd-smi's nor rocm-smi's JSON", remedy=_REMEDY)
    if len(cards) > MOST_DEVICES:
        raise InputError(f"more than {MOST_DEVICES} GPUs in one node", remedy=_REMEDY)
    return cards


def _amd_smi(one: dict[str, Any]) -> Card:
    index = one["gpu"]
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < MOST_DEVICES:
        raise InputError("a GPU without a number", remedy=_REMEDY)
    firmware: dict[str, Any] = next((one[key] for key in ("ifwi", "vbios") if isinstance(one.get(key), dict)), {})
    return Card(
        index=index,
        serial=_serial(_at(one, "asic", "asic_serial")),
        uuid=_say(one.get("uuid")),
        name=_at(one, "asic", "market_name"),
        pci=_at(one, "bus", "bdf") or _say(one.get("bdf")),
        memory_mib=_mib(one),
        memory_type=_at(one, "vram", "type"),
        vbios=_say(firmware.get("version")) or _say(firmware.get("part_number")),
        driver=_at(one, "driver", "version"),
        isolation=_say(one.get("process_isolation")),
        ecc=_at(one, "ras", "ecc_block_state", "UMC") or _at(one, "ecc", "UMC"),
        compute_partition=_at(one, "partition", "compute_partition") or _at(one, "partition", "accelerator_partition"),
    )


def _at(one: Any, *path: str) -> str:
    for name in path:
        one = one.get(name) if isinstance(one, dict) else None
    return _say(one)


def _say(value: Any) -> str:
    return value.strip() if isinstance(value, str) and value.strip() not in ("N/A", "None", "UNKNOWN") else ""


def _serial(text: str) -> str:
    digits = text.lower().removeprefix("0x")
    real = 4 <= len(digits) <= 32 and all(c in "0123456789abcdef" for c in digits) and digits.strip("0")
    return digits if real else ""


def _mib(one: dict[str, Any]) -> int:
    size = one.get("vram")
    size = size.get("size") if isinstance(size, dict) else None
    value, unit = (size.get("value"), size.get("unit")) if isinstance(size, dict) else (None, None)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 50:
        return 0
    return value >> 20 if unit == "B" else value


def _rocm_smi(document: dict[str, Any]) -> tuple[Card, ...]:
    system = document.get("system")
    driver = _at(system, "Driver version") if isinstance(system, dict) else ""
    cards = []
    for name, one in document.items():
        number = name.removeprefix("card")
        if number == name or not number.isdecimal() or len(number) > 4 or not isinstance(one, dict):
            continue
        memory = _say(one.get("VRAM Total Memory (B)"))
        cards.append(
            Card(
                index=int(number),
                serial=_serial(_say(one.get("Unique ID"))),
                uuid="",
                name=_say(one.get("Card Series")) or _say(one.get("Card series")) or _say(one.get("Device Name")),
                pci=_say(one.get("PCI Bus")),
                memory_mib=int(memory) >> 20 if memory.isdecimal() and len(memory) < 16 else 0,
                memory_type="",
                vbios=_say(one.get("VBIOS version")),
                driver=driver,
                isolation="",
                ecc="",
                compute_partition=_say(one.get("Compute Partition")),
            )
        )
    if not cards:
        raise InputError("rocm-smi's JSON without a card", remedy=_REMEDY)
    return tuple(cards)
