"""Hosts' rulesets as values, each text read once for all who judge it."""

from functools import lru_cache

from ringfence.errors import InputError
from ringfence.wire.nft import json, text
from ringfence.wire.nft.values import Ruleset


@lru_cache(maxsize=1 << 12)
def read(written: str) -> tuple[Ruleset, str]:
    """(what a text or JSON listing says, why it cannot be read: "" where it can)."""
    data = written.encode("utf-8", "surrogatepass")
    try:
        return (json if written.lstrip()[:1] == "{" else text).read(data), ""
    except InputError as error:
        return Ruleset(), f"{error.what}, line {error.line}" if error.line else error.what
