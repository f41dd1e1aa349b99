"""What advisories say, whatever their format: which flaw, in which product, in which versions.

Texts stay as the publisher wrote them. What a range means is decided in `assess.advisories`.
"""

import re

import msgspec

from ringfence.estate import ids

LONGEST = 400
"""Characters of a name or a range; nobody writes more, and nobody reads more."""

_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,19}")


class Named(msgspec.Struct, frozen=True):
    """A product in some versions, each part as written: `Linux(R535)`, `Tesla`, `All driver versions prior to 5.1`."""

    platform: str
    product: str
    version: str
    vendor: str = ""


class Flaw(msgspec.Struct, frozen=True):
    """One CVE of an advisory: the versions that have it, those that have it no more, those of which it does not say."""

    cve: str
    affected: tuple[Named, ...]
    fixed: tuple[Named, ...]
    unclear: tuple[Named, ...] = ()


class Advisory(msgspec.Struct, frozen=True):
    """One document. `released` is the day of its first release as `YYYY-MM-DD`, or ""."""

    id: str
    title: str
    released: str
    flaws: tuple[Flaw, ...]


def text(value: str) -> str:
    """A foreign text without control characters, cut at `LONGEST`."""
    return " ".join(ids.clean(value[:LONGEST]).split())


def cve(value: str) -> str:
    """The id if it is one, else ""."""
    return value if _CVE.fullmatch(value) else ""
