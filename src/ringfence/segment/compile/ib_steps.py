"""From the tables in force to those that are wanted, in sweeps between which nothing is open that should not be.

        make    keys that open nothing new, beside what is there      nobody loses a pair that is kept
        cut     what is both in force and wanted, and of a port       it is in quarantine
                that changes its tenant only the default partition
        open    what is wanted

A hand-over between tenants is `cut`, read back on every port, `open`. A job that starts on free hosts is one
sweep, and so is one that ends. While opensm goes from port to port, some hold the old table and some the new one:
each sweep either only adds or only takes away, or opens nothing that is not open already, so a mixture of the two
never opens what neither says.
"""

from collections.abc import Collection, Iterator, Mapping

import msgspec

from ringfence.segment.compile.keys import Key
from ringfence.segment.compile.partitions import OURS, Plan, site_of, tables
from ringfence.segment.fabrics import guid_of
from ringfence.segment.model import Policy
from ringfence.wire.ibnet.partitions import Tables
from ringfence.wire.ibnet.values import DEFAULT_PKEY

_STRENGTH = {"": 0, "limited": 1, "full": 2}


class Step(msgspec.Struct, frozen=True):
    """One sweep: `what` is make, cut or open; `tables` are what every port shall hold after it."""

    what: str
    plan: Plan
    tables: Tables


def handed_over(before: Policy, after: Policy) -> frozenset[int]:
    """GUIDs of ports that served tenants before, and after serve none of them."""
    old, new = _tenants(before), _tenants(after)
    ports = (guid_of(port) for port, tenants in old.items() if not tenants & new.get(port, frozenset()))
    return frozenset(guid for guid in ports if guid)


def _tenants(policy: Policy) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for group in policy.groups.values():
        for port in group.on("ib") if group.tenant else ():
            found[port] = found.get(port, frozenset()) | {group.tenant}
    return found


def steps(now: Tables, wanted: Plan, evicted: Collection[int] = frozenset()) -> tuple[Step, ...]:
    """The sweeps that lead from `now` (read back) to `wanted`; none where they agree.

    `evicted`: ports that are handed over to another tenant (`handed_over`); what both tenants may reach is cut as well.
    """
    goal = tables(wanted)
    now = {guid: now.get(guid, {}) for guid in goal}
    evicted = {guid for guid in evicted if now.get(guid, {}).keys() - {DEFAULT_PKEY}}
    more, less = dict(_stronger(goal, now)), dict(_stronger(now, goal))
    if not more and not less and not evicted:
        return ()
    if not less and not evicted:
        return (Step("open", wanted, goal),)
    cut = {guid: _weaker(held, goal[guid]) for guid, held in now.items()}
    cut |= {guid: {DEFAULT_PKEY: goal[guid][DEFAULT_PKEY]} for guid in evicted}
    quiet = more if _is_open(now) else _quiet(now, more)
    found = []
    if any(set(held) - {DEFAULT_PKEY} for held in less.values()) and _needed(quiet, now, cut):
        both = {guid: held | quiet.get(guid, {}) for guid, held in now.items()}
        if _fits(wanted, both):
            found.append(_step("make", wanted, _default(both, goal)))
            cut |= {guid: _weaker(both[guid], goal[guid]) for guid in quiet if guid not in evicted}
    opening = any(quiet.get(guid, {}).keys() != held.keys() for guid, held in more.items())
    if opening or any(goal[guid].keys() - {DEFAULT_PKEY} for guid in evicted):
        return (*found, _step("cut", wanted, cut), Step("open", wanted, goal))
    return (*found, Step("cut", wanted, goal))


def _stronger(one: Tables, other: Tables) -> Iterator[tuple[int, dict[int, str]]]:
    """By port, the entries that the first has and the second lacks, or has as limited only."""
    for guid, held in one.items():
        there = other.get(guid, {})
        if held != there and (
            found := {key: how for key, how in held.items() if _STRENGTH[how] > _STRENGTH[there.get(key, "")]}
        ):
            yield guid, found


def _weaker(held: Mapping[int, str], wanted: Mapping[int, str]) -> dict[int, str]:
    return {key: min(how, wanted[key], key=_STRENGTH.__getitem__) for key, how in held.items() if key in wanted}


def _fits(wanted: Plan, made: Tables) -> bool:
    return all(len(made.get(guid_of(port), ())) <= wanted.fabric.holds(port) for port in wanted.fabric.ports)


def _default(made: Tables, goal: Tables) -> Tables:
    """The default partition is at once as it shall be: while it is open, no key is needed for anything."""
    return {guid: held | {DEFAULT_PKEY: goal[guid][DEFAULT_PKEY]} for guid, held in made.items()}


def _is_open(now: Tables) -> bool:
    """Whether everyone speaks with everyone, so that no key opens anything."""
    return all(held.get(DEFAULT_PKEY) == "full" for held in now.values())


def _quiet(now: Tables, more: Tables) -> Tables:
    """Of the new entries those that open nothing: each pair they would open is open now, by another key."""
    fresh: dict[int, dict[int, str]] = {}
    for guid, held in more.items():
        for key, how in held.items():
            fresh.setdefault(key, {})[guid] = how
    members: dict[int, dict[int, str]] = {key: {} for key in fresh}
    for guid, held in now.items():
        for key in held.keys() & members.keys():
            members[key][guid] = held[key]
    found: Tables = {}
    for key, entries in fresh.items():
        there = members[key]
        for guid, how in sorted(entries.items(), key=lambda one: (one[1], one[0])):
            others = (other for other, its in there.items() if "full" in (how, its))
            if all(other == guid or _speak(now[guid], now[other]) for other in others):
                there[guid] = found.setdefault(guid, {})[key] = how
    return found


def _needed(quiet: Tables, now: Tables, cut: Tables) -> bool:
    """Whether a pair that two of these entries keep would be lost by the cut alone."""
    of_key: dict[int, list[int]] = {}
    for guid, held in quiet.items():
        for key in held:
            of_key.setdefault(key, []).append(guid)
    for key, fresh in of_key.items():
        everyone = [guid for guid, held in now.items() if key in held] + fresh
        for guid in fresh:
            mine = quiet[guid] | now[guid]
            for other in everyone:
                theirs = quiet.get(other, {}).get(key) or now[other].get(key)
                if other != guid and "full" in (mine[key], theirs) and not _speak(cut[guid], cut[other]):
                    return True
    return False


def _speak(one: Mapping[int, str], other: Mapping[int, str]) -> bool:
    return any(key in other and "full" in (how, other[key]) for key, how in one.items())


def _step(what: str, wanted: Plan, made: Tables) -> Step:
    """The plan that gives these tables; a key that is on its way out has no name of a compartment any more."""
    known = {key.number: key for key in wanted.keys}
    foreign = {stanza.key for stanza in site_of(wanted.site).stanzas}
    members: dict[int, dict[str, list[int]]] = {}
    for guid, held in sorted(made.items()):
        for key, how in held.items():
            if key != DEFAULT_PKEY and key not in foreign:
                members.setdefault(key, {"full": [], "limited": []})[how].append(guid)
    keys = []
    for number, found in sorted(members.items()):
        named = known.get(number, Key(f"{OURS}leaving.{number:04x}", number, ()))
        keys.append(msgspec.structs.replace(named, full=tuple(found["full"]), limited=tuple(found["limited"])))
    plan = msgspec.structs.replace(wanted, keys=tuple(keys))
    return Step(what, plan, tables(plan))
