"""Behind the host filters every source group has a network of its own, on which its targets listen."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ringfence.estate.facts import Fact
from ringfence.estate.kinds import OUTSIDE
from ringfence.segment import what
from ringfence.segment.model import Allow
from ringfence.segment.prove.joined.places import Places
from ringfence.segment.prove.joined.view import View, host_part, said
from ringfence.segment.what import What

NFS = 2049
_OUTSIDE = frozenset({OUTSIDE, "network:0.0.0.0/0", "network:::/0"})


def changes(view: View) -> tuple[list[Fact], list[Fact]]:
    """(facts taken away, facts added): a filtered host is on no shared network, and listens on none."""
    behind = view.enforced("nftables")
    listening = _listening(view, behind)
    exports = _exports(view, behind)
    removed = [
        *view.about("attached_to", behind),
        *view.about("reaches_outside", behind),
        *(fact for service in listening.values() for facts in service.values() for fact in facts),
        *(fact for facts in exports.values() for fact in facts),
    ]
    added: dict[tuple[str, str, str], Fact] = {}
    places = Places(view.estate)
    for source, allows in view.sources.items():
        for fact in _within(view.ends(source), places):
            added[fact.subject, fact.predicate, fact.object] = fact
        for fact in _opened(view, source, allows, listening, exports, behind):
            added[fact.subject, fact.predicate, fact.object] = fact
    return removed, list(added.values())


def network(source: str) -> str:
    """The network that stands for what `source` may send."""
    return source if source.startswith("network:") else f"network:fence/{source}"


def _within(senders: Iterable[str], places: Places) -> Iterator[Fact]:
    """Machines stand in every part of a network that a rule names."""
    for one in senders:
        if one.startswith("network:"):
            for place in places.behind(one.partition(":")[2]):
                yield said(place, "attached_to", one)


def _opened(
    view: View,
    source: str,
    allows: list[Allow],
    listening: dict[str, dict[str, list[Fact]]],
    exports: dict[str, list[Fact]],
    behind: frozenset[str],
) -> Iterator[Fact]:
    senders = view.ends(source)
    nets = {network(source)} if any(not one.startswith("network:") for one in senders) else set()
    nets |= {one for one in senders if one.startswith("network:")}
    for one in senders:
        if not one.startswith("network:"):
            yield said(host_part(one), "attached_to", network(source))
    for allow in allows:
        passes = what.parse(allow.what)
        for target in view.ends(allow.target):
            for fact in _reached(target, passes, listening, exports, behind, view):
                yield from (said(fact.subject, fact.predicate, net, **_kept(fact)) for net in nets)
            if target in _OUTSIDE:
                yield from (said(net, "reaches_outside", OUTSIDE) for net in nets if net.startswith("network:fence/"))


def _kept(fact: Fact) -> dict[str, str | int]:
    return {
        name: value for name, value in fact.attributes.items() if name != "membership" and isinstance(value, str | int)
    }


def _reached(
    target: str,
    passes: What,
    listening: dict[str, dict[str, list[Fact]]],
    exports: dict[str, list[Fact]],
    behind: frozenset[str],
    view: View,
) -> Iterator[Fact]:
    host = host_part(target)
    for facts in listening.get(host, {}).values():
        yield from (fact for fact in facts if _admits(passes, fact.attributes.get("port")))
    if host in exports and _admits(passes, NFS):
        yield from exports[host]
    if host.startswith("bmc:"):
        yield from view.estate.about(host, "attached_to")


def _admits(passes: What, port: object) -> bool:
    if passes.protocol == "any" or not isinstance(port, int):
        return True  # a port that nobody told may be any
    return passes.protocol in ("tcp", "udp") and passes.low <= port <= passes.high


def _listening(view: View, behind: frozenset[str]) -> dict[str, dict[str, list[Fact]]]:
    """Filtered host → service → what it listens on, one fact a port."""
    host_of = {fact.subject: fact.object for fact in view.estate.facts("runs_on") if fact.object in behind}
    found: dict[str, dict[str, list[Fact]]] = defaultdict(lambda: defaultdict(list))
    for fact in view.estate.facts("listens_on"):
        if fact.subject in host_of:
            found[host_of[fact.subject]][fact.subject].append(fact)
    return found


def _exports(view: View, behind: frozenset[str]) -> dict[str, list[Fact]]:
    """Filtered file server → what it offers to whom."""
    server = {fact.subject: fact.object for fact in view.estate.facts("exported_by") if fact.object in behind}
    found: dict[str, list[Fact]] = defaultdict(list)
    for fact in _networks(view.about("exported_to", frozenset(server))):
        found[server[fact.subject]].append(fact)
    return found


def _networks(facts: Iterable[Fact]) -> Iterator[Fact]:
    return (fact for fact in facts if fact.object.startswith("network:"))
