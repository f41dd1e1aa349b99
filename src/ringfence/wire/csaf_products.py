"""The product tree of a CSAF 2.0 document: what each product id names.

A tree of branches, a flat list of full names, and relationships (a product on another) name products. A leaf of the
branches names a version either by a branch of category `product_version` or `product_version_range`, or, as NVIDIA
does, by the product's own name. All are read.
"""

from collections.abc import Iterator

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.advisory import LONGEST, Named, text

MOST_LEAVES = 100_000
REMEDY = "give CSAF 2.0 documents, each in a file of its own"
_SKIPPED = ("vendor", "language", "legacy", "service_pack", "patch_level")
_Path = tuple[tuple[str, str], ...]


class Product(msgspec.Struct):
    """A product under an id."""

    product_id: str = ""
    name: str = ""


class Branch(msgspec.Struct):
    """A part of a path to products."""

    category: str = ""
    name: str = ""
    product: Product | None = None
    branches: list["Branch"] = []


class Relationship(msgspec.Struct):
    """A product on, in or with another, under an id of its own."""

    product_reference: str = ""
    relates_to_product_reference: str = ""
    full_product_name: Product = msgspec.field(default_factory=Product)


class Tree(msgspec.Struct):
    """All products of a document."""

    branches: list[Branch] = []
    full_product_names: list[Product] = []
    relationships: list[Relationship] = []


def products(tree: Tree) -> dict[str, Named]:
    """Product id → what it names. Raises `InputError` for trees that are larger or deeper than any real one."""
    if len(tree.full_product_names) + len(tree.relationships) > MOST_LEAVES:
        raise InputError(f"more than {MOST_LEAVES:,} products", remedy=REMEDY)
    found = {one.product_id: _by_full_name(one.name) for one in tree.full_product_names}
    found.update(_leaves(tree.branches))
    _relate(found, tree.relationships)
    return found


def _leaves(branches: list[Branch]) -> Iterator[tuple[str, Named]]:
    """(product id, what it names) of every product of the branches; no deeper than the parser allows."""
    count = 0
    open_: list[tuple[Branch, _Path]] = [(branch, ()) for branch in reversed(branches)]
    while open_:
        branch, above = open_.pop()
        path = (*above, (branch.category, branch.name))
        if len(path) > safe.DEEPEST:
            raise InputError(f"branches nested more than {safe.DEEPEST} deep", remedy=REMEDY)
        if branch.product is not None:
            count += 1
            if count > MOST_LEAVES:
                raise InputError(f"more than {MOST_LEAVES:,} products", remedy=REMEDY)
            yield branch.product.product_id, _named(path, branch.product)
        open_ += [(each, path) for each in reversed(branch.branches)]


def _named(path: _Path, product: Product) -> Named:
    """The last branch is the product; one of category version below a product names the version instead."""
    vendor = next((name for kind, name in path if kind == "vendor"), "")
    kept = [(kind, name) for kind, name in path if kind not in _SKIPPED]
    version = product.name
    called = [at for at, (kind, _) in enumerate(kept) if kind == "product_name"]
    if len(kept) > 1 and kept[-1][0].startswith("product_version") and called:
        version = kept.pop()[1]
        kept.append(kept.pop(called[-1]))
    name = kept[-1][1] if kept else product.name
    platform = kept[-2][1] if len(kept) > 1 else ""
    return Named(text(platform), text(name), text(version), text(vendor))


_RANGES = ("all", "any", "prior", "before", "up", "version", "versions")


def _by_full_name(full: str) -> Named:
    """`Widget 1.2.3` and `Widget <1.2.3`: the version starts with the first word that can be of one."""
    words = full[:LONGEST].split()
    at = next((at for at, word in enumerate(words) if at and _starts_a_range(word)), len(words))
    name = " ".join(words[:at])
    return Named("", text(name), text(" ".join(words[at:]) or full))


def _starts_a_range(word: str) -> bool:
    bare = word.lower()
    if bare in _RANGES or bare.startswith(("vers:", "<", ">", "=")):
        return True
    first, dot, _ = bare.removeprefix("v").partition(".")
    return bool(dot) and first.isascii() and first.isdecimal()


def _relate(found: dict[str, Named], relationships: list[Relationship]) -> None:
    """Add what relationships name: the product that they refer to, on the other. Each is looked at once or twice."""
    waiting = {one.full_product_name.product_id: one for one in relationships}
    for start in list(waiting):
        chain: list[Relationship] = []
        while start in waiting:  # a relationship may refer to another, and in a circle
            one = waiting.pop(start)
            chain.append(one)
            start = one.product_reference
        for one in reversed(chain):
            base = found.get(one.product_reference) or _by_full_name(one.full_product_name.name)
            other = found.get(one.relates_to_product_reference)
            platform = base.platform or (other.product if other else "")
            found[one.full_product_name.product_id] = msgspec.structs.replace(base, platform=platform)
