"""CSAF 2.0 security advisories (OASIS Common Security Advisory Framework), as far as versions go.

A leaf of the product tree names a version either by a branch of category `product_version` or
`product_version_range`, or, as NVIDIA does, by the product's own name. Both are read.
"""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.advisory import Advisory, Flaw, Named, cve, text

MOST_BYTES = 32 << 20
MOST_LEAVES = 100_000
MOST_NAMED = 1_000_000
_REMEDY = "give CSAF 2.0 documents, each in a file of its own"
_SKIPPED = ("vendor", "language", "legacy", "service_pack", "patch_level")


class _Product(msgspec.Struct):
    product_id: str = ""
    name: str = ""


class _Branch(msgspec.Struct):
    category: str = ""
    name: str = ""
    product: _Product | None = None
    branches: list["_Branch"] = []


class _Tree(msgspec.Struct):
    branches: list[_Branch] = []


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
    product_tree: _Tree = msgspec.field(default_factory=_Tree)
    vulnerabilities: list[_Vulnerability] = []


_AFFECTED = ("known_affected", "first_affected", "last_affected")
_FIXED = ("fixed", "first_fixed")


def is_csaf(data: bytes) -> bool:
    """Whether a file says of itself, near its start, that it is CSAF."""
    return b'"csaf_version"' in data[:65536]


def read(data: bytes) -> Advisory:
    """One document. Raises `InputError` if it is none, or larger than any real one."""
    if len(data) > MOST_BYTES:
        raise InputError(f"larger than {MOST_BYTES >> 20} MiB", remedy=_REMEDY)
    file: _File = safe.json(data, _File)
    products = dict(_leaves(file.product_tree.branches))
    left = MOST_NAMED
    flaws = []
    for one in file.vulnerabilities:
        name = cve(one.cve)
        lists = [_ids(one, kinds) for kinds in (_AFFECTED, _FIXED)]
        left -= sum(map(len, lists))
        if left < 0:
            raise InputError(f"more than {MOST_NAMED:,} statements about products", remedy=_REMEDY)
        affected, fixed = (tuple(products[each] for each in named if each in products) for named in lists)
        if name:
            flaws.append(Flaw(name, affected, fixed))
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


def _leaves(branches: list[_Branch]) -> Iterator[tuple[str, Named]]:
    """(product id, what it names) of every product of the tree; no deeper than the parser allows."""
    count = 0
    open_: list[tuple[_Branch, tuple[tuple[str, str], ...]]] = [(branch, ()) for branch in reversed(branches)]
    while open_:
        branch, above = open_.pop()
        path = (*above, (branch.category, branch.name))
        if len(path) > safe.DEEPEST:
            raise InputError(f"branches nested more than {safe.DEEPEST} deep", remedy=_REMEDY)
        if branch.product is not None:
            count += 1
            if count > MOST_LEAVES:
                raise InputError(f"more than {MOST_LEAVES:,} products", remedy=_REMEDY)
            yield branch.product.product_id, _named(path, branch.product)
        open_ += [(each, path) for each in reversed(branch.branches)]


def _named(path: tuple[tuple[str, str], ...], product: _Product) -> Named:
    """The last branch is the product; one of category version under a product names the version instead."""
    kept = [(kind, name) for kind, name in path if kind not in _SKIPPED]
    version = product.name
    if len(kept) > 1 and kept[-1][0].startswith("product_version") and kept[-2][0] == "product_name":
        version = kept.pop()[1]
    name = kept[-1][1] if kept else product.name
    platform = kept[-2][1] if len(kept) > 1 else ""
    return Named(text(platform), text(name), text(version))
