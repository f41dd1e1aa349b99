"""Observed connections judged by a policy: what it would have cut, or what passes though it should not.

        Flow ─▶ endpoints ─▶ a rule that lets it through, or none

Connections of one kind (source, target, protocol, port) are judged once and counted.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import msgspec

from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Policy
from ringfence.segment.permits import Permits
from ringfence.wire.flows.values import Flow

_FIRST = {"cut": 0, "unfenced": 1, "allowed": 2}
_MOST_KNOWN = 1_000_000


class Judged(msgspec.Struct, frozen=True, order=True):
    """One kind of connection. `verdict`: `allowed`, `cut`, or `unfenced` (no enforcer stands at either end).

    `source` and `target` are endpoints, or bare addresses that the estate does not know (`unknown` is then true).
    `why` is the reason of the rule, or what is missing. `flows`, `sent`, `returned` are sums; `first` and `last` times.
    """

    verdict: str
    source: str
    target: str
    protocol: str
    port: int
    why: str
    unknown: bool
    flows: int = 1
    sent: int = 0
    returned: int = 0
    first: float = 0.0
    last: float = 0.0


class Judge:
    """A policy, ready to be asked about connections."""

    def __init__(self, policy: Policy, inventory: Inventory) -> None:
        self._permits, self._inventory = Permits(policy), inventory
        self._known: dict[tuple[str, str, str, int], Judged] = {}

    def judge(self, flow: Flow) -> Judged:
        """The verdict on one connection."""
        key = (flow.source, flow.target, flow.protocol, flow.port)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:  # whoever makes up addresses must not fill the memory
                self._known.clear()
            found = self._known[key] = self._fresh(*key)
        return found

    def summary(self, flows: Iterable[Flow]) -> list[Judged]:
        """Every kind of connection with its sums, what is cut first, then by how often."""
        sums: dict[tuple[str, str, str, int], Judged] = {}
        for flow in flows:
            one = self.judge(flow)
            key = (one.source, one.target, one.protocol, one.port)
            before = sums.get(key)
            sums[key] = _added(before, flow) if before else _counted(one, flow)
        return sorted(sums.values(), key=lambda one: (_FIRST[one.verdict], -one.flows, one))

    def _fresh(self, source: str, target: str, protocol: str, port: int) -> Judged:
        start, end = self._end(source), self._end(target)
        plane = "pod" if "pod" in (start[:3], end[:3]) else "ip"
        allow = self._permits.rule(plane, start, end, f"{protocol}/{port}" if protocol != "icmp" else protocol)
        lost = [one for one in (start, end) if not self._permits.known(plane, one)]
        if allow:
            return Judged("allowed", start, end, protocol, port, allow.why, False)
        if not self._fenced & {_host(start), _host(end)}:
            return Judged("unfenced", start, end, protocol, port, "no enforcer stands at either end", bool(lost))
        why = f"the estate does not know {' and '.join(lost)}" if lost else "no rule needs it"
        return Judged("cut", start, end, protocol, port, why, bool(lost))

    def _end(self, text: str) -> str:
        """The endpoint that an address is, the smallest network that holds it, or the text itself."""
        if text in self._of_address:
            return self._of_address[text]
        try:
            address = ip_address(text)
        except ValueError:
            return text
        return next((end for net, end in self._networks if address in net), text)

    @cached_property
    def _fenced(self) -> frozenset[str]:
        return frozenset(self._inventory.enforcers.get("nftables", ()))

    @cached_property
    def _of_address(self) -> dict[str, str]:
        hosts = ((end, one) for end, all_ in self._inventory.addresses.items() for one in all_ if "/" not in one)
        return {address: end for end, address in hosts if not end.startswith("job:")}

    @cached_property
    def _networks(self) -> list[tuple[IPv4Network | IPv6Network, str]]:
        nets = [
            (ip_network(one, strict=False), end)
            for end, all_ in self._inventory.addresses.items()
            for one in all_
            if "/" in one
        ]
        return sorted(nets, key=lambda pair: -pair[0].prefixlen)


def suggested(cut: Iterable[Judged]) -> Iterator[tuple[str, str, str, str]]:
    """(from, to, what, why) of exceptions that would let what was cut through; for a person to decide on."""
    for one in cut:
        ports = f"/{one.port}" if one.protocol in ("tcp", "udp", "sctp") else ""
        yield one.source, one.target, one.protocol + ports, f"observed {one.flows} times"


def _host(end: str) -> str:
    return end.rpartition("@")[2]


def _counted(one: Judged, flow: Flow) -> Judged:
    return msgspec.structs.replace(one, sent=flow.sent, returned=flow.returned, first=flow.when, last=flow.when)


def _added(one: Judged, flow: Flow) -> Judged:
    return msgspec.structs.replace(
        one,
        flows=one.flows + 1,
        sent=one.sent + flow.sent,
        returned=one.returned + flow.returned,
        first=min(one.first, flow.when),
        last=max(one.last, flow.when),
    )
