"""The 15-bit space of partition keys, owned by us where nobody else holds a key.

A key belongs to a *name*. Names that hold a key keep it; a new name begins to look at a place that its own
hash gives, so that a key which was just freed is rarely the next one to be given out. Pure: the same names, keys
held and keys busy give the same answer in whatever order they come.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2s

import msgspec

from ringfence.errors import InputError

RESERVED = frozenset({0x0000, 0x7FFF})
"""0 is no key (IBA 10.9.1.1), 0x7fff the default partition in which the subnet manager speaks with everyone."""

SPACE = 0x8000


class Key(msgspec.Struct, frozen=True):
    """One partition: its name in the target, its 15-bit number, and the GUIDs of its members, ascending.

    A full member speaks with every member, a limited one with full members only. No port is in both.
    """

    name: str
    number: int
    full: tuple[int, ...]
    limited: tuple[int, ...] = ()
    ipoib: bool = False
    why: str = ""


def allocate(names: Iterable[str], held: Mapping[str, int], busy: Iterable[int] = ()) -> dict[str, int]:
    """A key for each name.

    `held`: what names hold now, those included that are no longer wanted. `busy`: keys that any table holds, or
    that are not ours; the key that a wanted name holds may be among them. No other busy key is given out, so a freed
    key stays out of use until no table has it. Raises `InputError` when the space is full.
    """
    wanted = sorted(set(names))
    given = {name: held[name] for name in wanted if name in held}
    closed = {*RESERVED, *held.values(), *busy}
    fresh = [name for name in wanted if name not in given]
    if len(fresh) > SPACE - len(closed):
        raise InputError(
            f"the key space is full: {len(fresh)} keys wanted, {SPACE - len(closed)} of {SPACE - len(RESERVED)} free",
            remedy="end jobs, or wait until freed keys have left every table",
        )
    for name in fresh:
        number = int.from_bytes(blake2s(name.encode(), digest_size=4).digest(), "big") % SPACE
        while number in closed:
            number = (number + 1) % SPACE
        given[name] = number
        closed.add(number)
    return given
