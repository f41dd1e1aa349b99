"""`shosts.equiv`, `hosts.equiv`, `.shosts`, `.rhosts`: hosts that are let in without proof (hosts.equiv(5))."""

import msgspec

from ringfence.wire import safe

NAMES = ("shosts.equiv", "hosts.equiv", ".shosts", ".rhosts")


class Trusted(msgspec.Struct, frozen=True):
    """One line. `host` may be `+` (every host) or `+@netgroup`; `user` is "" for the same account."""

    host: str
    user: str = ""


def trusted(data: bytes) -> tuple[Trusted, ...]:
    """Every host let in, in order. Lines that begin with `-` take trust away and yield nothing."""
    out = []
    for _, line in safe.lines(data):
        words = line.partition("#")[0].split()
        if words and not words[0].startswith("-"):
            out.append(Trusted(words[0], words[1] if len(words) > 1 else ""))
    return tuple(out)
