"""CSAF 2.0 security advisories (OASIS Common Security Advisory Framework), as far as versions go.

What the ids of its products name is read in `csaf_products`.
"""

from typing import Annotated, Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.advisory import Advisory, Flaw, cve, text
from ringfence.wire.csaf_products import MOST_LEAVES, REMEDY, Tree, products

__all__ = ["MOST_LEAVES", "is_csaf", "read"]

MOST_BYTES = 32 << 20
MOST_NAMED = 1_000_000


class _Tracking(msgspec.Struct):
    id: str
    initial_release_date: str = ""


class _Document(msgspec.Struct):
    csaf_version: Annotated[str, msgspec.Meta(pattern=r"^2\.")]
    tracking: _Tracking
    title: str = ""


class _Vulnerability(msgspec.Struct):
    cve: str = ""
    product_status: dict[str, Any] = {}


class _File(msgspec.Struct):
    document: _Document
    product_tree: Tree = msgspec.field(default_factory=Tree)
    vulnerabilities: list[_Vulnerability] = []


_AFFECTED = ("known_affected", "first_affected", "last_affected")
_FIXED = ("fixed", "first_fixed")
_UNCLEAR = ("under_investigation",)


def is_csaf(data: bytes) -> bool:
    """Whether a file says of itself, near its start, that it is CSAF."""
    return b'"csaf_version"' in data[:65536]


def read(data: bytes) -> Advisory:
    """One document. Raises `InputError` if it is none, or larger than any real one."""
    if len(data) > MOST_BYTES:
        raise InputError(f"larger than {MOST_BYTES >> 20} MiB", remedy=REMEDY)
    file: _File = safe.json(data, _File)
    known = products(file.product_tree)
    left = MOST_NAMED
    flaws = []
    for one in file.vulnerabilities:
        name = cve(one.cve)
        lists = [_ids(one, kinds) for kinds in (_AFFECTED, _FIXED, _UNCLEAR)]
        left -= sum(map(len, lists))
        if left < 0:
            raise InputError(f"more than {MOST_NAMED:,} statements about products", remedy=REMEDY)
        if name:
            flaws.append(Flaw(name, *(tuple(known[each] for each in named if each in known) for named in lists)))
    document = file.document
    released = document.tracking.initial_release_date[:10]
    return Advisory(text(document.tracking.id), text(document.title), text(released), tuple(flaws))


def _ids(one: _Vulnerability, kinds: tuple[str, ...]) -> list[str]:
    """Product ids of some kinds of status, each once, in their order."""
    found: dict[str, None] = {}
    for kind in kinds:
        listed = one.product_status.get(kind, [])
        found |= dict.fromkeys(each for each in listed if isinstance(each, str)) if isinstance(listed, list) else {}
    return list(found)
