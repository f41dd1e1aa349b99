"""What compiled code does not answer itself, asked of one text at a time: regular expressions, addresses, times, and
numbers that stand in text.
"""

import ipaddress
import operator
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from ringfence.watch.sigma import regex, tree
from ringfence.watch.sigma.tree import Atom

_LONGEST_NUMBER = 400
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "neq": operator.ne,
    "eq": operator.eq,
}
_PARTS: Mapping[str, Callable[[datetime], int]] = {
    "minute": lambda when: when.minute,
    "hour": lambda when: when.hour,
    "day": lambda when: when.day,
    "week": lambda when: when.isocalendar().week,
    "month": lambda when: when.month,
    "year": lambda when: when.year,
}
_SCALES = ((10**11, 1), (10**14, 10**3), (10**17, 10**6), (10**20, 10**9))
"""A whole number of time is of seconds below the first bound, then milli-, micro- and nanoseconds."""


def asker(atom: Atom) -> Callable[[str], bool]:
    """What answers an atom for one text."""
    if atom.op == tree.REGEX:
        search = regex.compiled(atom.text).search
        return lambda text: search(text) is not None
    if atom.op == tree.CIDR:
        network = ipaddress.ip_network(atom.text)
        return lambda text: (address := address_in(text)) is not None and address in network
    if atom.op == tree.COMPARE:
        return lambda text: (number := number_in(text)) is not None and _COMPARE[atom.text](number, atom.number)
    if atom.op != tree.CALENDAR:
        raise AssertionError(atom.op)
    name, _, op = atom.text.partition(" ")
    part, compare = _PARTS[name], _COMPARE[op or "eq"]
    return lambda text: (when := moment_in(text)) is not None and compare(part(when), atom.number)


def address_in(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a text is; None where it is none."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def number_in(text: str) -> int | float | None:
    """The decimal number that a text is; None where it is none."""
    text = text.strip()
    if len(text) > _LONGEST_NUMBER or not text.isascii() or text.strip("+-0123456789.eE"):
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None


def moment_in(text: str) -> datetime | None:
    """The time that a text is, in UTC: ISO 8601, or a whole number since the epoch; None where it is none."""
    text = text.strip()
    try:
        if text.isascii() and text.isdigit():
            number = int(text[:20])
            scale = next((scale for bound, scale in _SCALES if number < bound), 0)
            return datetime.fromtimestamp(number / scale, UTC) if scale else None
        when = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
