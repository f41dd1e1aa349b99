"""Opening JSON, YAML, XML and text that an attacker may have written.

Limits: 256 MiB a file, nesting 64 deep, 1,000,000 nodes of YAML after aliases, no XML entities.
Every refusal is an `InputError` with the line where it can be known.
"""

import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
import msgspec
import yaml
from defusedxml import DefusedXmlException

from ringfence.errors import InputError

MOST_BYTES = 256 << 20
MOST_NODES = 1_000_000
DEEPEST = 64

_FLAT = 4096  # the parser in C calls itself for every level, and falls over far above this many
_DEEP_LINE = re.compile(r"(?:[-?:][ \t]+){64}")

_REMEDY = "capture it again; the file is cut short or not what its name says"


def bounded(data: bytes) -> bytes:
    """`data`, unless it is larger than any real capture."""
    if len(data) > MOST_BYTES:
        raise InputError(f"larger than {MOST_BYTES >> 20} MiB", remedy="split the capture")
    return data


def json(data: bytes, type: Any = Any) -> Any:
    """JSON decoded by msgspec, into `type` where one is given. Raises `InputError` with the line."""
    try:
        return msgspec.json.decode(bounded(data), type=type)
    except msgspec.ValidationError as error:
        raise InputError(f"not of the expected shape: {error}", remedy=_REMEDY) from None
    except msgspec.DecodeError as error:
        raise InputError(f"not JSON: {error}", line=_line_of(data, str(error)), remedy=_REMEDY) from None
    except (RecursionError, UnicodeDecodeError) as error:
        raise InputError(f"not JSON: {type_name(error)}", remedy=_REMEDY) from None


def type_name(error: BaseException) -> str:
    """A word for an exception that says little itself."""
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def _line_of(data: bytes, message: str) -> int:
    at = re.search(r"byte (\d+)", message)
    return data.count(b"\n", 0, int(at[1])) + 1 if at else max(1, data.count(b"\n"))


def yaml_documents(data: bytes) -> Iterator[Any]:
    """The documents of a YAML stream as plain data. Aliases that loop or multiply are refused."""
    try:
        text = bounded(data).decode("utf-8")
        aliased = "*" in text and "&" in text
        if aliased or text.count("[") + text.count("{") > _FLAT or _DEEP_LINE.search(text):
            _weigh(text, MOST_NODES if aliased else len(text))
        yield from yaml.load_all(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error)
        raise InputError(f"not YAML: {what}", line=mark.line + 1 if mark else 0, remedy=_REMEDY) from None
    except (RecursionError, ValueError, OverflowError) as error:
        raise InputError(f"not YAML: {type_name(error)}", remedy=_REMEDY) from None


def _weigh(text: str, most: int) -> None:
    """Refuse depth, and aliases whose expansion is endless or huge, before anything is built."""
    sizes: dict[str, int] = {}
    open_: list[tuple[str | None, int]] = []
    total = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.DocumentStartEvent):
            sizes.clear()
        elif isinstance(event, yaml.AliasEvent):
            total += sizes.get(event.anchor or "", MOST_NODES)
        elif isinstance(event, yaml.CollectionStartEvent):
            total += 1
            open_.append((event.anchor, total))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, since = open_.pop()
            if anchor is not None:
                sizes[anchor] = total - since + 1
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            if event.anchor is not None:
                sizes[event.anchor] = 1
        if total > most or len(open_) > DEEPEST:
            mark = event.start_mark
            line = mark.line + 1 if mark else 0
            raise InputError("nested too deeply, or its aliases loop or multiply", line=line, remedy=_REMEDY)


def xml(data: bytes) -> Element:
    """The root of an XML document. Entity declarations and external references are refused."""
    try:
        root: Element = defusedxml.ElementTree.fromstring(bounded(data))
    except ParseError as error:
        raise InputError(f"not XML: {error}", line=error.position[0], remedy=_REMEDY) from None
    except DefusedXmlException as error:
        raise InputError(f"refused: {error}", remedy="it declares entities, which no real tool writes") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"not XML: {type_name(error)}", remedy=_REMEDY) from None
    return root


def lines(data: bytes) -> Iterator[tuple[int, str]]:
    """(line number from 1, text without its end), undecodable bytes replaced."""
    text = bounded(data).decode("utf-8", "replace")
    yield from enumerate(text.splitlines(), 1)
