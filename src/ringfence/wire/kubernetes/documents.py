"""A stream of manifests as plain objects, quickly where every document is one object of JSON.

YAML takes JSON, so `kubectl` reads either; decoding JSON is about a hundred times as quick.
"""

import re
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_BETWEEN = re.compile(rb"^---[ \t]*\r?\n", re.MULTILINE)
_COMMENT = re.compile(rb"\A(?:[ \t]*(?:#[^\n]*)?\n)+")


def documents(data: bytes) -> list[dict[str, Any]]:
    """Every object of a stream, `List`s taken apart. Raises `InputError`, with the line where it is known."""
    found = [one for part in _BETWEEN.split(safe.bounded(data)) for one in _part(_COMMENT.sub(b"", part))]
    return [one for document in found for one in _items(document)]


def _part(part: bytes) -> list[Any]:
    if part[:1] == b"{":
        try:
            return [msgspec.json.decode(part)]
        except (msgspec.DecodeError, RecursionError):  # YAML in flow style looks alike
            pass
    return [one for one in safe.yaml_documents(part) if one is not None] if part.strip() else []


def _items(document: Any) -> list[dict[str, Any]]:
    many = document["items"] if isinstance(document, dict) and isinstance(document.get("items"), list) else [document]
    for one in many:
        if not isinstance(one, dict) or not isinstance(one.get("kind"), str):
            raise InputError("an object without a kind", remedy="every document is one object of the API")
    return many
