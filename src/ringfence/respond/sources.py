"""Who vouches for a cut: enrolled hosts, how many of them are independent, and what is a host's own.

        Signal.sources ─▶ host:a/files ─▶ host:a      an agent proved with its certificate to be a
                          syslog/10.0.0.5, file/… ─▶  nobody: whoever may send there may say anything

Root on a host signs lies with that host's key. Sources are independent when no single host's root holds both keys:
a relay's root can make up what its whole rack says, a management controller's that of the hosts that it manages.
"""

from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec

from ringfence.estate import ids
from ringfence.estate.estate import Estate
from ringfence.respond.limits import Limits
from ringfence.respond.values import Cut, Planned
from ringfence.watch.values import Incident, Signal

_VOUCHED = "host:"
_NAMED: dict[str, Callable[[str], str]] = {"users": ids.identity, "nodes": ids.host}
"""Field of a document → the entity that its subject is."""
_JOBS, _PORTS = "jobs", ("ports", "off")


class Sources(msgspec.Struct, frozen=True):
    """What has to be known of those who tell, beside what they say.

    `holders`: host → the group of hosts whose keys one root holds (`joined`). `relayed`: hosts that a relay may speak
    for. `runs`: a job's number → jobs of that number, by cluster → their hosts, as the scheduler has it. `ports`: port
    GUID (`0x…`) → its host. `belongs`: host or job → further entities that a glob may mean by it: tenants, networks,
    clusters. `expiry_held`: fabrics whose enforcer beside the subnet manager lifts a quarantine by itself.
    `open_doors`: the same watch hears a port where nobody proves who he is.
    """

    holders: Mapping[str, str] = {}
    relayed: frozenset[str] = frozenset()
    runs: Mapping[str, Mapping[str, frozenset[str]]] = {}
    ports: Mapping[str, str] = {}
    belongs: Mapping[str, tuple[str, ...]] = {}
    expiry_held: frozenset[str] = frozenset()
    open_doors: bool = False


def host_of(source: str) -> str:
    """The enrolled host that a source stands for, "" where nobody proved who he is: `host:a/files` → `host:a`."""
    return (source.rpartition("/")[0] or source) if source.startswith(_VOUCHED) else ""


def independent(sources: Iterable[str], holders: Mapping[str, str]) -> int:
    """How many of some sources no one root could have made up together. Open ports and files count for nothing.

    `sources` are `host:a/files` or `host:a`; `holders` is what `joined` makes.
    """
    return len({holders.get(host, host) for one in sources if (host := host_of(one))})


def joined(held: Iterable[Collection[str]]) -> dict[str, str]:
    """Host → the name of its group, from sets of hosts whose keys one root holds.

    Hosts that hang together by way of a third are one group, though no single root may hold both: the careful side.
    """
    group: dict[str, str] = {}
    members: dict[str, list[str]] = {}
    for one in held:
        names = dict.fromkeys(group.get(host, host) for host in sorted(one))
        whole = [host for name in names for host in members.pop(name, [name])]
        if whole:
            members[min(whole)] = whole
            group |= dict.fromkeys(whole, min(whole))
    return group


def entities(cut: Cut, known: Sources) -> tuple[str, ...]:
    """What a cut is about: its place, and the entity that its subject is where that is known."""
    field, found = cut.about.field, [cut.place]
    if field in _NAMED:
        found.append(_NAMED[field](cut.subject))
    elif field == _JOBS:
        found += jobs(cut, known)
    elif field in _PORTS:
        found += [known.ports[guid] for guid in (cut.subject.lower(),) if guid in known.ports]
    return tuple(dict.fromkeys(found))


def jobs(cut: Cut, known: Sources) -> Mapping[str, frozenset[str]]:
    """The jobs that the subject of a cut may be, each with its hosts; none where the estate knows none."""
    return known.runs.get(cut.subject.rpartition("/")[2], {}) if cut.about.field == _JOBS else {}


def vouching(incident: Incident, one: Planned, limits: Limits, known: Sources) -> frozenset[str]:
    """The enrolled hosts that vouch for a cut: each has a signal that names what is cut and is grave and sure enough.

    That a second source is part of the same incident is not enough: its own signal has to be about this cut. A signal
    that rests on an open port as well vouches for nothing, since that may be all of it that matters.
    """
    about = {*entities(one.cut, known), *one.hosts}
    found: set[str] = set()
    for signal in incident.signals:
        hosts = {host_of(source) for source in signal.sources}
        if "" not in hosts and signal.severity >= limits.severity and signal.confidence >= limits.confidence:
            found |= hosts if _names(signal) & about else set()
    return frozenset(found)


def own(hosts: Collection[str], cut: Cut, known: Sources) -> bool:
    """Whether a cut is on one of these hosts, on a port of one, or on a job that runs there by the estate."""
    told = set(hosts)
    if cut.place in told:
        return True
    field = cut.about.field
    if field in _PORTS:
        return known.ports.get(cut.subject.lower(), "") in told
    return any(cut.place in where and not told.isdisjoint(where) for where in jobs(cut, known).values())


def expires(cut: Cut, known: Sources) -> bool:
    """Whether a cut lapses by itself, with no server: a quarantine only where its enforcer holds the expiry."""
    return cut.about.expires and (cut.verb != "quarantine" or cut.place in known.expiry_held)


def of_estate(
    estate: Estate,
    relays: Mapping[str, Collection[str]] | None = None,
    expiry_held: Iterable[str] = (),
    open_doors: bool = False,
) -> Sources:
    """What an estate and `relays.toml` (relay → its hosts) say of sources. Built once for each estate."""
    relays = relays or {}
    together: dict[str, set[str]] = {relay: {relay, *hosts} for relay, hosts in relays.items()}
    runs: dict[str, dict[str, set[str]]] = {}
    belongs: dict[str, list[str]] = {}
    ports: dict[str, str] = {}
    for fact in estate.facts("managed_by", "same_as", "runs_on", "has_port", "in_tenant", "attached_to", "in_cluster"):
        if fact.predicate == "managed_by":
            together.setdefault(fact.object, set()).add(fact.subject)
        elif fact.predicate == "same_as" and fact.subject.startswith("host:") and fact.object.startswith("host:"):
            together.setdefault(f"{fact.subject} {fact.object}", set()).update((fact.subject, fact.object))
        elif fact.predicate == "runs_on" and fact.subject.startswith("job:"):
            number = fact.subject.rpartition("/")[2]
            runs.setdefault(number, {}).setdefault(fact.subject, set()).add(fact.object)
        elif fact.predicate == "has_port" and fact.subject.startswith("host:"):
            ports[fact.object.partition(":")[2]] = fact.subject
        elif fact.predicate in ("in_tenant", "attached_to", "in_cluster"):
            belongs.setdefault(fact.subject, []).append(fact.object)
    return Sources(
        holders=joined(one for _, one in sorted(together.items()) if len(one) > 1),
        relayed=frozenset(host for hosts in relays.values() for host in hosts),
        runs={at: {job: frozenset(where) for job, where in those.items()} for at, those in runs.items()},
        ports=ports,
        belongs={one: tuple(those) for one, those in belongs.items()},
        expiry_held=frozenset(expiry_held),
        open_doors=open_doors,
    )


def _names(signal: Signal) -> set[str]:
    return {*signal.entities, *(position.partition("#")[0] for position in signal.holds)}
