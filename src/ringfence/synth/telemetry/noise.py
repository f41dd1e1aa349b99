"""Numbers that look random and are a function of what they are about, so that a host's events never depend on whom
else a process generates: hashed(key, host, tick) is the same in every partition.
"""

import hashlib
from random import Random

import numpy as np

_A, _B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)
_M1, _M2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def key(*parts: object) -> np.uint64:
    """A key from anything that has a text."""
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def dice(*parts: object) -> Random:
    """A stream of random numbers of its own for each thing that is drawn."""
    return Random("/".join(map(str, parts)))  # noqa: S311 - must be reproducible, keeps no secret


def hashed(which: np.uint64, one: np.ndarray, other: np.ndarray | int) -> np.ndarray:
    """64 mixed bits for each pair of whole numbers (splitmix64's finaliser)."""
    with np.errstate(over="ignore"):
        mixed = np.asarray(one).astype(np.uint64) * _A + np.asarray(other).astype(np.uint64) * _B + which
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _M1
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _M2
    found: np.ndarray = mixed ^ (mixed >> np.uint64(31))
    return found


def unit(bits: np.ndarray) -> np.ndarray:
    """0 to 1."""
    found: np.ndarray = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return found


def bell(bits: np.ndarray) -> np.ndarray:
    """Mean 0, deviation 1, within ±3.5: the sum of four uniform numbers."""
    lanes = np.ascontiguousarray(bits).view(np.uint16).reshape(*bits.shape, 4)
    found: np.ndarray = (lanes.sum(-1, dtype=np.int64) / 65536.0 - 2.0) * 1.7320508
    return found


def counts(bits: np.ndarray, rate: np.ndarray | float) -> np.ndarray:
    """Poisson counts of these rates, by inverting the distribution; at most 12."""
    left = unit(bits)
    part = np.broadcast_to(np.exp(-np.asarray(rate, np.float64)), left.shape).copy()
    found = np.zeros(left.shape, np.int64)
    for at in range(1, 13):
        left = left - part
        more = left > 0
        if not more.any():
            break
        found += more
        part *= np.asarray(rate) / at
    return found
