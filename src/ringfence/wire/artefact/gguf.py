"""The header of a GGUF file (llama.cpp's format, versions 2 and 3, little-endian): counts and text metadata."""

import struct

import msgspec

from ringfence.errors import InputError

MAGIC = b"GGUF"
MOST_KEYS = 100_000
MOST_TEXT = 1 << 20
_STRING, _ARRAY = 8, 9
_WIDTH = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_REMEDY = "fetch the file again from where it was written; capture at least its first megabyte"


class Header(msgspec.Struct, frozen=True):
    """`texts` are the metadata whose value is text; `whole` is False where the capture ends within them."""

    version: int
    tensors: int
    texts: dict[str, str]
    whole: bool


def looks_like(head: bytes) -> bool:
    return head.startswith(MAGIC)


def parse(data: bytes) -> Header:
    """Read the header as far as the bytes go. Raises `InputError` for what no GGUF writer produces."""
    if not looks_like(data) or len(data) < 24:
        raise InputError("not a GGUF file, or cut within its first 24 bytes", remedy=_REMEDY)
    version, tensors, keys = struct.unpack_from("<IQQ", data, 4)
    if version not in (2, 3) or keys > MOST_KEYS or tensors > MOST_KEYS * 10:
        raise InputError(f"GGUF version {version} with {keys} keys is not known", remedy=_REMEDY)
    texts: dict[str, str] = {}
    at = 24
    try:
        for _ in range(keys):
            key, at = _text(data, at)
            (kind,) = struct.unpack_from("<I", data, at)
            if kind == _STRING:
                texts[key], at = _text(data, at + 4)
            else:
                at = _skip(data, at + 4, kind)
    except struct.error:
        return Header(version, tensors, texts, False)
    return Header(version, tensors, texts, at <= len(data))


def _text(data: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<Q", data, at)
    if length > MOST_TEXT:
        raise InputError("a text of its metadata is longer than 1 MiB", remedy=_REMEDY)
    end = at + 8 + length
    if end > len(data):
        raise struct.error
    return data[at + 8 : end].decode("utf-8", "replace"), end


def _skip(data: bytes, at: int, kind: int) -> int:
    """The offset behind a value that is not kept."""
    if kind in _WIDTH:
        return at + _WIDTH[kind]
    if kind != _ARRAY:
        raise InputError(f"metadata of unknown type {kind}", remedy=_REMEDY)
    inner, count = struct.unpack_from("<IQ", data, at)
    at += 12
    if inner in _WIDTH:
        return at + int(_WIDTH[inner] * count)
    if inner != _STRING:
        raise InputError("arrays within arrays are not known", remedy=_REMEDY)
    for _ in range(count):  # ends with the data: every text takes at least its 8 bytes of length
        (length,) = struct.unpack_from("<Q", data, at)
        at += 8 + length
    return at
