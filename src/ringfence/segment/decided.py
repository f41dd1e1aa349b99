"""Overrides applied to a derived policy: ended ones are told, unknown names are told, denied pairs are cut out.

A pair is cut out of an allow by splitting its groups, so that what remains is still endpoints times endpoints.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_network

from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact
from ringfence.segment import what
from ringfence.segment.compartment import group
from ringfence.segment.model import SYMMETRIC, Allow, Group, Residual
from ringfence.segment.needs.accounts import People, host_network
from ringfence.segment.needs.files import data_groups
from ringfence.segment.overrides import Override, Raised, Rule, Tenancy, less
from ringfence.segment.scene import Scene
from ringfence.segment.workflow import leader

Groups = dict[str, Group]


def in_force(overrides: Iterable[Override], now: float) -> tuple[list[Override], list[Residual]]:
    """(those that still apply, what is told of those that ended)."""
    alive, told = [], []
    for one in overrides:
        if one.expires > now:
            alive.append(one)
        else:
            why = f"the exception of {one.owner} has ended and no longer applies: {one.why}"
            told.append(_told(one, why, "remove it, or give it a new end and a new reason"))
    return alive, told


def _told(one: Override, why: str, remedy: str) -> Residual:
    """Something to say about an override. Neither end is an endpoint: nothing is opened by it."""
    plane = one.plane if isinstance(one, Rule) else "ip"
    return Residual(plane, "overrides", one.place, _about(one), 0, why, remedy)


def _about(one: Override) -> str:
    if isinstance(one, Rule):
        return f"{one.verb} {one.source} → {one.target}: {one.what}"
    return f"budget of {one.jewel}" if isinstance(one, Raised) else f"members of {getattr(one, 'tenant', '')}"


def tenancies(overrides: Sequence[Override]) -> list[Fact]:
    """The facts that overrides add to the estate before anything is derived."""
    return [
        Fact(member, "in_tenant", one.tenant, {}, one.place)
        for one in overrides
        if isinstance(one, Tenancy)
        for member in one.members
    ]


def unknown(estate: Estate, overrides: Sequence[Override]) -> Iterator[Residual]:
    """Members of tenants, and jewels, that nobody else speaks of."""
    values = estate.terms.values
    named = any(isinstance(one, Tenancy | Raised) for one in overrides)
    entities = {values[code] for code in estate.entities.tolist()} if named else set()
    for one in overrides:
        names = one.members if isinstance(one, Tenancy) else (one.jewel,) if isinstance(one, Raised) else ()
        for name in names:
            if name not in entities:
                yield _told(one, f"{one.place}: {name} is not in the estate", "correct the name, or remove it")


def decide(
    scene: Scene, groups: Groups, allows: list[Allow], rules: Sequence[Rule]
) -> tuple[list[Allow], list[Residual]]:
    """The allows with those of the rules, less what they deny. `groups` gets the groups that this needs."""
    told: list[Residual] = []
    known = {plane: {end for one in groups.values() for end in one.on(plane)} for plane in {one.plane for one in rules}}
    ends = []
    for rule in sorted(rules, key=lambda one: (one.verb, one.place)):
        pair = [_resolved(scene, groups, known[rule.plane], rule, name) for name in (rule.source, rule.target)]
        for name, found in zip((rule.source, rule.target), pair, strict=True):
            if not found.on(rule.plane):
                why = f"{rule.place}: {name} names nothing on the plane {rule.plane}"
                told.append(_told(rule, why, "correct the name; a job or host that is gone needs no exception"))
        if all(found.on(rule.plane) for found in pair):
            ends.append((rule, pair[0], pair[1]))
    for rule, source, target in ends:
        if rule.verb == "allow":
            groups |= {source.name: source, target.name: target}
            allows = [*allows, Allow(source.name, target.name, rule.plane, rule.what, rule.why)]
        else:
            turns = [(source, target), (target, source)] if rule.plane in SYMMETRIC else [(source, target)]
            for one, other in turns:
                allows = [left for allow in allows for left in _without(groups, allow, rule, one, other)]
    return allows, told


def _without(groups: Groups, allow: Allow, rule: Rule, source: Group, target: Group) -> Iterator[Allow]:
    """What is left of an allow."""
    plane = rule.plane
    if allow.plane != plane:
        yield allow
        return
    left, right = groups[allow.source], groups[allow.target]
    inside = set(source.on(plane)).intersection(left.on(plane))
    across = set(target.on(plane)).intersection(right.on(plane))
    if not inside or not across:
        yield allow
        return
    rest = what.parse(allow.what)
    yield from _part(groups, allow, left, set(left.on(plane)) - inside, right, set(right.on(plane)), (allow.what,))
    yield from _part(groups, allow, left, inside, right, set(right.on(plane)) - across, (allow.what,))
    yield from _part(groups, allow, left, inside, right, across, less(rest, what.parse(rule.what)))


def _part(
    groups: Groups, allow: Allow, left: Group, ends: set[str], right: Group, others: set[str], whats: Iterable[str]
) -> Iterator[Allow]:
    whats = list(whats)
    if ends and others and whats:
        one, other = _piece(groups, left, allow.plane, ends), _piece(groups, right, allow.plane, others)
        yield from (Allow(one, other, allow.plane, passes, allow.why) for passes in whats)


def _piece(groups: Groups, whole: Group, plane: str, ends: set[str]) -> str:
    """The name of the group of some of a group's endpoints on one plane."""
    members = tuple(sorted(ends))
    if members == whole.on(plane):
        return whole.name
    digest = hashlib.sha256("\n".join(members).encode()).hexdigest()[:8]
    name = f"{whole.name}/{plane}-{digest}"
    groups[name] = Group(name, whole.kind, whole.tenant, {plane: members}, f"a part of {whole.name}")
    return name


