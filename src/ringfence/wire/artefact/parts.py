"""What a bill of material says, whichever standard it follows, and how its JSON is asked."""

from typing import Any

import msgspec

REMEDY = "write it again with the tool that made it"
IMAGE, MODEL, DATA = "image", "model", "dataset"


class Part(msgspec.Struct, frozen=True):
    """One component. `kind`: image, model, dataset or package; `uses`: names of the datasets a model was made from."""

    kind: str
    name: str
    version: str = ""
    purl: str = ""
    digests: tuple[tuple[str, str], ...] = ()
    uses: tuple[str, ...] = ()


class Bom(msgspec.Struct, frozen=True):
    """What is described, where the document says so, and what it is made of.

    `naming`: how a document of its standard would say what it describes.
    """

    subject: Part | None
    parts: tuple[Part, ...]
    naming: str = "set metadata.component"


def text_of(row: dict[str, Any], name: str) -> str:
    """The text under a name; empty where there is none."""
    value = row.get(name)
    return value if isinstance(value, str) else ""


def dict_of(value: Any) -> dict[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """The list, or an empty one."""
    return value if isinstance(value, list) else []


def dicts_of(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; anything else in it is left out."""
    return [each for each in list_of(value) if isinstance(each, dict)]
