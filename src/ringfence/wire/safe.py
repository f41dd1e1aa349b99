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


class _Loader(yaml.CSafeLoader):  # type: ignore[misc]
    """Plain data only; counts nodes, refuses depth and aliases that grow or loop."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._seen = 0
        self._open = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._seen += 1
        self._open += 1
        if self._open > DEEPEST or self._seen > MOST_NODES:
            mark = self.peek_event().start_mark
            raise InputError("nested too deeply or too large", line=mark.line + 1, remedy=_REMEDY)
        try:
            return super().compose_node(parent, index)
        finally:
            self._open -= 1


def yaml_documents(data: bytes) -> Iterator[Any]:
    """The documents of a YAML stream as plain data. Aliases that repeat large parts are refused."""
    try:
        text = bounded(data).decode("utf-8")
        for document in yaml.load_all(text, Loader=_Loader):
            _tree(document)
            yield document
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error)
        raise InputError(f"not YAML: {what}", line=mark.line + 1 if mark else 0, remedy=_REMEDY) from None
    except (RecursionError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"not YAML: {type_name(error)}", remedy=_REMEDY) from None


def _tree(document: Any) -> None:
    """Walk as a reader would: a cycle never ends and a bomb grows past the limit."""
    left = MOST_NODES
    stack = [(document, 1)]
    while stack:
        node, depth = stack.pop()
        left -= 1
        if left < 0 or depth > DEEPEST:
            raise InputError("its aliases loop or multiply", remedy=_REMEDY)
        if isinstance(node, dict):
            stack.extend((value, depth + 1) for value in node.values())
        elif isinstance(node, list):
            stack.extend((value, depth + 1) for value in node)


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
