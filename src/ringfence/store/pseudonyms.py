"""An estate that can be shown to others: every name replaced, every relation kept.

Each id keeps its kind and gets a keyed pseudonym (HMAC-SHA-256 under a key that is drawn here and
forgotten); settings, labels and other values that the moves do not need by name are replaced as
well, sources become "source-n", times are kept. Without the key the names cannot be computed; the
shape of the graph remains and can identify a site to those who know it.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping

from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact, Scalar
from ringfence.estate.kinds import EVERYONE, OUTSIDE, PREDICATES, kind_of

_PLAIN = frozenset({"in_zone", "service_kind", "authenticates", "device_open", "runs_with", "permits", "has_format"})
"""Predicates whose values are words of our own vocabulary."""

_PLAIN_ATTRIBUTES = frozenset(
    {
        "answered",
        "assumed",
        "complete",
        "gives",
        "membership",
        "mode",
        "nopasswd",
        "port",
        "rate",
        "readable_by",
        "share",
        "mbit_s",
        "memory_mib",
        "level",
    }
)


def pseudonymous(estate: Estate) -> Estate:
    """The same estate under other names. Nobody, the caller included, keeps the key."""
    key = secrets.token_bytes(32)
    return estate_of(_renamed(estate.facts(), key))


def _renamed(facts: Iterable[Fact], key: bytes) -> Iterable[Fact]:
    known: dict[str, str] = {EVERYONE: EVERYONE, OUTSIDE: OUTSIDE}
    sources: dict[str, str] = {}

    def name(term: str) -> str:
        if term not in known:
            digest = hmac.new(key, term.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:16]
            kind = kind_of(term)
            known[term] = f"{kind}:{digest}" if kind else digest
        return known[term]

    for fact in facts:
        plain = fact.predicate in _PLAIN or (fact.predicate in ("setting", "asked") and "/" not in fact.object)
        value = PREDICATES[fact.predicate].object == ("value",)
        object_ = fact.object if plain and value else name(fact.object)
        source = sources.setdefault(fact.source, f"source-{len(sources) + 1}")
        yield Fact(name(fact.subject), fact.predicate, object_, _kept(fact.attributes), source, fact.observed_at)


def _kept(attributes: Mapping[str, Scalar]) -> Mapping[str, Scalar]:
    return {
        field: value
        for field, value in attributes.items()
        if field in _PLAIN_ATTRIBUTES and not (isinstance(value, str) and "/" in value)
    }
