"""The header of a safetensors file: names, shapes and byte ranges; no tensor is read.

Layout: 8 bytes little-endian length N, N bytes of JSON, then the data. A file that ends right
after its header is a header kept by a capture; one that ends in between is cut short.
"""

from math import prod
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

MOST_HEADER = 100 << 20
MOST_DIMENSIONS = 32
_BITS = {"BOOL": 8, "U8": 8, "I8": 8, "U16": 16, "I16": 16, "U32": 32, "I32": 32, "U64": 64, "I64": 64}
_BITS |= {"F16": 16, "BF16": 16, "F32": 32, "F64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}
_BITS |= dict.fromkeys(("F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8)
_REMEDY = "fetch the file again from where it was written; do not load it"


class Tensor(msgspec.Struct, frozen=True):
    """One tensor: element type, shape, and its bytes [start, end) after the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


class Header(msgspec.Struct, frozen=True):
    """All tensors in file order, `bytes` of data in all, and the free-form metadata."""

    tensors: tuple[Tensor, ...]
    bytes: int
    metadata: dict[str, str]
    only_header: bool


def looks_like(head: bytes) -> bool:
    """Whether a plausible length is followed by an object."""
    return len(head) > 9 and head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= MOST_HEADER


def parse(data: bytes) -> Header:
    """Read and check the header. Raises `InputError`: overlaps, gaps and wrong sizes are all refused."""
    if not looks_like(data):
        raise InputError("not a safetensors file", remedy=_REMEDY)
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 + length:
        raise InputError(f"its header of {length} bytes is cut short", remedy="capture at least the header")
    document = safe.json(data[8 : 8 + length].rstrip())
    if not isinstance(document, dict):
        raise InputError("its header is not an object", remedy=_REMEDY)
    metadata = document.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise InputError("its metadata is not text", remedy=_REMEDY)
    tensors = sorted((_tensor(name, row) for name, row in document.items()), key=lambda each: (each.start, each.end))
    total = _contiguous(tensors)
    rest = len(data) - 8 - length
    if rest not in (0, total):
        raise InputError(f"the header speaks of {total} bytes, the file holds {rest}", remedy=_REMEDY)
    return Header(tuple(tensors), total, metadata, rest == 0 < total)


def _tensor(name: str, row: Any) -> Tensor:
    try:
        dtype, shape, (start, end) = row["dtype"], tuple(row["shape"]), row["data_offsets"]
        numbers = (*shape, start, end)
        whole = all(type(each) is int and 0 <= each < 1 << 63 for each in numbers)
        if not whole or len(shape) > MOST_DIMENSIONS or not isinstance(dtype, str):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise InputError(f"tensor {name[:80]!r} lacks dtype, shape or data_offsets", remedy=_REMEDY) from None
    bits = _BITS.get(dtype)
    if bits is not None and prod(shape) * bits != (end - start) * 8:
        raise InputError(f"tensor {name[:80]!r}: its shape needs another size than its bytes", remedy=_REMEDY)
    if end < start:
        raise InputError(f"tensor {name[:80]!r} ends before it starts", remedy=_REMEDY)
    return Tensor(name, dtype, shape, start, end)


def _contiguous(tensors: list[Tensor]) -> int:
    """The end of the last tensor, when they lie one after the other without a gap."""
    at = 0
    for each in tensors:
        if each.start != at:
            raise InputError(f"tensor {each.name[:80]!r} overlaps another or leaves a gap", remedy=_REMEDY)
        at = each.end
    return at
