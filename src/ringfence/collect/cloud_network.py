"""Cloud networks → facts: members of groups, what each group lets in, ways to the outside."""

from collections.abc import Iterator

from ringfence.collect.addresses import Network, holds, range_of
from ringfence.collect.cloud_account import Account
from ringfence.estate import ids
from ringfence.estate.facts import Fact, Scalar
from ringfence.estate.kinds import OUTSIDE
from ringfence.wire.cloud.model import Group, Machine, Rule

_ANYWHERE = ("0.0.0.0/0", "::/0")
_SSH = 22


def facts(account: Account) -> Iterator[Fact]:
    """Facts of machines, groups and subnets."""
    for subnet in account.subnets.values():
        if subnet.id in account.outward:
            yield Fact(account.network(subnet), "reaches_outside", OUTSIDE)
        yield Fact(account.network(subnet), "part_of", ids.of("network", "aws", subnet.vpc or "vpc"))
    ranges = [(account.network(each), each.vpc, range_of(each.cidr)) for each in account.subnets.values()]
    for group in account.groups.values():
        yield from _group(account, group, ranges)
    for machine in account.machines.values():
        yield from _machine(account, machine)


def origin(group: str) -> str:
    """Where a group's members send from."""
    return ids.of("network", "aws", group)


def inside(group: str, rule: Rule, public: bool = False) -> str:
    """Where a group's members listen, for one range of ports; apart for those with a public address."""
    ports = "all" if rule.everything else f"{rule.protocol}-{rule.low}-{rule.high}"
    return ids.of("network", "aws", group, ("public-" if public else "") + ports)


def covers(rule: Rule, port: int) -> bool:
    """Whether a rule lets TCP connections to a port in."""
    if rule.everything:
        return True
    return rule.protocol in ("tcp", "6") and (rule.low <= port <= rule.high or rule.low == -1)


def _group(account: Account, group: Group, ranges: list[tuple[str, str, Network | None]]) -> Iterator[Fact]:
    for rule in group.rules:
        told: dict[str, Scalar] = {"group": ids.clean(group.name)}
        if not rule.everything:
            told |= {"port": f"{rule.low}-{rule.high}", "protocol": ids.clean(rule.protocol)}
        if rule.source == group.id and rule.everything:
            # what EFA asks for: everything among the members, its own fact so that it can be cut on its own
            yield Fact(origin(group.id), "setting", "self=all")
            yield Fact(inside(group.id, rule), "part_of", origin(group.id))
        elif rule.source in _ANYWHERE:
            yield Fact(OUTSIDE, "routes_to", inside(group.id, rule, public=True), told)
            for network, vpc, _ in ranges:
                if account.joined(group.vpc, vpc):
                    yield Fact(network, "routes_to", inside(group.id, rule), told)
        elif "/" in rule.source and range_of(rule.source):
            outer = range_of(rule.source)
            yield Fact(ids.subnet(rule.source), "routes_to", inside(group.id, rule), told)
            for network, vpc, inner in ranges:
                if account.joined(group.vpc, vpc) and holds(outer, inner) and network != ids.subnet(rule.source):
                    yield Fact(network, "routes_to", inside(group.id, rule), told)
        elif rule.source:
            yield Fact(origin(rule.source), "routes_to", inside(group.id, rule), told)


def _machine(account: Account, machine: Machine) -> Iterator[Fact]:
    host = account.host(machine)
    own = account.own_name(machine)
    if own and own != host:
        yield Fact(own, "same_as", host, {"rule": "the instance's name and its default host name"})
    yield Fact(host, "in_cluster", account.cluster)
    yield Fact(host, "labelled", f"instance={ids.clean(machine.id)}")
    if machine.placement:
        yield Fact(host, "labelled", f"placement={ids.clean(machine.placement)}")
    if machine.public:
        yield Fact(host, "setting", "address=public")
    if machine.efa:
        yield Fact(host, "setting", "efa=on")
    subnet = account.subnets.get(machine.subnet)
    if subnet:
        yield Fact(host, "attached_to", account.network(subnet), {"address": ids.clean(machine.address)})
    for name in machine.groups:
        yield Fact(host, "attached_to", origin(name))
        group = account.groups.get(name)
        for rule in group.rules if group else ():
            if covers(rule, _SSH):
                yield from _listens(host, name, rule, machine)


def _listens(host: str, group: str, rule: Rule, machine: Machine) -> Iterator[Fact]:
    """SSH is taken to run wherever its port is let in: nobody opens it otherwise."""
    service = ids.service(host, "ssh", _SSH)
    yield Fact(service, "runs_on", host)
    yield Fact(service, "service_kind", "ssh")
    yield Fact(service, "listens_on", inside(group, rule), {"port": _SSH})
    if machine.public and rule.source in _ANYWHERE:
        yield Fact(service, "listens_on", inside(group, rule, public=True), {"port": _SSH})
