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
    evicted = {guid for guid in evicted if now.get(guid, {}).keys() - {DEFAULT_PKEY}}
    now = {guid: now.get(guid, {}) for guid in goal}
    more, less = dict(_stronger(goal, now)), dict(_stronger(now, goal))
    if not more and not less and not evicted:
        return ()
    if not less and not evicted:
        return (Step("open", wanted, goal),)
    quiet = {key for key in {key for held in more.values() for key in held} if _opens_nothing(key, now, more)}
    found = []
    both = {guid: held | _only(more.get(guid, {}), quiet) for guid, held in now.items()}
    if quiet and _fits(wanted, both) and any(set(held) - {DEFAULT_PKEY} for held in less.values()):
        now = both
        found.append(_step("make", wanted, _default(now, goal)))
    if any(set(held) - quiet - {DEFAULT_PKEY} for held in more.values()) or any(
        goal[guid].keys() - {DEFAULT_PKEY} for guid in evicted
    ):
        cut = {guid: _weaker(held, goal[guid]) for guid, held in now.items()}
        cut |= {guid: {DEFAULT_PKEY: goal[guid][DEFAULT_PKEY]} for guid in evicted}
        found.append(_step("cut", wanted, cut))
        return (*found, Step("open", wanted, goal))
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


def _only(held: Mapping[int, str], keys: set[int]) -> dict[int, str]:
    return {key: how for key, how in held.items() if key in keys}


def _fits(wanted: Plan, made: Tables) -> bool:
    return all(len(made.get(guid_of(port), ())) <= wanted.fabric.holds(port) for port in wanted.fabric.ports)


def _default(made: Tables, goal: Tables) -> Tables:
    """The default partition is at once as it shall be: while it is open, no key is needed for anything."""
    return {guid: held | {DEFAULT_PKEY: goal[guid][DEFAULT_PKEY]} for guid, held in made.items()}


def _opens_nothing(key: int, now: Tables, more: Tables) -> bool:
    """Whether every pair that the new entries of a key would open is open now, with the key's old members too."""
    fresh = {guid: held[key] for guid, held in more.items() if key in held}
    everyone = {guid: held[key] for guid, held in now.items() if key in held} | fresh
    full = [guid for guid, how in everyone.items() if how == "full"]
    for guid, how in fresh.items():
        others = everyone if how == "full" else full
        if not all(other == guid or _speak(now[guid], now[other]) for other in others):
            return False
    return True


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
