"""A second, independent log: RFC 6962's recursive definitions word for word, over a list of entries in memory."""

import hashlib


def largest_power_below(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(entries):
    """MTH of section 2.1."""
    if not entries:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = largest_power_below(len(entries))
    return hashlib.sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def path(m, entries):
    """PATH of section 2.1.1."""
    if len(entries) == 1:
        return []
    k = largest_power_below(len(entries))
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def proof(m, entries):
    """PROOF of section 2.1.2."""
    return subproof(m, entries, True) if 0 < m < len(entries) else []


def subproof(m, entries, known):
    if m == len(entries):
        return [] if known else [mth(entries)]
    k = largest_power_below(len(entries))
    if m <= k:
        return [*subproof(m, entries[:k], known), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], False), mth(entries[:k])]


def resources(entries):
    """Every full tile and bundle, and the partial ones of this size: path → bytes, as tlog-tiles lists them."""
    found = {}
    for at in range(0, len(entries), 256):
        part = entries[at : at + 256]
        found[name("entries", at // 256, len(part))] = b"".join(len(one).to_bytes(2, "big") + one for one in part)
    level, span = 0, 1
    while len(entries) // span:
        hashes = [mth(entries[at * span : (at + 1) * span]) for at in range(len(entries) // span)]
        for at in range(0, len(hashes), 256):
            part = hashes[at : at + 256]
            found[name(str(level), at // 256, len(part))] = b"".join(part)
        level, span = level + 1, span * 256
    return found


def name(level, index, width):
    number = str(index)
    while len(number) % 3:
        number = "0" + number
    parts = [number[at : at + 3] for at in range(0, len(number), 3)]
    encoded = "/".join(["x" + part for part in parts[:-1]] + parts[-1:])
    return f"tile/{level}/{encoded}" + (f".p/{width}" if width != 256 else "")
