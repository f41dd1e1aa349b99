"""The `ip` plane: who may open a connection to whom, from the rulesets of all hosts.

        artefacts ─read─▶ per host: out(peers), in(peers) ─▶ blocks ─▶ out(a) ∩ in(b) ∩ answers ─▶ verdict

A connection from a to b needs a to let it out, b to let it in, and both to let the answers pass; to leak, a packet
needs no answer. Every base chain on
the way has to agree, those of other people's tables included: an accept in one does not overrule a drop in another.
A host without an artefact lets everything pass. *Anybody else*
(`network:*`) has every address that no endpoint has, and is never meant: a host that he reaches, or that reaches him,
has no fence. What a rule says in words that the reader does not know may be an
accept or a drop: leaks are looked for as if it accepted, breaks as if it dropped.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import msgspec
import numpy as np

from ringfence.segment import what
from ringfence.segment.address import located
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Difference, Policy, Proof, Residual
from ringfence.segment.prove import rulesets
from ringfence.segment.prove.ip_judge import Loaded
from ringfence.segment.prove.ip_relation import relations
from ringfence.segment.prove.ip_space import Space
from ringfence.segment.prove.verdict import Names, verdict
from ringfence.segment.relation import Block
from ringfence.wire.nft.values import Rule, Ruleset, Table

TARGET, PLANE = "nftables", "ip"
COVERS = (
    "Connections that begin, and the answers to them, by every filter chain of the hosts' rulesets. Neighbour "
    "discovery and listener reports on a link, and ICMP errors about a connection, pass by design. Not looked at: "
    "RDMA, which no rule of nftables sees; how much a budget lets through; address translation by others; bridged "
    "frames; traffic between networks outside."
)

_COUNTED = re.compile(r"packets \d+ bytes \d+|used \d+ \w+|expires \w+|\"(?:packets|used|handle|expires)\": \d+")


def prove_ip(
    policy: Policy, inventory: Inventory, artefacts: Sequence[Artefact], residuals: Sequence[Residual] = ()
) -> Proof:
    """The verdict on rulesets, compiled or read back, as text or as JSON; one that cannot be read fails it."""
    loaded = list(_loaded(artefacts))
    known = {end: located(inventory.addresses, end) for group in policy.groups.values() for end in group.on(PLANE)}
    elements = _addresses(table for here in loaded for table in here.ruleset.tables)
    ours = _addresses(here.ruleset.ours for here in loaded)
    outside = [at for at, name in enumerate(known) if name.startswith("network:")]
    groups = {inventory.cgroups[end] for end in known if end in inventory.cgroups}
    space = Space([*known.values()], elements, [*ours], outside, groups)
    names = _Names(policy, PLANE, [f"network:{one}" for one in space.strangers])
    most, least = relations(loaded, space, names.names, inventory, len(space.strangers))
    covers = " ".join([COVERS, *_told(loaded)])
    upper = verdict(names, TARGET, most, residuals, covers)
    lower = upper if least is most else verdict(names, TARGET, least, residuals)
    differences = (
        *(one for one in upper.differences if one.kind == "leak"),
        *(_forwarding(loaded)),
        *(_explained(one, known) for one in lower.differences if one.kind == "break"),
    )
    return msgspec.structs.replace(upper, differences=differences)


class _Names(Names):
    """The intent with allows towards one target together: thousands of groups reach the same service."""

    def intent(self) -> list[Block]:
        """What the policy allows, in as few blocks as there are targets and kinds of traffic.

        Between two networks outside nothing is ours to allow or deny.
        """
        return self._intent

    @cached_property
    def _intent(self) -> list[Block]:
        by_target: dict[tuple[str, str], list[str]] = {}
        for allow in self.policy.on(self.plane):
            by_target.setdefault((allow.target, allow.what), []).append(allow.source)
        outside = np.array([name.startswith("network:") for name in self.names], np.bool_)
        found = []
        for (name, kind), together in by_target.items():
            sources = np.unique(np.concatenate([self.of(one) for one in together]))
            targets = self.of(name)
            far = outside[targets]
            found.append(Block(sources, targets[~far], what.parse(kind)))
            if far.any():
                found.append(Block(sources[~outside[sources]], targets[far], what.parse(kind)))
        return found


def _loaded(artefacts: Sequence[Artefact]) -> Iterator[Loaded]:
    """Rulesets with all hosts that have the same but for what their counters counted: each is read once."""
    alike: dict[str, list[Artefact]] = {}
    for one in artefacts:
        alike.setdefault(_COUNTED.sub("", one.text), []).append(one)
    for same in alike.values():
        yield Loaded(*rulesets.read(same[0].text), [host for one in same for host in one.loaded_by])


def _addresses(tables: Iterable[Table | None]) -> dict[str, None]:
    """Everything in tables that may be an address, each once."""
    lists: dict[int, tuple[str, ...]] = {}  # rulesets share most of their lists
    for table in filter(None, tables):
        for one in table.sets.values():
            if one.type in ("ipv4_addr", "ipv6_addr"):
                lists[id(one.elements)] = one.elements
        for rule in (rule for chain in table.chains.values() for rule in chain.rules):
            for match in rule.matches:
                if match.left.endswith("addr") and not match.right[0].startswith("@"):
                    lists[id(match.right)] = match.right
    return dict.fromkeys(one for found in lists.values() for one in found)


def _told(loaded: Sequence[Loaded]) -> Iterator[str]:
    """What in the rulesets could not be judged, and whose tables beside ours were there."""
    for here in loaded:
        if here.unread:
            yield f"{here.name} cannot be read: {here.unread}."
    unknown = sorted({f"`{rule.unknown}`" for here in loaded for rule in _rules(here.ruleset) if rule.unknown})
    if unknown:
        yield f"Not understood, so taken for the worst: {', '.join(unknown[:5])} ({len(unknown)} in all)."
    foreign = sorted({f"{one.family} {one.name}" for here in loaded for one in here.ruleset.foreign})
    if foreign:
        yield f"Tables of others, taken into account: {', '.join(foreign[:20])}."


def _rules(ruleset: Ruleset) -> Iterator[Rule]:
    return (rule for table in ruleset.tables for chain in table.chains.values() for rule in chain.rules)


def _forwarding(loaded: Sequence[Loaded]) -> Iterator[Difference]:
    """Our table may let nothing through a host: it would carry packets for others."""
    for here in loaded:
        if here.forwards:
            host = here.hosts[0] if here.hosts else here.name
            yield Difference("leak", PLANE, host, host, "any", max(len(here.hosts), 1), "it forwards for others")


def _explained(one: Difference, known: Mapping[str, Sequence[str]]) -> Difference:
    bare = [end for end in (one.source, one.target) if not known.get(end)]
    return msgspec.structs.replace(one, because=f"no address of {bare[0]} is known") if bare else one
