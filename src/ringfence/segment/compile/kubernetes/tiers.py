"""What a cluster's administrator lays over the policies of namespaces: nothing crosses a tenant unless it is allowed.

One *tier* per namespace: it passes what is of the same tenant, and what the fence allows from or to other namespaces,
on to the NetworkPolicies (which decide pod by pod), and denies everything else. Whatever an owner of a namespace writes
there, it opens no more than that. Passing is by namespace and port, never by a label that an owner could set.
"""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network
from itertools import zip_longest
from typing import TypeVar

import msgspec

from ringfence.segment.compile.kubernetes.cells import NAMESPACE, Cells, Json, one_of
from ringfence.segment.compile.kubernetes.rules import allowed, blocks, speaks
from ringfence.segment.what import What

T = TypeVar("T")
MOST = 25
"""Networks in a peer and ports in a rule: the smaller bound of the two schemas."""

FIRST, LAST = 100, 1000
"""Priorities that we use; below them is room for an administrator's own, which then come first."""

EVERYWHERE = ("0.0.0.0/0", "::/0")


class Rule(msgspec.Struct, frozen=True):
    """`pass` or `deny`; `peers` as all kinds write them; `kinds` empty: all traffic."""

    action: str
    name: str
    peers: tuple[Json, ...]
    kinds: tuple[What, ...] = ()


Rules = tuple[Rule, ...]


class Tier(msgspec.Struct, frozen=True):
    """The rules of some namespaces, in order. `name` "" is that of all of them together."""

    name: str
    namespaces: tuple[str, ...]
    ingress: tuple[Rule, ...]
    egress: tuple[Rule, ...]


def tenants(cells: Cells) -> dict[str, tuple[str, ...]]:
    """Namespaces by whom they belong to: a tenant, two that share it (`a+b`), or nobody but its own owners.

    The platform's are left out: there even a pod that nobody knows is meant to work.
    """
    found: dict[str, list[str]] = {}
    for namespace, here in cells.by_namespace.items():
        owners = {cells.policy.groups[group].tenant for cell in here for group in cell.groups} - {""}
        if not any(cell.groups and not cell.value for cell in here):
            found.setdefault("+".join(sorted(owners)) or f"namespace:{namespace}", []).append(namespace)
    return {tenant: tuple(namespaces) for tenant, namespaces in sorted(found.items())}


def tiers(cells: Cells) -> Iterator[Tier]:
    """One tier for every namespace of every tenant."""
    for namespaces in tenants(cells).values():
        own = Rule("pass", "the same tenant", (_namespaces(namespaces),))
        for name in namespaces:
            groups = list(dict.fromkeys(group for cell in cells.by_namespace[name] for group in cell.groups))
            ingress = [own, *_across(cells, groups, namespaces, inward=True), _DENY_PODS]
            egress = [own, *_across(cells, groups, namespaces, inward=False), _DENY_PODS, *_outside(cells, groups)]
            yield Tier(name, (name,), tuple(ingress), tuple(egress))


def ranked(found: Iterable[Tier], most_rules: int) -> Iterator[tuple[int, int, Tier, Rules, Rules]]:
    """(priority, number of the part, tier, ingress, egress): so many rules in each part, in their order.

    Each part has a priority of its own as long as there are enough of them; then namespaces share, of which no pod is
    in two, and only the parts of one namespace follow one another.
    """
    split = []
    for tier in found:
        sides = parts(tier.ingress, most_rules), parts(tier.egress, most_rules)
        split += [(at, tier, *both) for at, both in enumerate(zip_longest(*sides, fillvalue=()))]
    is_roomy = len(split) <= LAST - FIRST
    for number, (at, tier, ingress, egress) in enumerate(split):
        yield FIRST + (number if is_roomy else at), at, tier, ingress, egress


def default(cells: Cells) -> Tier | None:
    """Below the NetworkPolicies: deny, so that taking ours away opens nothing."""
    every = tuple(sorted(name for namespaces in tenants(cells).values() for name in namespaces))
    return Tier("", every, (_DENY_PODS,), (_DENY_PODS, _DENY_OUTSIDE)) if every else None


def _namespaces(names: Sequence[str]) -> Json:
    return {"namespaces": one_of(NAMESPACE, names)}


_DENY_PODS = Rule("deny", "everyone else", ({"namespaces": {}},))
_DENY_OUTSIDE = Rule("deny", "every other address", ({"networks": EVERYWHERE},))


def _across(cells: Cells, groups: list[str], own: Sequence[str], *, inward: bool) -> Iterator[Rule]:
    by_others: dict[tuple[str, ...], list[What]] = {}
    for kind, others in allowed(cells, groups, inward).items():
        names = {name for group in others for name in cells.namespaces(group)} - set(own)
        if names and speaks(kind):
            by_others.setdefault(tuple(sorted(names)), []).append(kind)
    for listed, kinds in sorted(by_others.items()):
        yield from _passed(_namespaces(listed), kinds)


def _outside(cells: Cells, groups: list[str]) -> Iterator[Rule]:
    by_blocks: dict[tuple[IPv4Network, ...], list[What]] = {}
    for kind, others in allowed(cells, groups, inward=False).items():
        found = {block for group in others for block in blocks(cells, group)}
        if found and speaks(kind):
            by_blocks.setdefault(tuple(sorted(found)), []).append(kind)
    for listed, kinds in sorted(by_blocks.items()):
        for some in parts(listed, MOST):
            yield from _passed({"networks": [str(one) for one in some]}, kinds)
    yield _DENY_OUTSIDE


def _passed(peer: Json, kinds: list[What]) -> Iterator[Rule]:
    if any(kind.protocol == "any" for kind in kinds):
        kinds = []
    for some in parts(kinds, MOST) or [()]:
        yield Rule("pass", "as the fence allows", (peer,), some)


def parts(found: Sequence[T], most: int) -> list[tuple[T, ...]]:
    """The same in their order, no more than `most` at a time."""
    return [tuple(found[at : at + most]) for at in range(0, len(found), most)]
