"""SPDX in JSON: 2.2 and 2.3 (`packages`), 3.0 (JSON-LD, `@graph`, with its AI and dataset profiles).

Field names after the published models. Of SPDX 3 the elements are taken as the standard's own
context spells them; a document with another context is not read.
"""

import re
from typing import Any

from ringfence.errors import InputError
from ringfence.wire.artefact.parts import DATA, IMAGE, MODEL, REMEDY, Bom, Part, dict_of, dicts_of, list_of, text_of

_KIND_3 = {"software_Package": "package", "ai_AIPackage": MODEL, "dataset_DatasetPackage": DATA}
_MOST_STEPS = 8
_TAG_VALUE = re.compile(rb"(?m)^SPDXVersion:[ \t]{0,9}SPDX-\d")


def is_tag_value(data: bytes) -> bool:
    """Whether it is the line format `SPDXVersion: SPDX-2.3`."""
    return _TAG_VALUE.search(data[:8192]) is not None


def is_version_3(head: bytes) -> bool:
    """Whether a JSON document is SPDX 3's."""
    return b'"@graph"' in head and b"spdx.org/rdf/3" in head


def version_2(document: dict[str, Any]) -> Bom:
    """SPDX 2.2 and 2.3. Raises `InputError`."""
    described = {each for each in list_of(document.get("documentDescribes")) if isinstance(each, str)}
    for each in dicts_of(document.get("relationships")):
        if text_of(each, "relationshipType") == "DESCRIBES":
            described.add(text_of(each, "relatedSpdxElement"))
    subject, parts = None, []
    for row in dicts_of(document.get("packages")):
        if not text_of(row, "name"):
            raise InputError("a package has no name", remedy=REMEDY)
        part = _package(row)
        if text_of(row, "SPDXID") in described and subject is None:
            subject = part
        else:
            parts.append(part)
    return Bom(subject, tuple(parts), "add a DESCRIBES relationship of the document, or documentDescribes")


def _package(row: dict[str, Any]) -> Part:
    refs = dicts_of(row.get("externalRefs"))
    purls = [text_of(each, "referenceLocator") for each in refs if text_of(each, "referenceType") == "purl"]
    sums = [(text_of(each, "algorithm"), text_of(each, "checksumValue")) for each in dicts_of(row.get("checksums"))]
    kind = IMAGE if text_of(row, "primaryPackagePurpose") == "CONTAINER" else "package"
    purl = purls[0] if purls else ""
    return Part(
        kind, text_of(row, "name"), text_of(row, "versionInfo"), purl, tuple(pair for pair in sums if all(pair))
    )


def version_3(document: dict[str, Any]) -> Bom:
    """SPDX 3.0. Raises `InputError` where a package has no name."""
    rows = {_id(row): row for row in dicts_of(document.get("@graph"))}
    uses: dict[str, list[str]] = {}
    for row in rows.values():
        if text_of(row, "relationshipType") == "trainedOn":
            uses.setdefault(text_of(row, "from"), []).extend(_ids(row.get("to")))
    names = {key: text_of(row, "name") for key, row in rows.items()}
    found: dict[str, Part] = {}
    for key, row in rows.items():
        kind = _KIND_3.get(_type(row))
        if kind is None:
            continue
        if not text_of(row, "name"):
            raise InputError("a package has no name", remedy=REMEDY)
        found[key] = _element(row, kind, tuple(names.get(one) or one for one in uses.get(key, ())))
    root = _root(rows, found)
    rest = tuple(part for key, part in found.items() if key != root)
    return Bom(found.get(root), rest, "set rootElement of the SpdxDocument")


def _root(rows: dict[str, dict[str, Any]], found: dict[str, Part]) -> str:
    """The package that the document is about: its root, or the root of the bill that is its root."""
    at = next((key for key, row in rows.items() if _type(row) == "SpdxDocument"), "")
    for _ in range(_MOST_STEPS):
        if at in found:
            return at
        at = next(iter(_ids(rows.get(at, {}).get("rootElement"))), "")
    return ""


def _element(row: dict[str, Any], kind: str, uses: tuple[str, ...]) -> Part:
    if kind == "package" and text_of(row, "software_primaryPurpose") == "container":
        kind = IMAGE
    sums = [(text_of(each, "algorithm"), text_of(each, "hashValue")) for each in dicts_of(row.get("verifiedUsing"))]
    named = dicts_of(row.get("externalIdentifier"))
    purls = [text_of(each, "identifier") for each in named if text_of(each, "externalIdentifierType") == "packageUrl"]
    return Part(
        kind,
        text_of(row, "name"),
        text_of(row, "software_packageVersion"),
        text_of(row, "software_packageUrl") or next(iter(purls), ""),
        tuple(pair for pair in sums if all(pair)),
        uses,
    )


def _id(row: dict[str, Any]) -> str:
    return text_of(row, "spdxId") or text_of(row, "@id")


def _type(row: dict[str, Any]) -> str:
    return text_of(row, "type") or text_of(row, "@type")


def _ids(value: Any) -> list[str]:
    """References: one or a list, each a text or an element in place."""
    rows = value if isinstance(value, list) else [value]
    found = [row if isinstance(row, str) else _id(dict_of(row)) for row in rows]
    return [one for one in found if one]
