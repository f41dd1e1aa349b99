"""Merkle tree hashes and the checks of both proofs, as RFC 6962 section 2.1 and RFC 9162 section 2.1 define them.

A hash is 32 bytes (SHA-256). A leaf is hashed behind the byte 0, a node behind the byte 1, so that
neither can stand for the other. A tree of n leaves splits at the largest power of two below n;
pairing neighbours level by level, an odd last one going up as it is, gives the same tree.
"""

from collections.abc import Sequence
from hashlib import sha256

HASH = 32
"""Bytes of one hash."""

EMPTY = sha256(b"").digest()
"""The root of the tree without leaves."""


def leaf(entry: bytes) -> bytes:
    """The hash of one entry."""
    return sha256(b"\0" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees side by side."""
    return sha256(b"\1" + left + right).digest()


def root(hashes: Sequence[bytes]) -> bytes:
    """The hash over subtrees of equal height, the last of which may be lower. O(n)."""
    level = list(hashes)
    while len(level) > 1:
        odd = level[len(level) & ~1 :]
        level = [node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)] + odd
    return level[0] if level else EMPTY


def root_of_edge(edge: Sequence[Sequence[bytes]]) -> bytes:
    """The root of a tree from its right edge: per level of tiles, lowest first, the hashes of the partial tile."""
    lower: list[bytes] = []
    for hashes in edge:
        if hashes or lower:
            lower = [root([*hashes, *lower])]
    return root(lower)


def split(size: int) -> int:
    """The largest power of two below `size` (2 or more): where a tree of that size splits."""
    return 1 << ((size - 1).bit_length() - 1)


def verify_inclusion(index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes], root_hash: bytes) -> bool:
    """Whether the leaf stands at `index` in the tree of `size` leaves and this root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node(sibling, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = node(found, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root_hash


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the tree of `new` leaves begins with the tree of `old` leaves (RFC 9162, 2.1.4.2).

    Every tree begins with the empty one; a tree begins with itself. Both take an empty proof.
    """
    if old == 0 or old == new:
        return not proof and old_root == (EMPTY if old == 0 else new_root) and new >= 0
    if not 0 < old < new or not proof:
        return False
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, after = node(sibling, before), node(sibling, after)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            after = node(after, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root
