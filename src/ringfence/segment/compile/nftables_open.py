"""What no rule over addresses can keep apart: ends without nftables, networks that contain hosts, jobs that share.

The answer comes from the policy and the addresses alone, before a rule is written: a host lets out what goes to an
*address* that its policy names, and lets in what comes from one; whoever else has that address passes too.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from ringfence.segment.address import Index, located, span
from ringfence.segment.compile.nftables_scope import Scopes
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import BETWEEN, Policy, Residual
from ringfence.segment.relation import Block, Ints, excess
from ringfence.segment.what import What, parse

_ANY = What("any")
_WHY = "no rule over addresses parts them"
_REMEDY = "run nftables there, or let a switch or the other end filter"


def residuals(policy: Policy, inventory: Inventory, scopes: Scopes) -> tuple[Residual, ...]:
    """The pairs that stay open although the policy denies them, as few residuals as they can be put in."""
    if not scopes.hosts:
        return (Residual("ip", "nftables", "*", "*", -1, "no host is known to run nftables", _REMEDY),)
    ends = sorted(scopes.groups)
    view = _View(policy, inventory, scopes, ends)
    short = {group.on("ip"): name for name, group in sorted(policy.groups.items(), reverse=True)}
    found = [
        Residual("ip", "nftables", _names(ends, one, short), _names(ends, other, short), pairs, _WHY, _REMEDY)
        for one, other, pairs in excess(len(ends), view.meant(), [view.out(), view.into()])
    ]
    return tuple(sorted([*found, *_loopback(scopes)]))


class _View:
    """The relation that rules over addresses can express, as blocks of endpoint numbers."""

    def __init__(self, policy: Policy, inventory: Inventory, scopes: Scopes, ends: list[str]) -> None:
        self._policy, self._scopes = policy, scopes
        self._number = {end: at for at, end in enumerate(ends)}
        together = scopes.together()
        where = {end: located(inventory.addresses, end) for end in ends}
        near = Index(where, ends)
        self._same = [self._numbers(together.get(end, (end,))) for end in ends]
        self._near = [
            self._numbers({other for text in where[end] for other in near.within(span(text)) if _met(end, other)})
            for end in ends
        ]
        fenced = np.array([end in together for end in ends], np.bool_)
        outside = np.array([end.startswith("network:") for end in ends], np.bool_)
        self._bare = np.flatnonzero(~fenced & ~outside)
        self._outside, self._inside = np.flatnonzero(outside), np.flatnonzero(~outside)
        self._all = np.arange(len(ends), dtype=np.int64)
        self._groups = {name: self._numbers(group.on("ip")) for name, group in policy.groups.items()}
        self._wider: dict[tuple[str, str], Ints] = {}

    def _numbers(self, ends: object) -> Ints:
        return np.array(sorted(self._number[end] for end in ends), np.int64)  # type: ignore[attr-defined]

    def _of(self, name: str, kind: str) -> Ints:
        """A group ("") with all that shares a scope (`same`) or an address (`near`) with a member."""
        if not kind:
            return self._groups[name]
        if (name, kind) not in self._wider:
            rows = self._same if kind == "same" else self._near
            members = self._groups[name].tolist()
            found = [rows[at] for at in members]
            self._wider[name, kind] = np.unique(np.concatenate([*found, self._groups[name]]))
        return self._wider[name, kind]

    def meant(self) -> list[Block]:
        """The policy; and ends on one host, which addresses do not concern."""
        here = [self._numbers([end for ends in one.values() for end in ends]) for one in self._scopes.shared()]
        return [*self._allowed("", ""), *(Block(ends, ends, _ANY) for ends in here)]

    def out(self) -> list[Block]:
        """What is let out: to addresses that the scope may reach; by ends without nftables, everything."""
        open_ = [Block(self._bare, self._all, _ANY), Block(self._outside, self._inside, _ANY)]
        return open_ + self._allowed("same", "near")

    def into(self) -> list[Block]:
        """What is let in, likewise."""
        open_ = [Block(self._all, self._bare, _ANY), Block(self._inside, self._outside, _ANY)]
        return open_ + self._allowed("near", "same")

    def _allowed(self, source: str, target: str) -> list[Block]:
        """The allows, widened at both ends; those towards one target together, since they are most."""
        together: dict[tuple[str, str], list[Ints]] = {}
        for allow in self._policy.on("ip"):
            together.setdefault((allow.target, allow.what), []).append(self._of(allow.source, source))
        return [
            Block(np.unique(np.concatenate(sources)), self._of(name, target), parse(what))
            for (name, what), sources in together.items()
        ]


def _met(end: str, other: str) -> bool:
    """Whether who names one end's addresses may mean the other: a network contains hosts, no host a network."""
    return end.startswith("network:") or not other.startswith("network:")


def _names(ends: list[str], chosen: Ints, short: Mapping[tuple[str, ...], str]) -> str:
    members = tuple(ends[at] for at in chosen.tolist())
    return short.get(members) or BETWEEN.join(members)


def _loopback(scopes: Scopes) -> Iterator[Residual]:
    """A host's own processes and its jobs reach each other over its loopback; so do jobs of one control group."""
    for one in scopes.shared():
        own, every = one[""], [end for ends in one.values() for end in ends]
        pairs = [(own, every), (every, own), *((ends, ends) for path, ends in one.items() if path)]
        for sources, targets in pairs:
            count = len(sources) * len(targets) - len({*sources} & {*targets})
            if count:
                why = "they share a host's loopback, and no control group parts them"
                yield Residual("ip", "nftables", ", ".join(sources), ", ".join(targets), count, why)
