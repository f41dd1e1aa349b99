"""Bills of material: CycloneDX JSON (1.4 to 1.6, ML-BOM included) and SPDX in JSON (`wire.artefact.spdx`)."""

from collections.abc import Iterator
from typing import Any

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.artefact import spdx
from ringfence.wire.artefact.parts import DATA, IMAGE, MODEL, REMEDY, Bom, Part, dict_of, dicts_of, text_of

__all__ = ["MOST_PARTS", "Bom", "Part", "bare", "looks_like", "parse"]

MOST_PARTS = 200_000
_DEEPEST = 32
_CYCLONE_KIND = {"container": IMAGE, "machine-learning-model": MODEL, "data": DATA}


def looks_like(head: bytes) -> bool:
    """Whether it is a document of either standard."""
    if not head.lstrip().startswith(b"{"):
        return spdx.is_tag_value(head)
    cyclone = b'"bomFormat"' in head and b"CycloneDX" in head
    return cyclone or b'"spdxVersion"' in head or spdx.is_version_3(head)


def parse(data: bytes) -> Bom:
    """Read either standard. Raises `InputError`."""
    if spdx.is_tag_value(data):
        remedy = "convert it to JSON, for instance with `pyspdxtools -i FILE.spdx -o FILE.spdx.json`"
        raise InputError("SPDX tag-value is not supported", remedy=remedy)
    document = safe.json(data)
    if not isinstance(document, dict):
        raise InputError("a bill of material is an object", remedy=REMEDY)
    if "spdxVersion" in document:
        found = spdx.version_2(document)
    else:
        found = spdx.version_3(document) if "@graph" in document else _cyclone(document)
    if len(found.parts) > MOST_PARTS:
        raise InputError(f"more than {MOST_PARTS} components", remedy=REMEDY)
    return found


def bare(purl: str) -> str:
    """A package URL without version, qualifiers and subpath.

    >>> bare("pkg:pypi/torch@2.6.0?arch=x86_64")
    'pkg:pypi/torch'
    """
    plain = purl.partition("#")[0].partition("?")[0]
    at = plain.rfind("@")
    return plain[:at] if at > plain.rfind("/") else plain


def _cyclone(document: dict[str, Any]) -> Bom:
    names: dict[str, str] = {}
    rows = list(_components(document.get("components"), 0))
    subject = dict_of(dict_of(document.get("metadata")).get("component"))
    for row in (*rows, subject):
        if row.get("bom-ref") and isinstance(row["bom-ref"], str):
            names[row["bom-ref"]] = text_of(row, "name")
    parts = tuple(_cyclone_part(row, names) for row in rows)
    return Bom(_cyclone_part(subject, names) if subject else None, parts)


def _components(rows: Any, depth: int) -> Iterator[dict[str, Any]]:
    if rows is None:
        return
    if not isinstance(rows, list) or depth > _DEEPEST:
        raise InputError("components is not a list, or nests too deeply", remedy=REMEDY)
    for row in rows:
        if not isinstance(row, dict) or not text_of(row, "name"):
            raise InputError("a component has no name", remedy=REMEDY)
        yield row
        yield from _components(row.get("components"), depth + 1)


def _cyclone_part(row: dict[str, Any], names: dict[str, str]) -> Part:
    hashes = [(text_of(each, "alg"), text_of(each, "content")) for each in dicts_of(row.get("hashes"))]
    return Part(
        _CYCLONE_KIND.get(text_of(row, "type"), "package"),
        text_of(row, "name"),
        text_of(row, "version"),
        text_of(row, "purl"),
        tuple(pair for pair in hashes if all(pair)),
        tuple(_datasets(row, names)),
    )


def _datasets(row: dict[str, Any], names: dict[str, str]) -> Iterator[str]:
    """The datasets of a modelCard, by reference or in place."""
    parameters = dict_of(dict_of(row.get("modelCard")).get("modelParameters"))
    for each in dicts_of(parameters.get("datasets")):
        name = (
            names.get(text_of(each, "ref"), "")
            or text_of(dict_of(each.get("contents")), "url")
            or text_of(each, "name")
        )
        if name or text_of(each, "ref"):
            yield name or text_of(each, "ref")
