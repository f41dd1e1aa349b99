"""What was not asked: holes, and what a sample stands for.

One node per class is enough to begin. A host that a scheduler or a fabric knows but nobody
captured takes over the facts of a captured host of its class (same cluster, zone and hardware
labels), as far as it has none of its own; every such fact carries `assumed`, and `assumed_like` says like whom. A host
with no captured peer gets a hole for every aspect that a capture of it would have answered:
unknown is never safe.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from ringfence.collect.base import asked
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import kind_of

_CLASS = ("in_cluster", "in_zone")
_CLASS_LABELS = ("gres=", "features=", "class=")

_TAKEN = frozenset(
    {
        *("setting", "device_open", "mounts", "may_sudo", "may_use_runtime", "trusts_host", "root_runs_from"),
        *("runs_software", "accepts_key", "stores_credential", "attached_to", "reaches_outside", "runs_firmware"),
        *("runs_on", "service_kind", "authenticates", "listens_on", "runs_as", "has_gpu", "nvlink_member"),
        *("uses_imex", "enforced_by", "watched_by", "vulnerable_to", "may_login", "keeps_credential", "acts_as"),
    }
)
"""Predicates that hold for a class. The rest (ports, serials, sessions, jobs) are each host's own."""

_OF_PEOPLE = frozenset({"may_login", "may_sudo", "may_use_runtime"})
"""Predicates whose object is the host: what accounts may do there."""

SOURCE = "assumed"


def completed(facts: Sequence[Fact], aspects: Iterable[str]) -> Iterator[Fact]:
    """The facts to add: assumptions and holes for every host that `facts` mention."""
    hosts = {term for fact in facts for term in (fact.subject, fact.object) if kind_of(term) == "host"}
    answered: dict[str, set[str]] = defaultdict(set)
    whole: set[tuple[str, str]] = set()
    for fact in facts:
        if fact.predicate == "asked" and fact.subject in hosts and fact.attributes.get("answered"):
            answered[fact.subject].add(fact.object)
            if fact.attributes.get("complete"):
                whole.add((fact.subject, fact.object))
    classes = _classes(facts)
    samples = _samples(classes, answered)
    own = _own(facts, hosts)
    wanted = sorted(aspects)
    for host in sorted(hosts):
        like = samples.get(classes.get(host, ()), "")
        known = answered[host]
        lent = answered[like] - known if like and like != host else set()
        if lent:
            yield Fact(host, "assumed_like", like, source=SOURCE)
            known_topics = {_topic(fact) for fact in own[host]}
            yield from (_taken(fact, like, host) for fact in own[like] if _topic(fact) not in known_topics)
        for aspect in wanted:
            if aspect in lent:
                reason = f"assumed like {like}"
                said = asked(host, aspect, answered=True, complete=(like, aspect) in whole, reason=reason)
                yield msgspec.structs.replace(said, attributes={**said.attributes, "assumed": True}, source=SOURCE)
            elif aspect not in known:
                yield msgspec.structs.replace(asked(host, aspect, answered=False, reason="not captured"), source=SOURCE)


def _topic(fact: Fact) -> tuple[str, str, str]:
    """What a fact is about, so that a host's own word is never doubled by an assumption."""
    about = kind_of(fact.subject)
    name = fact.object.partition("=")[0] if fact.predicate == "setting" else ""
    if about == "service":
        name = fact.subject.partition("/")[2]
    elif fact.predicate in _OF_PEOPLE:
        name = fact.subject
    return about, fact.predicate, name


def _classes(facts: Sequence[Fact]) -> dict[str, tuple[str, ...]]:
    """Per host what puts it into a class; hosts of which nothing is known have none."""
    marks: dict[str, set[str]] = defaultdict(set)
    for fact in facts:
        by_label = fact.predicate == "labelled" and fact.object.startswith(_CLASS_LABELS)
        if (by_label or fact.predicate in _CLASS) and kind_of(fact.subject) == "host":
            marks[fact.subject].add(f"{fact.predicate} {fact.object}")
    return {host: tuple(sorted(found)) for host, found in marks.items()}


def _samples(classes: Mapping[str, tuple[str, ...]], answered: Mapping[str, set[str]]) -> dict[tuple[str, ...], str]:
    """Per class the captured host that answered most; ties go to the first by name."""
    best: dict[tuple[str, ...], str] = {}
    for host in sorted(answered, key=lambda host: (-len(answered[host]), host)):
        if host in classes and answered[host]:
            best.setdefault(classes[host], host)
    return best


def _own(facts: Sequence[Fact], hosts: set[str]) -> dict[str, list[Fact]]:
    """Per host what its captures said about it, its accelerators and its services.

    Its accelerators are named by their index, as a peer's are before anyone has seen their UUIDs.
    """
    owner = {host: host for host in hosts}
    name: dict[str, str] = {}
    for fact in facts:
        if fact.predicate == "has_gpu" and fact.subject in hosts:
            owner[fact.object] = fact.subject
            name[fact.object] = f"gpu:{fact.subject.partition(':')[2]}/{fact.attributes.get('index', '')}"
        elif fact.predicate == "runs_on" and fact.object in hosts and kind_of(fact.subject) == "service":
            owner[fact.subject] = fact.object
    own: dict[str, list[Fact]] = {host: [] for host in hosts}
    for fact in facts:
        if fact.predicate in _OF_PEOPLE and fact.object in own:
            own[fact.object].append(fact)
        elif fact.predicate in _TAKEN and fact.subject in owner:
            renamed = msgspec.structs.replace(
                fact, subject=name.get(fact.subject, fact.subject), object=name.get(fact.object, fact.object)
            )
            own[owner[fact.subject]].append(renamed)
    return own


def _taken(fact: Fact, like: str, host: str) -> Fact:
    """The sample's fact, said of another host of its class."""
    return Fact(
        _moved(fact.subject, like, host),
        fact.predicate,
        _moved(fact.object, like, host),
        {**{name: value for name, value in fact.attributes.items() if name != "address"}, "assumed": True},
        SOURCE,
        fact.observed_at,
    )


def _moved(term: str, like: str, host: str) -> str:
    old, new = like.partition(":")[2], host.partition(":")[2]
    kind, colon, rest = term.partition(":")
    if colon and (rest == old or (kind in ("service", "gpu", "nvlink") and rest.startswith(old + "/"))):
        return f"{kind}:{new}{rest[len(old) :]}"
    return term
