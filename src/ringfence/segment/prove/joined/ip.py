"""Behind the host filters every source group has a network of its own, on which those of its targets listen that
could be reached before: a filter takes ways away and makes none.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ringfence.estate.facts import Fact
from ringfence.estate.kinds import OUTSIDE
from ringfence.segment import what
from ringfence.segment.model import Allow
from ringfence.segment.prove.joined.places import Networks, Places
from ringfence.segment.prove.joined.view import View, host_part, said
from ringfence.segment.what import What

NFS = 2049
_OUTSIDE = frozenset({OUTSIDE, "network:0.0.0.0/0", "network:::/0"})


def changes(view: View) -> tuple[list[Fact], list[Fact]]:
    """(facts taken away, facts added): a filtered host is on no shared network, and listens on none."""
    behind = view.enforced("nftables")
    world = _World(view, behind)
    removed = [
        *view.about("attached_to", behind),
        *view.about("reaches_outside", behind),
        *(fact for facts in world.listening.values() for fact in facts),
        *(fact for facts in world.exports.values() for fact in facts),
    ]
    added: dict[tuple[str, str, str], Fact] = {}
    for source, allows in view.sources.items():
        for fact in _opened(world, source, allows):
            added[fact.subject, fact.predicate, fact.object] = fact
    return removed, list(added.values())


class _World:
    """Who stands where before the fence: a filter opens no way that is not there."""

    def __init__(self, view: View, behind: frozenset[str]) -> None:
        self.view, self.behind = view, behind
        self.places = Places(view.estate)
        self.networks = Networks(view.estate)
        host_of = {fact.subject: fact.object for fact in view.estate.facts("runs_on") if fact.object in behind}
        self.listening = _by_host(view.estate.facts("listens_on"), host_of)
        server = {fact.subject: fact.object for fact in view.estate.facts("exported_by") if fact.object in behind}
        to_networks = (fact for fact in view.estate.facts("exported_to") if fact.object.startswith("network:"))
        self.exports = _by_host(to_networks, server)
        self.controllers = _by_host(view.estate.facts("attached_to"), None, "bmc:")
        self.outward = frozenset(fact.subject for fact in view.estate.facts("reaches_outside"))

    def machines(self, senders: Iterable[str]) -> dict[str, str]:
        """Machine → the network that stands for it as a sender: one of a rule's own, or that of its group ("")."""
        found: dict[str, str] = {}
        for one in senders:
            if one.startswith("network:"):
                found |= dict.fromkeys(self.places.behind(one.partition(":")[2]), one)
            else:
                found[host_part(one)] = ""
        return found


def _opened(world: _World, source: str, allows: list[Allow]) -> Iterator[Fact]:
    """What the machines of one source group reach, by the networks that stand for them."""
    own = f"network:fence/{source}"
    machines = world.machines(world.view.ends(source))
    nets = {net or own for net in machines.values()}
    reach = {net: world.networks.of(one for one, its in machines.items() if (its or own) == net) for net in nets}
    for machine, net in machines.items():
        yield said(machine, "attached_to", net or own)
    answering: dict[str, None] = {}  # networks of controllers: they answer, so theirs stay both ways
    for allow in allows:
        passes = what.parse(allow.what)
        for target in world.view.ends(allow.target):
            for fact in _reached(world, host_part(target), passes):
                on = (net for net in nets if fact.object in reach[net])
                yield from (said(fact.subject, fact.predicate, net, **_kept(fact)) for net in on)
            answering |= dict.fromkeys(fact.object for fact in world.controllers.get(target, ()))
            if target in _OUTSIDE:
                for one, net in machines.items():
                    if world.outward & {one, *reach[net or own]}:
                        yield said(net or own, "reaches_outside", OUTSIDE)
    for shared in answering:
        near = (one for one, net in machines.items() if shared in reach[net or own])
        yield from (said(one, "attached_to", shared) for one in near)


def _kept(fact: Fact) -> dict[str, str | int]:
    shown = fact.attributes.items()
    return {name: value for name, value in shown if name != "membership" and isinstance(value, str | int)}


def _reached(world: _World, host: str, passes: What) -> Iterator[Fact]:
    for fact in world.listening.get(host, ()):
        if _admits(passes, fact.attributes.get("port")):
            yield fact
    if _admits(passes, NFS):
        yield from world.exports.get(host, ())


def _admits(passes: What, port: object) -> bool:
    if passes.protocol == "any" or not isinstance(port, int):
        return True  # a port that nobody told may be any
    return passes.protocol in ("tcp", "udp") and passes.low <= port <= passes.high


def _by_host(facts: Iterable[Fact], host_of: dict[str, str] | None, kind: str = "") -> dict[str, list[Fact]]:
    """Facts by the host of their subject, or by the subject itself where it is of a kind."""
    found: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        if host_of is None and fact.subject.startswith(kind):
            found[fact.subject].append(fact)
        elif host_of is not None and fact.subject in host_of:
            found[host_of[fact.subject]].append(fact)
    return found