def _resolved(scene: Scene, groups: Groups, known: set[str], rule: Rule, name: str) -> Group:
    """The group that a name stands for on the rule's plane; empty if it stands for nothing there."""
    if name in groups and groups[name].on(rule.plane):
        return groups[name]
    if name.startswith("job:"):
        top = "gang:" + leader(scene.seen, name).removeprefix("job:")
        return groups.get(top, group(name, "role", ""))
    ends = _ends(scene, groups, known, rule.plane, name)
    return group(
        f"override:{name}", "outside" if name.startswith("network:") else "role", "", rule.reason, **{rule.plane: ends}
    )


def _ends(scene: Scene, groups: Groups, known: set[str], plane: str, name: str) -> list[str]:
    kind = name.partition(":")[0]
    if name in known:
        return [name]
    if kind == "tenant":
        return [end for one in groups.values() if one.kind == "gang" and one.tenant == name for end in one.on(plane)]
    if kind == "host" and plane in scene.ports:
        return list(scene.ports[plane].get(name, ()))
    if kind == "host" and plane == "nvlink":
        return [gpu for gpu in scene.seen.objects(name, "has_gpu") if gpu in known]
    if kind == "service" and plane == "ip":
        return [scene.by_entity[name].host] if name in scene.by_entity else []
    if kind == "workstation" and plane == "ip":
        found = scene.addresses.get(name, {}).values()
        return [host_network(one) for mine in found for one in mine]
    if kind == "network" and plane in ("ip", "pod"):
        return [name] if _is_network(name.removeprefix("network:")) else []
    if kind == "identity" and plane == "login" and "@" not in name:
        return [f"{name}@{place}" for place in People(scene).from_.get(name, ())]
    if plane == "storage" and name in scene.work_of:
        made = (groups[title] for title in data_groups(scene.seen, scene.work_of[name]) if title in groups)
        return [end for one in made for end in one.on(plane)]
    return []


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True
