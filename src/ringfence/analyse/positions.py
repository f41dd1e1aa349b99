"""Positions: an entity and what an attacker holds of it, `host:gpu0001#root`, as one integer.

position = term code × 32 + capability code, int64; -1 means none.
"""

import numpy as np
from numpy.typing import NDArray

from ringfence.errors import UsageError
from ringfence.estate.estate import Estate
from ringfence.estate.kinds import CAPABILITIES, KINDS, kind_of

CAPABILITY_NAMES = tuple(CAPABILITIES)
CAPABILITY_CODE = {name: code for code, name in enumerate(CAPABILITY_NAMES)}
WIDTH = 32
NONE = -1

Positions = NDArray[np.int64]


def encode(terms: NDArray[np.int32], capability: str) -> Positions:
    """Positions of `capability` on each term."""
    return terms.astype(np.int64) * WIDTH + CAPABILITY_CODE[capability]


def text(estate: Estate, position: int) -> str:
    """`entity#capability`."""
    return f"{estate.terms.values[position // WIDTH]}#{CAPABILITY_NAMES[position % WIDTH]}"


def split(position: str) -> tuple[str, str]:
    """(entity, capability) of `entity[#capability]`, the kind's default filled in.

    Raises `UsageError` for an unknown kind or capability.
    """
    entity, mark, capability = position.rpartition("#")
    if not mark or "/" in capability:
        entity, capability = position, ""
    kind = kind_of(entity)
    if not kind:
        raise UsageError(f"{entity!r} is not an entity id", "an id begins with its kind, as in host:gpu0001")
    capability = capability or KINDS[kind].default
    if capability not in CAPABILITIES:
        raise UsageError(f"no capability is called {capability!r}", "one of: " + ", ".join(CAPABILITIES))
    return entity, capability


def default(entity: str) -> str:
    """`entity#capability` with the capability of its kind, also where the entity's own name holds a hash."""
    return f"{entity}#{KINDS[kind_of(entity)].default}"


def parse(estate: Estate, position: str) -> int:
    """The position written `entity[#capability]`. Raises `UsageError` if the estate has no such entity."""
    entity, capability = split(position)
    term = estate.terms.find(entity)
    if term < 0:
        raise UsageError(f"{entity} is not in this estate", "`ringfence show --list KIND` lists what is")
    return term * WIDTH + CAPABILITY_CODE[capability]
