"""A ruleset as values (nft(8)): tables of chains of rules, and sets."""

from collections.abc import Mapping

import msgspec

ACCEPT, DROP = "accept", "drop"
TABLE = "ringfence"
"""The one table that is ours, of family inet."""

DORMANT = ("dormant",)
"""Flags of a table that is switched off: its chains hang on no hook (nft(8), TABLES)."""


class Match(msgspec.Struct, frozen=True):
    """`ip daddr @peers`: `left` in the words of the text form, `op` one of == != < > <= >=, `right` one of these.

    Of a list with `==` one has to match, of a list with `!=` none may.
    """

    left: str
    op: str
    right: tuple[str, ...]


class Rule(msgspec.Struct, frozen=True):
    """All of `matches` have to hold for `verdict` to be reached.

    `verdict`: accept, drop, reject, queue, return, continue, `jump X`, `goto X`, or "" (only counts).
    `sets_mark`: value written to the connection's mark, "" for none. `metered`: the rate or quota that has a say.
    `unknown`: what could not be read; then the rule may do anything that its verdict allows, or nothing.
    """

    matches: tuple[Match, ...] = ()
    verdict: str = ""
    sets_mark: str = ""
    metered: str = ""
    unknown: str = ""


class Chain(msgspec.Struct, frozen=True):
    """`hook` is "" for a chain that is only jumped to."""

    name: str
    rules: tuple[Rule, ...] = ()
    kind: str = ""
    hook: str = ""
    priority: int = 0
    policy: str = ACCEPT
    devices: bool = False


class Set(msgspec.Struct, frozen=True):
    """A named set; `elements` as printed, without their timeouts."""

    name: str
    type: str
    flags: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()


class Quota(msgspec.Struct, frozen=True):
    """A named quota: passes, and counts, up to `limit` bytes; `used` are counted already."""

    name: str
    limit: int
    used: int = 0


class Table(msgspec.Struct, frozen=True):
    """`others`: names of objects that are kept as names only: maps, flow tables, helpers. `flags`: as printed."""

    family: str
    name: str
    chains: Mapping[str, Chain] = {}
    sets: Mapping[str, Set] = {}
    quotas: Mapping[str, Quota] = {}
    counters: Mapping[str, int] = {}
    others: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def ours(self) -> bool:
        """Whether it is Ringfence's."""
        return (self.family, self.name) == ("inet", TABLE)


class Ruleset(msgspec.Struct, frozen=True):
    """All tables that were listed."""

    tables: tuple[Table, ...] = ()

    @property
    def ours(self) -> Table | None:
        """Our table, None where it is not loaded."""
        return next((table for table in self.tables if table.ours), None)

    @property
    def foreign(self) -> tuple[Table, ...]:
        """The tables of others."""
        return tuple(table for table in self.tables if not table.ours)
