"""A small writer of `.evtx` files, so that reading them is tested without anybody's logs.

One chunk, its records as binary XML without templates (Microsoft, [MS-EVEN6] "BinXml"; libevtx's description of the
file format). Not for use: Windows itself writes templates.
"""

import struct
import zlib
from collections.abc import Sequence
from typing import Any

_HEAD, _CHUNK, _RECORDS = 4096, 65536, 512
_OPEN, _CLOSE_START, _END, _VALUE, _ATTRIBUTE, _MORE = 1, 2, 4, 5, 6, 0x40
_FILETIME = 133_000_000_000_000_000

Element = tuple[str, Sequence[Any], Sequence[tuple[str, str]]]


def element(name: str, *inside: "str | Element", **attributes: str) -> Element:
    """One element: text or elements inside it, and its attributes."""
    return name, inside, tuple(attributes.items())


def sysmon(number: int, computer: str, **data: str) -> Element:
    """An event of Sysmon's channel."""
    return element(
        "Event",
        element(
            "System",
            element("Provider", Name="Microsoft-Windows-Sysmon"),
            element("EventID", str(number)),
            element("TimeCreated", SystemTime="2026-01-02T03:04:05.123456Z"),
            element("Channel", "Microsoft-Windows-Sysmon/Operational"),
            element("Computer", computer),
        ),
        element("EventData", *(element("Data", value, Name=name) for name, value in data.items())),
        xmlns="http://schemas.microsoft.com/win/2004/08/events/event",
    )


def written(*events: Element) -> bytes:
    """The file with these events."""
    out = bytearray(_RECORDS)
    last = 0
    for number, event in enumerate(events, 1):
        last = len(out)
        out += b"**\0\0" + struct.pack("<IQQ", 0, number, _FILETIME) + b"\x0f\x01\x01\0"
        _element(out, event)
        out += b"\0"
        out += bytes(-(len(out) - last + 4) % 8)
        size = len(out) - last + 4
        out += struct.pack("<I", size)
        struct.pack_into("<I", out, last + 4, size)
    count, free = len(events), len(out)
    said = zlib.crc32(out[_RECORDS:free])
    struct.pack_into("<8sQQQQIIII", out, 0, b"ElfChnk\0", 1, count, 1, count, 128, last, free, said)
    struct.pack_into("<I", out, 124, zlib.crc32(out[:120] + out[128:512]))
    head = bytearray(_HEAD)
    struct.pack_into("<8sQQQIHHHH", head, 0, b"ElfFile\0", 0, 0, count + 1, 128, 1, 3, _HEAD, 1)
    struct.pack_into("<I", head, 124, zlib.crc32(head[:120]))
    return bytes(head + out + bytes(_CHUNK - len(out)))


def _element(out: bytearray, which: Element) -> None:
    name, inside, attributes = which
    out.append(_OPEN | (_MORE if attributes else 0))
    size_at = len(out)
    out += bytes(4)
    _name(out, name)
    if attributes:
        list_at = len(out)
        out += bytes(4)
        for at, (key, value) in enumerate(attributes, 1):
            out.append(_ATTRIBUTE | (_MORE if at < len(attributes) else 0))
            _name(out, key)
            _text(out, value)
        struct.pack_into("<I", out, list_at, len(out) - list_at - 4)
    out.append(_CLOSE_START)
    for each in inside:
        if isinstance(each, str):
            _text(out, each)
        else:
            _element(out, each)
    out.append(_END)
    struct.pack_into("<I", out, size_at, len(out) - size_at - 4)


def _name(out: bytearray, name: str) -> None:
    out += struct.pack("<IIHH", len(out) + 4, 0, 0, len(name)) + name.encode("utf-16-le") + b"\0\0"


def _text(out: bytearray, value: str) -> None:
    said = value.encode("utf-16-le")
    out += bytes((_VALUE, 1)) + struct.pack("<H", len(said) // 2) + said
