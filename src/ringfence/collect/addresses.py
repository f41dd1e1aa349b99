"""Addresses and subnets as the collectors need them: read from text, compared, never an exception."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


def range_of(text: str) -> Network | None:
    """A subnet in the usual notation, None for anything else."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def holds(outer: Network | None, inner: Network | None) -> bool:
    """Whether the first range holds the second."""
    if outer is None or inner is None or outer.version != inner.version:
        return False
    return inner.subnet_of(outer)  # type: ignore[arg-type]  # of one version, as just seen


def is_loopback(name: str) -> bool:
    """Whether an address, or the name `localhost`, leads nowhere but to this machine."""
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
