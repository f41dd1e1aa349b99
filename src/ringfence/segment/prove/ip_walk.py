"""A packet's way through the chains of a table: what is accepted at most, and what at least.

The first verdict counts (nft(8), VERDICT STATEMENTS), so what a rule accepts is its region without what was dropped,
or left the chain, before it. Where a rule is unsure it accepts for the upper bound and drops for the lower.
"""

import msgspec

from ringfence.segment.prove.ip_matches import Matcher, Packet
from ringfence.segment.prove.ip_regions import ANY, Region, minus
from ringfence.segment.prove.ip_space import Space
from ringfence.wire.nft.values import Chain, Rule, Table

_DEEPEST = 16
"""Chains that may jump into each other (the kernel's own limit)."""

_DROPS = ("drop", "reject")
_BOTH = "unknown"


class Bound(msgspec.Struct, frozen=True):
    """Peers and kinds that one base chain lets through. `marks`: what may be written to their connections."""

    regions: tuple[Region, ...]
    universal: bool
    marks: frozenset[str] = frozenset()


def bounds(space: Space, table: Table, chain: Chain, packet: Packet) -> tuple[Bound, Bound]:
    """What a base chain lets through: (at most, at least)."""
    matcher = Matcher(space, table.sets, table.family, packet)
    upper = Walk(space, table, matcher, sure=False)
    most = upper.bound(chain)
    return most, most if upper.certain else Walk(space, table, matcher, sure=True).bound(chain)


class Walk:
    """One base chain, one kind of packet, one bound: `sure` False for the upper one, True for the lower.

    `certain`: whether every rule on the way was understood, so that both bounds are one.
    """

    def __init__(self, space: Space, table: Table, matcher: Matcher, *, sure: bool) -> None:
        self._table, self._matcher, self._sure = table, matcher, sure
        self._accepted: list[Region] = []
        self._dropped: list[Region] = []
        self._marks: set[str] = set()
        self._every = space.every
        self.certain = True

    def bound(self, chain: Chain) -> Bound:
        """What the chain lets through; families that the table does not see pass."""
        whole = self._matcher.whole
        left = self._chain(chain, whole, [], chain.devices, 0)
        if left is not None and chain.policy == "accept":
            self._accepted += minus(whole, self._dropped, self._every)
        universal = any(one.pieces is whole.pieces and one.whats == ANY for one in self._accepted)
        if whole.pieces is not None:
            self._accepted += minus(Region(None, ANY), [whole], self._every)
        return Bound(tuple(self._accepted), universal, frozenset(self._marks))

    def _chain(self, chain: Chain, within: Region, gone: list[Region], doubt: bool, depth: int) -> list[Region] | None:
        """Walk the rules; `gone` are regions that have left. None when everything has been decided."""
        gone = list(gone)
        for placed in self._matcher.rules(chain):
            rule, region = placed.rule, self._matcher.within(placed.region, within)
            if region.empty:
                continue
            sure = placed.sure and not doubt
            self.certain = self.certain and sure
            if rule.sets_mark:
                self._marks.add(rule.sets_mark)
            if self._verdict(rule, region, gone, sure, depth):
                doubt = True
            if sure and rule.verdict in ("accept", "drop") and not rule.metered and region is within:
                return None  # nothing gets past this rule
        return gone

    def _verdict(self, rule: Rule, region: Region, gone: list[Region], sure: bool, depth: int) -> bool:
        """What one rule does. True: whether the packet goes on from here is not known."""
        kind, _, target = rule.verdict.partition(" ")
        if self._worst(rule):
            kind = _BOTH
        if rule.metered and kind in _DROPS:
            return False  # only what is beyond a rate or a quota
        if rule.metered or kind == _BOTH:
            sure = self.certain = False
        if kind == "accept" or (kind == _BOTH and not self._sure):
            if sure or not self._sure:
                self._accepted += minus(region, [*self._dropped, *gone], self._every)
        elif kind in _DROPS or kind == _BOTH:
            if sure or self._sure:
                self._dropped += minus(region, gone, self._every)
        elif kind in ("jump", "goto", "return"):
            return self._elsewhere(kind, target, region, gone, sure, depth)
        return False

    def _elsewhere(self, kind: str, target: str, region: Region, gone: list[Region], sure: bool, depth: int) -> bool:
        if kind != "return":
            chain = self._table.chains.get(target)
            if chain is None or depth >= _DEEPEST:
                return self._verdict(Rule(verdict=_BOTH), region, gone, False, depth)
            self._chain(chain, region, gone, not sure, depth + 1)
        if kind != "jump" and sure:
            gone.append(region)
        return kind != "jump" and not sure

    def _worst(self, rule: Rule) -> bool:
        """Whether nothing is known of what the rule does: in our table whatever is not understood."""
        return rule.verdict in (_BOTH, "queue") or bool(rule.unknown and self._table.ours)
