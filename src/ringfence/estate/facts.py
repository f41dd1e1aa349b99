"""A fact: one thing that one source said about one subject at one time."""

from collections.abc import Mapping
from typing import Any

import msgspec

Scalar = str | int | float | bool
"""What an attribute may hold."""

NO_ATTRIBUTES: Mapping[str, Scalar] = {}


class Fact(msgspec.Struct, frozen=True):
    """`(subject, predicate, object, attributes, source, observed_at)`.

    `subject` is an entity id; `object` is an entity id or, where the predicate's row in
    `kinds.PREDICATES` says "value", a plain value. `observed_at` is in seconds since the epoch,
    UTC; 0 means that the source gave no time.
    """

    subject: str
    predicate: str
    object: str
    attributes: Mapping[str, Scalar] = NO_ATTRIBUTES
    source: str = ""
    observed_at: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The documented public shape of a fact."""
        shown: dict[str, Any] = {
            "subject": self.subject,
            "predicate": self.predicate,
            "object": self.object,
            "source": self.source,
            "observed_at": self.observed_at,
        }
        if self.attributes:
            shown["attributes"] = dict(self.attributes)
        return shown
