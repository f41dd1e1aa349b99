"""CISA's catalogue of known exploited vulnerabilities (JSON)."""

from collections.abc import Mapping

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.advisory import cve, text

MOST_BYTES = 32 << 20
_REMEDY = "give known_exploited_vulnerabilities.json"


class _Entry(msgspec.Struct, rename="camel"):
    id: str = msgspec.field(name="cveID")
    date_added: str = ""


class _Catalogue(msgspec.Struct, rename="camel"):
    vulnerabilities: list[_Entry]
    catalog_version: str = ""


class Catalogue(msgspec.Struct, frozen=True):
    """`added`: CVE id → the day it came into the catalogue, `YYYY-MM-DD`."""

    version: str
    added: Mapping[str, str]


def read(data: bytes) -> Catalogue:
    """The catalogue. Raises `InputError` if it is none."""
    if len(data) > MOST_BYTES:
        raise InputError(f"larger than {MOST_BYTES >> 20} MiB", remedy=_REMEDY)
    file: _Catalogue = safe.json(data, _Catalogue)
    added = {each.id: text(each.date_added[:10]) for each in file.vulnerabilities if cve(each.id)}
    return Catalogue(text(file.catalog_version), added)
