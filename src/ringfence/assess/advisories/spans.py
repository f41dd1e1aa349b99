"""A stretch of versions."""

import msgspec

from ringfence.assess.advisories.tokens import Version


class Span(msgspec.Struct, frozen=True):
    """From `low` on (() is everything) to below `high`; None: no end. `exact`: this one version was named alone."""

    low: Version
    high: Version | None
    exact: bool = False

    def holds(self, version: Version) -> bool:
        """Whether a version lies in it."""
        return self.low <= version and (self.high is None or version < self.high)

    @property
    def is_empty(self) -> bool:
        """Whether it ends before it starts: its bounds were not meant so, or were misread."""
        return self.high is not None and self.low >= self.high


EVERYTHING = Span((), None)
