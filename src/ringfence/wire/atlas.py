"""MITRE ATLAS as its data file has it (`ATLAS.yaml` of mitre-atlas/atlas-data): ids, names and the order of techniques.

        {id, name, version, matrices: [{tactics, techniques, mitigations}], case-studies: [{id, procedure: […]}]}

Descriptions are not read.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.estate.ids import clean
from ringfence.wire import safe

LARGEST = 32 << 20
"""Bytes beyond which such a file is not read; that of version 5.6.0 has half a megabyte."""
_ID = re.compile(r"\AAML\.(?:T|TA|M|CS)\d{4}(?:\.\d{3})?\Z", re.ASCII)
_REMEDY = "take dist/ATLAS.yaml of mitre-atlas/atlas-data"


class Atlas(msgspec.Struct, frozen=True):
    """Id → name, of techniques (with sub-techniques) and of mitigations; case study → its techniques in their order."""

    version: str
    techniques: Mapping[str, str]
    mitigations: Mapping[str, str]
    studies: Mapping[str, tuple[str, ...]]


def parse(data: bytes) -> Atlas:
    """Raises `InputError` for what is not such a file."""
    if len(data) > LARGEST:
        raise InputError(f"{len(data)} bytes; an ATLAS file has at most {LARGEST}", remedy=_REMEDY)
    document = next(safe.yaml_documents(data), None)
    if not isinstance(document, dict) or document.get("id") != "ATLAS":
        raise InputError("not the data file of ATLAS", line=1, remedy=_REMEDY)
    matrices = list(_records(document.get("matrices")))
    techniques = dict(_named(one for matrix in matrices for one in _records(matrix.get("techniques"))))
    if not techniques:
        raise InputError("the file names no technique", remedy=_REMEDY)
    mitigations = dict(_named(one for matrix in matrices for one in _records(matrix.get("mitigations"))))
    studies = {id_: tuple(_steps(one)) for one in _records(document.get("case-studies")) if (id_ := _id(one))}
    return Atlas(clean(str(document.get("version", "")))[:20], techniques, mitigations, studies)


def _records(value: Any) -> Iterator[dict[str, Any]]:
    yield from (one for one in (value if isinstance(value, list) else ()) if isinstance(one, dict))


def _id(record: Mapping[str, Any], key: str = "id") -> str:
    found = record.get(key)
    return found if isinstance(found, str) and _ID.match(found) else ""


def _named(records: Iterator[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    yield from ((id_, clean(str(one.get("name", "")))) for one in records if (id_ := _id(one)))


def _steps(study: Mapping[str, Any]) -> Iterator[str]:
    yield from (id_ for one in _records(study.get("procedure")) if (id_ := _id(one, "technique")))
