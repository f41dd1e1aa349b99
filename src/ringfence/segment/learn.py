"""Observed connections judged by a policy: what it would have cut, or what passes though it should not.

        Flow ─▶ endpoints ─▶ a rule that lets it through, or none

Connections of one kind (source, target, protocol, port) are judged once and counted.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import msgspec

from ringfence.estate.kinds import OUTSIDE
from ringfence.segment.address import Span, holds, located, spans
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Allow, Policy
from ringfence.segment.permits import Permits
from ringfence.wire.flows.values import Flow

_FIRST = {"cut": 0, "unfenced": 1, "allowed": 2}
_NO_CLUSTER = "pod:default/"
"""How pods begin whose cluster the form does not tell."""
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
        self._policy, self._permits, self._inventory = policy, Permits(policy), inventory
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
        allow = self._rule(plane, start, end, f"{protocol}/{port}" if protocol != "icmp" else protocol)
        lost = [one for one in (start, end) if not self._permits.known(plane, one)]
        if allow:
            return Judged("allowed", start, end, protocol, port, allow.why, False)
        if not (self._is_fenced(start) or self._is_fenced(end)):
            return Judged("unfenced", start, end, protocol, port, "no enforcer stands at either end", bool(lost))
        why = f"the estate does not know {' and '.join(lost)}" if lost else "no rule needs it"
        return Judged("cut", start, end, protocol, port, why, bool(lost))

    def _rule(self, plane: str, start: str, end: str, what: str) -> Allow | None:
        """The rule that lets it through; between pods and others, whatever the addresses of the others are part of."""
        if plane == "ip":
            return self._permits.rule(plane, start, end, what)
        pairs = ((one, other) for one in self._as_seen_by_pods(start) for other in self._as_seen_by_pods(end))
        return next((found for pair in pairs if (found := self._permits.rule(plane, *pair, what))), None)

    def _as_seen_by_pods(self, end: str) -> list[str]:
        """An endpoint by all its names on the pod plane: an unknown pod is of its namespace, an address is outside."""
        kind, _, name = end.partition(":")
        if kind == "pod":
            return [end] if self._permits.known("pod", end) else [end, f"namespace:{name.rpartition('/')[0]}"]
        own = spans(located(self._inventory.addresses, end) or (end,))
        return [end, *(net for net, its in self._blocks if any(holds(its, one) for one in own)), OUTSIDE]

    @cached_property
    def _blocks(self) -> list[tuple[str, Span]]:
        """Networks of the pod plane."""
        ends = {one for group in self._policy.groups.values() for one in group.on("pod") if one.startswith("network:")}
        return [(one, its) for one in sorted(ends) for its in spans((one.partition(":")[2],))]

    def _is_fenced(self, end: str) -> bool:
        """Whether an enforcer stands there: a cluster's policies before pods that have a network of their own."""
        pod = self._inventory.pods.get(end)
        if end.startswith("pod:") and not (pod and pod.host_network):
            return f"cluster:{end.partition(':')[2].partition('/')[0]}" in self._ruled
        return _host(self._inventory.host_of.get(end, end)) in self._fenced

    def _end(self, text: str) -> str:
        """The endpoint that an address is, the smallest network that holds it, or the text itself."""
        if text in self._of_address:
            return self._of_address[text]
        if text.startswith(_NO_CLUSTER) and text not in self._inventory.pods:
            found = self._of_name.get(text.removeprefix(_NO_CLUSTER), ())
            return found[0] if len(found) == 1 else text
        try:
            address = ip_address(text)
        except ValueError:
            return text
        return next((end for net, end in self._networks if address in net), text)

    @cached_property
    def _of_name(self) -> dict[str, list[str]]:
        """`<namespace>/<name>` → the pods of all clusters that are called so."""
        found: dict[str, list[str]] = {}
        for pod in self._inventory.pods:
            found.setdefault(pod.partition("/")[2], []).append(pod)
        return found

    @cached_property
    def _ruled(self) -> frozenset[str]:
        return frozenset(self._inventory.enforcers.get("kubernetes", ()))

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
