"""What follows from facts of several collectors together: images' registries, exports' subnets, open ports.

Four joins over all facts of a survey, by explicit rules. An image comes from the registry that its
reference names. Storage offered to a network is offered to each known subnet of it; to a wildcard, to the known
hosts that it fits, or to every known network where a short name cannot tell. A service on
a cloud instance listens wherever its security groups let its port in (`cloud_after`).

A reference begins with its registry where the first part has a dot, a colon or is `localhost`
(the rule of the distribution specification); without one it is Docker's own registry.
"""

import fnmatch
import re
from collections.abc import Iterable, Iterator, Sequence

from ringfence.collect.addresses import Network, holds, range_of
from ringfence.collect.base import Scope
from ringfence.collect.cloud_after import listening
from ringfence.estate import ids
from ringfence.estate.facts import Fact

DEFAULT = "docker.io"


def after(facts: Sequence[Fact], scope: Scope) -> Iterator[Fact]:
    """The facts to add."""
    yield from pulled(facts, scope)
    yield from offered(facts)
    yield from named(facts)
    yield from listening(facts)


def registry_of(reference: str) -> tuple[str, str]:
    """(host, port) of a reference; ("", "") of a path or an empty one.

    >>> registry_of("registry01:5000/train/llm@sha256:ab")
    ('registry01', '5000')
    """
    plain = reference.removeprefix("docker://")
    if not plain or plain.startswith(("/", ".")):
        return "", ""
    plain = plain.replace("#", "/", 1)  # enroot and pyxis write registry#image
    first, slash, _ = plain.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        host, _, port = first.partition(":")
        return host, port or "443"
    return DEFAULT, "443"


def pulled(facts: Iterable[Fact], scope: Scope) -> Iterator[Fact]:
    """`pulled_from` image → registry, once for every image that something starts from."""
    known: set[str] = set()
    for fact in facts:
        if fact.predicate == "uses_image" and fact.object not in known:
            known.add(fact.object)
            host, port = registry_of(fact.object.partition(":")[2])
            if host:
                entity = ids.service(scope.host(host), "registry", port)
                yield Fact(fact.object, "pulled_from", entity, source=fact.source, observed_at=fact.observed_at)


def offered(facts: Sequence[Fact]) -> Iterator[Fact]:
    """`exported_to` storage → every network that something is attached to and that lies inside the one exported to."""
    exports = [fact for fact in facts if fact.predicate == "exported_to" and fact.object.startswith("network:")]
    if not exports:
        return
    attached = sorted({fact.object for fact in facts if fact.predicate == "attached_to"})
    known = [(entity, network) for entity in attached if (network := network_of(entity)) is not None]
    inside: dict[str, list[str]] = {}
    for fact in exports:
        outer = network_of(fact.object)
        if outer is None:
            continue
        if fact.object not in inside:
            inside[fact.object] = [
                entity for entity, network in known if entity != fact.object and holds(outer, network)
            ]
        for entity in inside[fact.object]:
            yield Fact(fact.subject, "exported_to", entity, fact.attributes, fact.source, fact.observed_at)


def named(facts: Sequence[Fact]) -> Iterator[Fact]:
    """`exported_to` storage → whom a wildcard of names may mean.

    Ids hold short names, so only the first label is compared. Where that is `*` or fits nobody
    known, everyone on a known network counts: unknown is never safe.
    """
    wild = [fact for fact in facts if fact.predicate == "setting" and fact.object.startswith("exported_to=")]
    wild = [fact for fact in wild if fact.object != "exported_to=*"]
    if not wild:
        return
    hosts = sorted({fact.subject for fact in facts if fact.subject.startswith("host:")})
    networks = sorted({fact.object for fact in facts if fact.predicate == "attached_to"} - {"network:internet"})
    fits: dict[str, list[str]] = {}
    for fact in wild:
        label = fact.object.partition("=")[2].lower().partition(".")[0]
        if label not in fits:
            like = re.compile(fnmatch.translate(re.sub(r"\*+", "*", label)))
            own = [host for host in hosts if like.match(host.rpartition("/")[2].removeprefix("host:"))]
            fits[label] = own if own and label.strip("*?") else networks
        for entity in fits[label]:
            yield Fact(fact.subject, "exported_to", entity, fact.attributes, fact.source, fact.observed_at)


def network_of(entity: str) -> Network | None:
    """The subnet that a network's id names, if it names one."""
    return range_of(entity.removeprefix("network:"))
