"""Who may log in by name and address, as sshd decides it (AllowUsers and DenyUsers of sshd_config(5)).

A pattern is `user`, `user@host` or `user@network`, with `*` and `?` in each part. A user whom any DenyUsers
pattern meets is refused; if there is any AllowUsers pattern, one of them has to meet. What was tried on OpenSSH 9.2:
the patterns of Match blocks that hold add up, and take the place of the global ones.
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network

import msgspec

from ringfence.errors import InputError
from ringfence.wire.host import sshd

_NAME = re.compile(r"\A[A-Za-z0-9_][A-Za-z0-9._-]{0,63}\$?\Z")


def is_name(account: str) -> bool:
    """Whether a pattern can name exactly this account: no wildcard, space, comma, `@` or `!` (ssh_config(5))."""
    return _NAME.match(account) is not None


class Pattern(msgspec.Struct, frozen=True, order=True):
    """`user` and `host` as written; `host` is "*" where none is."""

    user: str
    host: str


class Logins(msgspec.Struct, frozen=True):
    """`allow` None: nobody restricts. `sometimes` are patterns that a Match block adds for some connections."""

    allow: tuple[Pattern, ...] | None
    deny: tuple[Pattern, ...]
    sometimes: tuple[Pattern, ...]


def read(data: bytes, included: Mapping[str, bytes] | None = None) -> Logins:
    """The patterns of a configuration with its drop-ins, or of `sshd -T`. Raises `InputError`."""
    config = sshd.config(data, included)
    allow = config.values.get("allowusers")
    some = [one for match in config.matches for one in _patterns(match.values.get("allowusers", ""))]
    return Logins(
        None if allow is None else _patterns(allow),
        _patterns(config.values.get("denyusers", "")),
        tuple(some),
    )


def admits(logins: Logins, user: str, address: str) -> bool:
    """Whether the global part lets `user` in from `address`; a host name in a pattern meets nobody (UseDNS no)."""
    if any(_meets(one, user, address) for one in logins.deny):
        return False
    return logins.allow is None or any(_meets(one, user, address) for one in logins.allow)


def _meets(pattern: Pattern, user: str, address: str) -> bool:
    if not fnmatchcase(user, pattern.user.replace("[", "[[]")):
        return False
    try:
        return ip_address(address) in ip_network(pattern.host, strict=False)
    except ValueError:
        return fnmatchcase(address, pattern.host.replace("[", "[[]"))


def _patterns(text: str) -> tuple[Pattern, ...]:
    return tuple(_pattern(word) for word in text.split())


def _pattern(word: str) -> Pattern:
    user, at, host = word.rpartition("@")
    if at and not (user and host):
        raise InputError(f"{word[:80]!r} is no pattern of a user", remedy="sshd would refuse it: user@host")
    return Pattern(user, host) if at else Pattern(word, "*")
