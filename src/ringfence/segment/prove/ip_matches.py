"""What a rule's matches say of one packet's peer and kind: a region, or that the rule does not concern it.

Of each match it is known whether it is understood. A match that is not makes the rule *unsure*: it may hold or not.
"""

from collections.abc import Callable, Mapping

import msgspec
import numpy as np

from ringfence.segment.prove.ip_regions import ANY, Region, inside, ports, without
from ringfence.segment.prove.ip_space import Space
from ringfence.segment.what import What
from ringfence.wire.nft.values import Chain, Match, Rule, Set

_ON_LINK = frozenset(
    {
        *("nd-router-solicit", "nd-router-advert", "nd-neighbor-solicit", "nd-neighbor-advert", "nd-redirect"),
        *("mld-listener-query", "mld-listener-report", "mld-listener-done", "mld2-listener-report"),
    }
)
_PROTOCOL = {"tcp": "tcp", "udp": "udp", "sctp": "sctp", "icmp": "icmp", "ipv6-icmp": "icmp", "icmpv6": "icmp"}
_ICMP = {"icmp": 4, "1": 4, "ipv6-icmp": 6, "icmpv6": 6, "58": 6}
"""In which family a packet of it means something."""

_PROTOCOL |= {"6": "tcp", "17": "udp", "132": "sctp", "1": "icmp", "58": "icmp"}


class Packet(msgspec.Struct, frozen=True):
    """What is asked about. `direction` in or out; `state` new or established; `path`: the control group of the local
    socket, "" for none that matters; `loopback` and the `mark` that its connection carries.
    """

    direction: str
    state: str
    path: str = ""
    loopback: bool = False
    mark: str = "0"


class Read(msgspec.Struct, frozen=True):
    """`region` None: the rule never matches such a packet."""

    region: Region | None
    sure: bool = True


_NEVER = Read(None)


class Placed(msgspec.Struct, frozen=True):
    """A rule, where it applies, and whether it does so for sure."""

    rule: Rule
    region: Region
    sure: bool

    def repeats(self, other: "Placed") -> bool:
        """Whether this does again what the other did: then whatever may happen has happened."""
        one, two = self.rule, other.rule
        return (
            self.region.pieces is other.region.pieces
            and (self.region.whats, self.sure, bool(one.unknown)) == (other.region.whats, other.sure, bool(two.unknown))
            and (one.verdict, one.metered, one.sets_mark) == (two.verdict, two.metered, two.sets_mark)
        )


