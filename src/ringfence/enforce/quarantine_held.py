"""What is in quarantine on a fabric, as it is noted beside each manager's `partitions.conf`: ports, and until when.

partitions.conf              what is in force: the base, and the quarantine over it
partitions.conf.quarantine   what is to be held, written first: {"type": "quarantine", "ports": […]}, 0600
"""

from collections.abc import Iterable

import msgspec

from ringfence.enforce.ib_seat import Seat
from ringfence.enforce.quarantine_overlay import named
from ringfence.errors import InputError
from ringfence.wire.contain import LONGEST, OnFabric, Until, decode

_HIGHEST = (1 << 64) - 1


def held(seat: Seat) -> tuple[Until, ...]:
    """What is noted, lapsed or not. Where the note is gone or damaged the text in force tells, for `LONGEST`."""
    noted = seat.held()
    try:
        if noted:
            return ports_of(decode(noted, OnFabric).ports)
    except InputError:
        pass
    until = int(seat.since()) + LONGEST
    return tuple(Until(_name(guid), until) for guid in named(seat.text()))


def note(ports: Iterable[Until]) -> str:
    """What is to be noted; the note of nothing is one too, until nothing is in force any more."""
    return msgspec.json.encode(OnFabric(tuple(ports))).decode()


def guids(ports: Iterable[Until]) -> frozenset[int]:
    """Their GUIDs."""
    return frozenset(int(one.what, 16) for one in ports)


def ports_of(ports: Iterable[Until]) -> tuple[Until, ...]:
    """Each port once, by GUID with all its digits, as long as any entry says. Raises `InputError`."""
    found: dict[str, int] = {}
    for one in ports:
        try:
            guid = int(one.what, 16) if one.what.startswith("0x") else 0
        except ValueError:
            guid = 0
        if not 0 < guid <= _HIGHEST:
            raise InputError(f"{one.what[:40]!r} is no port GUID", remedy="0x and up to 16 hexadecimal digits")
        before = found.get(_name(guid), one.until)
        found[_name(guid)] = max(before, one.until) if before and one.until else 0
    return tuple(Until(name, until) for name, until in sorted(found.items()))


def _name(guid: int) -> str:
    return f"0x{guid:016x}"
