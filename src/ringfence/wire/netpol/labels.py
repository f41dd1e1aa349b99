"""Label selectors and address blocks, checked as the API server checks them."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network

from ringfence.errors import InputError
from ringfence.wire.netpol import shapes
from ringfence.wire.netpol.values import OPERATORS, Block, Range, Requirement, Selector

LONGEST_NAME = 253

_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_PREFIX = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_WITH_VALUES = frozenset(("In", "NotIn"))


def named(*names: str) -> None:
    """Raises `InputError` for a name that would not stay on its line, or read as another."""
    for name in names:
        if not name or not name.isprintable() or " " in name or len(name) > LONGEST_NAME:
            raise InputError(f"{name[:80]!r} is not a name")


def selector(written: shapes.LabelSelector | None) -> Selector:
    """A selector; absent means that everything is selected. Raises `InputError`."""
    if written is None:
        return Selector()
    equal = (Requirement(key, "In", frozenset((value,))) for key, value in sorted((written.match_labels or {}).items()))
    asked = (Requirement(one.key, one.operator, frozenset(one.values or ())) for one in written.match_expressions or ())
    return Selector(tuple(_checked(one) for one in (*equal, *asked)))


def optional(written: shapes.LabelSelector | None) -> Selector | None:
    """A selector, or None where none is written."""
    return None if written is None else selector(written)


def of_labels(labels: dict[str, str]) -> Selector:
    """The selector that asks for exactly these labels, as a Service's does."""
    return selector(shapes.LabelSelector(match_labels=labels))


def _checked(one: Requirement) -> Requirement:
    prefix, slash, name = one.key.rpartition("/")
    if not name or not _VALUE.fullmatch(name) or (slash and not _PREFIX.fullmatch(prefix)):
        raise InputError(f"{one.key!r} is not a label's name")
    if one.operator not in OPERATORS:
        raise InputError(f"{one.operator!r} is not an operator of a selector", remedy="In, NotIn, Exists, DoesNotExist")
    if (one.operator in _WITH_VALUES) != bool(one.values):
        raise InputError(
            f"the operator {one.operator} of {one.key!r} {'wants' if not one.values else 'takes no'} values"
        )
    for value in one.values:
        if not _VALUE.fullmatch(value):
            raise InputError(f"{value!r} is not a label's value")
    return one


def network(cidr: str) -> Range | None:
    """First and last address of an IPv4 block; None for IPv6. Raises `InputError`."""
    found = _network(cidr)
    if not isinstance(found, IPv4Network):
        return None
    return int(found.network_address), int(found.broadcast_address)


def _network(cidr: str) -> IPv4Network | IPv6Network:
    try:
        found = ip_network(cidr, strict=False)
    except ValueError:
        found = None
    if found is None or "/" not in cidr:
        raise InputError(f"{cidr!r} is not an address block", remedy="write it as 10.0.0.0/8")
    return found


def block(written: shapes.IpBlock) -> Block | None:
    """An address block without its exceptions; None for IPv6. Raises `InputError` for one that is not within it."""
    whole = _network(written.cidr)
    for cidr in written.except_ or ():
        if not _within(_network(cidr), whole):
            raise InputError(f"except {cidr} is not a part of {written.cidr}", remedy="an exception is a smaller block")
    excepted = [network(cidr) for cidr in written.except_ or ()]
    found = network(written.cidr)
    if found is None:
        return None
    return Block(found, tuple(one for one in excepted if one is not None))


def _within(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    """Whether it is a part, and not the whole, as the API server asks of an exception."""
    return inner.version == outer.version and inner.prefixlen > outer.prefixlen and inner.network_address in outer
