"""Addresses, routes and listening services of hosts → facts. No address data: no fact, hence a hole."""

import ipaddress
import re
from collections.abc import Iterator

from ringfence.collect.addresses import holds, is_loopback, range_of
from ringfence.collect.base import CapturedFile, asked, stamped
from ringfence.collect.hosts_bundle import Bundle
from ringfence.collect.hosts_services import authentication, command_of, kind_of_service
from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import OUTSIDE
from ringfence.wire.host import addresses as wire
from ringfence.wire.host import kernel, sessions, sockets

_ANY = ("0.0.0.0", "::", "*", "[::]")  # noqa: S104 - what ss prints, nothing is bound here


def addresses(bundle: Bundle) -> Iterator[Fact]:
    """Where the host has addresses, and whether it has a way out."""
    attached = {}
    for file, found in bundle.read("ip-addr", wire.subnets):
        for one in found:
            network = ids.subnet(one.network, bundle.scope.site)
            attached[one.device] = one.mbit_s
            yield bundle.fact(
                file, bundle.host, "attached_to", network, address=ids.clean(one.address), device=ids.clean(one.device)
            )
    for file, ways in bundle.read("ip-route", wire.routes):
        for way in ways:
            if way.to == "default" and way.gateway:
                speed = {"mbit_s": attached[way.device]} if attached.get(way.device) else {}
                yield bundle.fact(
                    file, bundle.host, "reaches_outside", OUTSIDE, gateway=ids.clean(way.gateway), **speed
                )
    yield from names(bundle)


def names(bundle: Bundle) -> Iterator[Fact]:
    """Addresses of hosts by name. A name alone says nothing about who may connect."""
    for file, found in bundle.read("etc-hosts", wire.names):
        for name in found:
            if len(name.names) and not name.names[0].startswith(("ip6-", "localhost", "broadcasthost")):
                yield bundle.fact(
                    file, bundle.scope.host(name.names[0]), "labelled", f"address={ids.clean(name.address)}"
                )


def services(bundle: Bundle) -> Iterator[Fact]:
    """Listening programs as services: where they can be reached, what they are, as whom they run."""
    nets = [
        (ipaddress.ip_address(one.address), ids.subnet(one.network, bundle.scope.site))
        for _, found in bundle.read("ip-addr", wire.subnets)
        for one in found
    ]
    owner = {one.pid: one.account for _, found in bundle.read("ps", sessions.processes) for one in found}
    for file, found in bundle.read("sockets", sockets.sockets):
        seen: set[tuple[str, int, str]] = set()
        for one in found:
            kind = kind_of_service(one)
            if kind:
                yield from _service(bundle, file, one, kind, nets, owner, seen)


def _service(
    bundle: Bundle,
    file: CapturedFile,
    one: sockets.Socket,
    kind: str,
    nets: list[tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, str]],
    owner: dict[int, str],
    seen: set[tuple[str, int, str]],
) -> Iterator[Fact]:
    service = ids.service(bundle.host, kind, one.port)
    if (kind, one.port, "") not in seen:
        seen.add((kind, one.port, ""))
        yield from _described(bundle, file, one, kind, owner)
    inside = is_loopback(one.address)
    heard = {network for address, network in nets if one.address in _ANY or one.address == str(address)}
    for network in sorted(set() if inside else heard):
        if (kind, one.port, network) not in seen:
            seen.add((kind, one.port, network))
            yield bundle.fact(file, service, "listens_on", network, port=one.port)
    if (kind, one.port, "auth") not in seen:
        how, why = authentication(bundle, kind, one)
        if inside and how in ("", "none"):
            return  # nobody outside hears it: an open door there is no door of the network
        seen.add((kind, one.port, "auth"))
        if how:
            yield bundle.fact(file, service, "authenticates", how, why=why)
        elif why:
            yield stamped(asked(service, "auth", answered=False, reason=why), file)


def _described(
    bundle: Bundle, file: CapturedFile, one: sockets.Socket, kind: str, owner: dict[int, str]
) -> Iterator[Fact]:
    """What the service is, whoever may reach it."""
    service = ids.service(bundle.host, kind, one.port)
    yield bundle.fact(file, service, "runs_on", bundle.host)
    yield bundle.fact(file, service, "service_kind", kind)
    for _, pid in one.programs[:1]:
        account = owner.get(pid, "")
        if account == "root":
            yield bundle.fact(file, service, "setting", "account=root")
        elif account:
            yield bundle.fact(file, service, "runs_as", ids.identity(account))
    if kind == "triton":
        control = re.search(r"--model-control-mode[= ](\w{1,20})", command_of(bundle, "tritonserver"))
        if control:
            yield bundle.fact(file, service, "setting", f"model-control={control[1].lower()}")


class Networks:
    """What lies between networks, over all hosts.

    A subnet whose hosts have a default gateway may reach every other such subnet through it; nobody
    captured that router's rules, so this is asked and unanswered, never assumed away.
    """

    def __init__(self, site: str) -> None:
        self._site = site
        self._known: dict[str, CapturedFile] = {}
        self._routed: dict[str, CapturedFile] = {}
        self._ways: dict[tuple[str, str], CapturedFile] = {}

    def take(self, bundle: Bundle) -> None:
        """Note one host's networks, its routes by way of gateways, and whether it forwards itself."""
        by_device: dict[str, list[str]] = {}
        for file, found in bundle.read("ip-addr", wire.subnets):
            for one in found:
                network = one.network
                self._known.setdefault(network, file)
                by_device.setdefault(one.device, []).append(network)
        for file, ways in bundle.read("ip-route", wire.routes):
            for way in ways:
                for network in by_device.get(way.device, []) if way.gateway else []:
                    if _version(network) != _version(way.gateway):
                        continue
                    if way.to == "default":
                        self._routed.setdefault(network, file)
                    else:
                        self._ways.setdefault((network, way.to), file)
        forwarding = any(values.get("net.ipv4.ip_forward") == "1" for _, values in bundle.read("sysctl", kernel.sysctl))
        nets = [network for networks in by_device.values() for network in networks]
        if forwarding and 1 < len(nets) <= 16:
            for near in nets:
                for far in nets:
                    if near != far and _version(near) == _version(far):
                        self._ways.setdefault((near, far), self._known[near])

    def facts(self) -> Iterator[Fact]:
        """`routes_to` of what a table names, a hole for what only a router knows."""
        for (one, other), file in self._ways.items():
            yield stamped(Fact(self._id(one), "routes_to", self._id(other)), file)
        wide = {to for _, to in self._ways if to not in self._known}
        for to in sorted(wide):
            whole = range_of(to)
            for network, file in self._known.items():
                if holds(whole, range_of(network)):
                    yield stamped(Fact(self._id(to), "routes_to", self._id(network)), file)
        for network, file in self._routed.items():
            reason = "its gateway's rules were not captured"
            yield stamped(asked(self._id(network), "routing", answered=False, reason=reason), file)

    def _id(self, network: str) -> str:
        return ids.subnet(network, self._site)


def _version(text: str) -> int:
    return 6 if ":" in text else 4