class Matcher:
    """Reads the matches of one table's rules for one kind of packet, each rule once."""

    def __init__(self, space: Space, sets: Mapping[str, Set], family: str, packet: Packet) -> None:
        self._space, self._sets, self._packet = space, sets, packet
        whole = {"ip": 4, "ip6": 6}.get(family)
        self.whole = Region(space.family(whole) if whole else None, ANY)
        self._known: dict[str, list[Placed]] = {}
        self._shared: dict[tuple[int, ...], tuple[Rule, object, Placed | None]] = space.remembered.setdefault(
            (family, packet), {}
        )

    def rules(self, chain: Chain) -> list[Placed]:
        """The rules of a chain that may concern the packet, and where; of neighbours that do the same only one."""
        if chain.name not in self._known:
            found: list[Placed] = []
            for rule in chain.rules:
                one = self._placed(rule)
                if one and not (found and one.repeats(found[-1])):
                    found.append(one)
            self._known[chain.name] = found
        return self._known[chain.name]

    def _placed(self, rule: Rule) -> Placed | None:
        """Most rules, and most lists that their sets hold, are the same objects in many rulesets."""
        named = [match.right[0][1:] for match in rule.matches if match.right[0].startswith("@")]
        lists = tuple(self._sets[one].elements if one in self._sets else None for one in named)
        key = (id(rule), *map(id, lists))
        if key not in self._shared:
            region, sure = self._anywhere(rule)
            self._shared[key] = rule, lists, None if region is None else Placed(rule, region, sure)
        return self._shared[key][2]

    def within(self, region: Region, part: Region) -> Region:
        """What of `part` a rule with this region concerns."""
        everywhere = region.pieces is self.whole.pieces and region.whats == ANY
        return part if everywhere else inside(part, region)

    def _anywhere(self, rule: Rule) -> tuple[Region | None, bool]:
        region, sure = self.whole, not rule.unknown
        if _stays_on_link(rule):
            return None, True
        for match in rule.matches:
            reader = _READERS.get(" ".join(match.left.split()[:2]))
            answer = reader(self, match, self._packet) if reader else Read(self.whole, False)
            if answer.region is None:
                return None, True
            sure = sure and answer.sure
            if answer.region is not self.whole:
                region = inside(region, answer.region)
        return None if region.empty else region, sure

    def _yes(self, holds: bool) -> Read:
        return Read(self.whole) if holds else _NEVER

    def address(self, match: Match, packet: Packet) -> Read:
        """`ip saddr @peers`: of the peer a region; of ourselves something that the policy does not speak of."""
        family, side = match.left.split()
        every = self._space.family(4 if family == "ip" else 6)
        elements = self._elements(match.right)
        if elements == () and match.op == "==":
            return _NEVER
        if elements is None or (side == "saddr") != (packet.direction == "in"):
            return Read(Region(every, ANY), sure=False)
        found = Region(self._space.pieces(elements), ANY)
        if match.op == "==":
            return Read(found)
        rest = np.setdiff1d(every, self._space.pieces(elements), assume_unique=True)
        return Read(Region(rest, ANY), sure=match.op == "!=")

    def _elements(self, right: tuple[str, ...]) -> tuple[str, ...] | None:
        found = right
        if right[0].startswith("@"):
            named = self._sets.get(right[0][1:])
            found = named.elements if named and len(right) == 1 else ("?",)
        return found if self._space.sound(found) else None

    def port(self, match: Match, packet: Packet) -> Read:
        """`tcp dport 22-25`, `th dport 53`."""
        protocol = match.left.split()[0]
        names = ("tcp", "udp", "sctp") if protocol == "th" else (protocol,)
        found = [ports(name, match.right) for name in names]
        every = tuple(What(name) for name in names)
        whats = tuple(what for one in found for what in one or ())
        if None in found or match.op not in ("==", "!="):
            return Read(Region(self.whole.pieces, every), sure=False)
        chosen = whats if match.op == "==" else without(every, whats)
        return Read(Region(self.whole.pieces, chosen))

    def protocol(self, match: Match, packet: Packet) -> Read:
        """`meta l4proto { tcp, udp }`; a protocol without a name here is one of the others."""
        names = [_PROTOCOL.get(one, "other") for one in match.right]
        whats = tuple(What(name) for name in dict.fromkeys(names))
        sure = "other" not in names and match.op in ("==", "!=")
        families = {_ICMP[one] for one in match.right if one in _ICMP}
        if len(families) == 1 and match.left == "meta l4proto" and (match.op != "==" or set(names) != {"icmp"}):
            return Read(self.whole, sure=False)  # ICMP of one family beside what is of both
        chosen = whats if match.op == "==" else without(ANY, tuple(one for one in whats if one.protocol != "other"))
        said = {"ip protocol": {4}, "ip6 nexthdr": {6}}.get(match.left, families)
        pieces = self._space.family(*said) if len(said) == 1 else None
        return Read(Region(self.whole.pieces if pieces is None else pieces, chosen), sure)

    def icmp(self, match: Match, packet: Packet) -> Read:
        """Some of ICMP's types: part of what `icmp` means."""
        return Read(Region(self.whole.pieces, (What("icmp"),)), sure=False)

    def nfproto(self, match: Match, packet: Packet) -> Read:
        """`meta nfproto ipv4`."""
        if match.op != "==" or match.right not in (("ipv4",), ("ipv6",)):
            return Read(self.whole, sure=False)
        return Read(Region(self._space.family(4 if match.right == ("ipv4",) else 6), ANY))

    def state(self, match: Match, packet: Packet) -> Read:
        """`ct state established,related`."""
        return self._yes((packet.state in match.right) == (match.op == "=="))

    def way(self, match: Match, packet: Packet) -> Read:
        """`ct direction reply`: a packet that begins a connection is no answer; of others both may be meant."""
        return _NEVER if (packet.state, match.op, match.right) == ("new", "==", ("reply",)) else Read(self.whole, False)

    def interface(self, match: Match, packet: Packet) -> Read:
        """`iif "lo"`: of interfaces only the loopback is known here."""
        if (match.left[0] == "i") != (packet.direction == "in"):
            return Read(self.whole, sure=False)
        if match.right == ("lo",) and match.op in ("==", "!="):
            return self._yes(packet.loopback == (match.op == "=="))
        if "lo" in match.right or match.op != "==":
            return Read(self.whole, sure=False)
        return _NEVER if packet.loopback else Read(self.whole, sure=False)

    def cgroup(self, match: Match, packet: Packet) -> Read:
        """`socket cgroupv2 level 2 "slice/job"`; without a level (JSON) that of the path.

        What is in a group below, and in no other job's, may be some of the sockets asked about: whatever group it is,
        a host has processes there. A bare number is a group that is gone (cgroups of version 2 are printed by path).
        """
        level = match.left.rpartition(" ")[2]
        parts = packet.path.split("/") if packet.path else []
        found = [
            one
            for one in match.right
            if one.split("/") == parts[: int(level) if level.isdecimal() else one.count("/") + 1]
        ]
        if not found and any(self._below(packet.path, one) for one in match.right):
            return Read(self.whole, sure=False)
        return self._yes(bool(found) == (match.op == "=="))

    def _below(self, path: str, group: str) -> bool:
        above = group.split("/")
        scopes = {"/".join(above[:length]) for length in range(1, len(above) + 1)} & self._space.groups
        return not group.isdecimal() and max(scopes, key=len, default="") == path

    def mark(self, match: Match, packet: Packet) -> Read:
        """`ct mark 7`: known on the loopback, where we set it."""
        return (
            self._yes((packet.mark in match.right) == (match.op == "=="))
            if match.op in ("==", "!=")
            else Read(self.whole, False)
        )


def _stays_on_link(rule: Rule) -> bool:
    """Neighbour discovery and listener reports: packets that no router forwards and no connection consists of."""
    known = {match.left: match for match in rule.matches if match.op == "=="}
    kinds, limit = known.get("icmpv6 type"), known.get("ip6 hoplimit")
    return bool(kinds and limit and limit.right in (("255",), ("1",)) and _ON_LINK.issuperset(kinds.right))


_Reader = Callable[[Matcher, Match, Packet], Read]
_READERS: Mapping[str, _Reader] = {
    **dict.fromkeys(("ip saddr", "ip daddr", "ip6 saddr", "ip6 daddr"), Matcher.address),
    **dict.fromkeys(("tcp dport", "udp dport", "sctp dport", "th dport"), Matcher.port),
    **dict.fromkeys(("meta l4proto", "ip protocol", "ip6 nexthdr"), Matcher.protocol),
    **dict.fromkeys(("icmp type", "icmpv6 type"), Matcher.icmp),
    **dict.fromkeys(("iif", "oif", "iifname", "oifname"), Matcher.interface),
    "meta nfproto": Matcher.nfproto,
    "ct state": Matcher.state,
    "ct direction": Matcher.way,
    "ct mark": Matcher.mark,
    "socket cgroupv2": Matcher.cgroup,
}
