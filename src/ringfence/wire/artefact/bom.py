"""Bills of material: CycloneDX JSON (1.4 to 1.6, ML-BOM included) and SPDX 2.2/2.3 JSON."""

from collections.abc import Iterator
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

MOST_PARTS = 200_000
_DEEPEST = 32
_REMEDY = "write it again with the tool that made it"
_IMAGE, _MODEL, _DATA = "image", "model", "dataset"
_CYCLONE_KIND = {"container": _IMAGE, "machine-learning-model": _MODEL, "data": _DATA}


class Part(msgspec.Struct, frozen=True):
    """One component. `kind`: image, model, dataset or package; `uses`: names of the datasets a model was made from."""

    kind: str
    name: str
    version: str = ""
    purl: str = ""
    digests: tuple[tuple[str, str], ...] = ()
    uses: tuple[str, ...] = ()


class Bom(msgspec.Struct, frozen=True):
    """What is described, where the document says so, and what it is made of."""

    subject: Part | None
    parts: tuple[Part, ...]


def looks_like(head: bytes) -> bool:
    """Whether it is a JSON document of either standard."""
    start = head.lstrip()[:1]
    return start == b"{" and ((b'"bomFormat"' in head and b"CycloneDX" in head) or b'"spdxVersion"' in head)


def parse(data: bytes) -> Bom:
    """Read either standard. Raises `InputError`."""
    document = safe.json(data)
    if not isinstance(document, dict):
        raise InputError("a bill of material is an object", remedy=_REMEDY)
    found = _spdx(document) if "spdxVersion" in document else _cyclone(document)
    if len(found.parts) > MOST_PARTS:
        raise InputError(f"more than {MOST_PARTS} components", remedy=_REMEDY)
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
    subject = _dict(_dict(document.get("metadata")).get("component"))
    for row in (*rows, subject):
        if row.get("bom-ref") and isinstance(row["bom-ref"], str):
            names[row["bom-ref"]] = _text(row, "name")
    parts = tuple(_cyclone_part(row, names) for row in rows)
    return Bom(_cyclone_part(subject, names) if subject else None, parts)


def _components(rows: Any, depth: int) -> Iterator[dict[str, Any]]:
    if rows is None:
        return
    if not isinstance(rows, list) or depth > _DEEPEST:
        raise InputError("components is not a list, or nests too deeply", remedy=_REMEDY)
    for row in rows:
        if not isinstance(row, dict) or not _text(row, "name"):
            raise InputError("a component has no name", remedy=_REMEDY)
        yield row
        yield from _components(row.get("components"), depth + 1)


def _cyclone_part(row: dict[str, Any], names: dict[str, str]) -> Part:
    hashes = [(_text(each, "alg"), _text(each, "content")) for each in _dicts(row.get("hashes"))]
    return Part(
        _CYCLONE_KIND.get(_text(row, "type"), "package"),
        _text(row, "name"),
        _text(row, "version"),
        _text(row, "purl"),
        tuple(pair for pair in hashes if all(pair)),
        tuple(_datasets(row, names)),
    )


def _datasets(row: dict[str, Any], names: dict[str, str]) -> Iterator[str]:
    """The datasets of a modelCard, by reference or in place."""
    parameters = _dict(_dict(row.get("modelCard")).get("modelParameters"))
    for each in _dicts(parameters.get("datasets")):
        name = names.get(_text(each, "ref"), "") or _text(_dict(each.get("contents")), "url") or _text(each, "name")
        if name or _text(each, "ref"):
            yield name or _text(each, "ref")


def _spdx(document: dict[str, Any]) -> Bom:
    described = {each for each in _list(document.get("documentDescribes")) if isinstance(each, str)}
    for each in _dicts(document.get("relationships")):
        if _text(each, "relationshipType") == "DESCRIBES":
            described.add(_text(each, "relatedSpdxElement"))
    subject, parts = None, []
    for row in _dicts(document.get("packages")):
        if not _text(row, "name"):
            raise InputError("a package has no name", remedy=_REMEDY)
        part = _spdx_part(row)
        if _text(row, "SPDXID") in described and subject is None:
            subject = part
        else:
            parts.append(part)
    return Bom(subject, tuple(parts))


def _spdx_part(row: dict[str, Any]) -> Part:
    refs = _dicts(row.get("externalRefs"))
    purls = [_text(each, "referenceLocator") for each in refs if _text(each, "referenceType") == "purl"]
    sums = [(_text(each, "algorithm"), _text(each, "checksumValue")) for each in _dicts(row.get("checksums"))]
    kind = _IMAGE if _text(row, "primaryPackagePurpose") == "CONTAINER" else "package"
    purl = purls[0] if purls else ""
    return Part(kind, _text(row, "name"), _text(row, "versionInfo"), purl, tuple(pair for pair in sums if all(pair)))


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in _list(value) if isinstance(each, dict)]
