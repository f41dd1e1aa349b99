"""Windows event logs as Windows keeps them: `.evtx` files, by the `evtx` package (extra `watch`).

        ElfFile, chunks of 64 KiB, binary XML ──evtx──▶ JSON ──windows_json──▶ Event

A record that is damaged is a problem by its place in the file; the next is read. The package is native code: what it
says on a fault of its own is told like any other damage. Release 0.14 follows the lists of names and templates of a
chunk to their end, and never returns from one that leads back into itself: such a chunk is left out before.
"""

import io
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from ringfence.errors import MissingPart, Problem
from ringfence.estate import ids
from ringfence.wire.logs import windows_json
from ringfence.wire.logs.feed import BAD, said
from ringfence.wire.logs.form import LONGEST_LINE, Form, Found

MAGIC = b"ElfFile\x00"
_HEADER, _CHUNK = 4096, 65536
_LINK = struct.Struct("<I")
_LISTS = range(128, 512, 4)
"""In a chunk's header: where its 64 lists of names and 32 of templates begin."""
_REMEDY = "export the log again: wevtutil epl"
_MOST_DAMAGED = 1000
"""Records in a row that cannot be read, after which the rest of a file is given up."""


def looks(head: bytes) -> bool:
    """Whether it begins as an event log does."""
    return head.startswith(MAGIC)


def read(name: str, data: bytes) -> Found:
    """The events of a file. Raises `MissingPart` where the package is absent."""
    try:
        from evtx import PyEvtxParser
    except ImportError:
        raise MissingPart("reading .evtx files needs the evtx package", "pip install 'ringfence[watch]'") from None
    circular = tuple(_circular(data))
    for at in circular:
        yield Problem(name, 0, f"the chunk at byte {at:,} has names or templates that lead back to themselves", _REMEDY)
    if circular:
        data = _without(data, circular)
    parser = _faulty(lambda: PyEvtxParser(io.BytesIO(data), number_of_threads=1).records_json())
    if isinstance(parser, Problem):
        yield Problem(name, 0, parser.what, _REMEDY)
        return
    yield from _records(name, iter(parser))


def _records(name: str, records: Iterator[dict[str, Any]]) -> Found:
    number = damaged = 0
    while damaged < _MOST_DAMAGED:
        number += 1
        found = _faulty(lambda: next(records, None))
        if found is None:
            return
        if isinstance(found, Problem):
            damaged += 1
            yield Problem(name, number, found.what, _REMEDY)
            continue
        damaged = 0
        try:
            if len(found["data"]) > LONGEST_LINE:
                raise ValueError(f"a record of {len(found['data']):,} characters")
            event = windows_json.event(msgspec.json.decode(found["data"]))
        except BAD as error:
            yield Problem(name, number, f"not an event: {said(error)}", _REMEDY)
            continue
        yield event
    yield Problem(name, number, f"given up after {_MOST_DAMAGED:,} damaged records in a row", _REMEDY)


def _circular(data: bytes) -> Iterator[int]:
    """Where the chunks begin whose lists are circular (libevtx, "Windows XML Event Log format", chunk header)."""
    for at in range(_HEADER, len(data), _CHUNK):
        chunk = data[at : at + _CHUNK]
        if chunk.startswith(b"ElfChnk\0") and len(chunk) >= _LISTS.stop and _leads_back(chunk):
            yield at


def _leads_back(chunk: bytes) -> bool:
    """Whether one of a chunk's lists meets the same place twice. Each link is the first number of what it leads to."""
    ends: set[int] = set()  # what is known to come to an end, so that no place is looked at twice
    for start in _LISTS:
        seen: set[int] = set()
        (link,) = _LINK.unpack_from(chunk, start)
        while link and link + _LINK.size <= len(chunk) and link not in ends:
            if link in seen:
                return True
            seen.add(link)
            (link,) = _LINK.unpack_from(chunk, link)
        ends |= seen
    return False


def _without(data: bytes, chunks: Iterable[int]) -> bytes:
    whole = bytearray(data)
    for at in sorted(chunks, reverse=True):
        del whole[at : at + _CHUNK]
    return bytes(whole)


def _faulty(call: Callable[[], Any]) -> Any:
    """What a call into native code gives; its complaint as a problem. Its panics are no `Exception`."""
    try:
        return call()
    except Exception as error:
        return Problem("", 0, f"damaged: {ids.clean(str(error))}")
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        return Problem("", 0, f"damaged: {ids.clean(str(error))}")


FORM = Form("evtx", "Windows event log files (.evtx)", looks, whole=read)
