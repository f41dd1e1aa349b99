"""`partitions.conf` of opensm: one text for every subnet manager of a fabric, standby included.

        # Written by Ringfence …
        Default=0x7fff, ipoib, defmember=limited : ALL=limited, ALL_SWITCHES=full, SELF=full;   everyone's
        Default=0x7fff, defmember=full : 0x<ports of the managers>;
        rf.<group>.<hash>=0x<key>, defmember=full : 0x…, … ;                                       ours
        rf.<group>.<hash>=0x<key>, defmember=limited : 0x…, … ;
        # End of what Ringfence wrote
        …                                                                                        the site's, as it was

A port in no key of ours holds 0x7fff as limited: it reaches the subnet manager and nobody else, which is the
quarantine. All managers are full there by name, so that the tables do not change when a standby takes over.
Grammar and limits: `doc/partition-config.txt` of opensm, and what `wire/ibnet/partitions` says that it does.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2s

import msgspec

from ringfence.errors import InputError
from ringfence.segment.compile.ib_cover import Star, shared, stars
from ringfence.segment.compile.keys import Key, allocate
from ringfence.segment.fabrics import enforced, guid_of, uncovered
from ringfence.segment.inventory import DEFAULT_TABLE, Fabric, Inventory
from ringfence.segment.model import Artefact, Compiled, Policy, Residual
from ringfence.wire.ibnet import partitions
from ringfence.wire.ibnet.partitions import Partitions, Port, Tables
from ringfence.wire.ibnet.values import DEFAULT_PKEY, FULL_BIT

TARGET = "opensm"
FIRST = "# Written by Ringfence; the next change replaces everything down to the line that ends it."
LAST = "# End of what Ringfence wrote"
OURS = "rf."
"""How the names of our partitions begin."""

PER_LINE = 100
"""GUIDs on one line: well below the 4,096 bytes that opensm reads at once."""

_FLAG = re.compile(r"\A(ipoib|mtu=\d{1,2}|rate=\d{1,2}|sl=\d{1,2}|scope=[0-9a-fx,]{1,12})\Z")


class Before(msgspec.Struct, frozen=True):
    """What is there: the `partitions.conf` in force, and the 15-bit keys that any table of the fabric holds."""

    text: str = ""
    busy: frozenset[int] = frozenset()

    def held(self) -> "Held":
        """What of it goes on. Raises `InputError` where the site's part cannot be kept."""
        return _taken(self.text)


class Held(msgspec.Struct, frozen=True):
    """What goes on from before: the keys of our partitions by name, flags of the default one, the site's own text."""

    keys: Mapping[str, int] = {}
    flags: tuple[str, ...] = ("ipoib",)
    site: str = ""


class Plan(msgspec.Struct, frozen=True):
    """The tables of one fabric as keys. `flags` are those of the default partition, `site` what is not ours."""

    fabric: Fabric
    keys: tuple[Key, ...]
    flags: tuple[str, ...] = ("ipoib",)
    site: str = ""


def compile_partitions(policy: Policy, inventory: Inventory, before: Mapping[str, Before] | None = None) -> Compiled:
    """One artefact `<fabric>/partitions.conf` for each fabric that opensm manages; `before`: by fabric.

    Raises `InputError` where it cannot be done: a port's table would overflow, the key space is full, the site's
    own partitions do not parse or have no key. Then nothing is to be changed.
    """
    held = {name: (one.held(), one.busy) for name, one in (before or {}).items()}
    plans, residuals = plan_fabrics(policy, inventory, TARGET, held)
    artefacts = tuple(Artefact(f"{one.fabric.name}/partitions.conf", text(one), one.fabric.managers) for one in plans)
    return Compiled(TARGET, "ib", artefacts, residuals)


def plan_fabrics(
    policy: Policy, inventory: Inventory, software: str, before: Mapping[str, tuple[Held, frozenset[int]]]
) -> tuple[tuple[Plan, ...], tuple[Residual, ...]]:
    """The plan of each fabric under this software, and what stays open. Raises `InputError` as above.

    `before`: by fabric, what goes on and the 15-bit keys that any table holds.
    """
    fabrics = [one for _, one in sorted(inventory.fabrics.items()) if one.software == software]
    covered = [one for one in fabrics if enforced(inventory, one)]
    if not covered:
        return (), tuple(uncovered(policy, inventory, software))
    cover, opened = stars(policy, software)
    plans = tuple(_plan(one, cover, *before.get(one.name, (Held(), frozenset()))) for one in covered)
    told = [*opened, *shared(policy, software), *uncovered(policy, inventory, software)]
    told += [row for one in covered for row in _managers(policy, one, software)]
    return plans, tuple(sorted(told))


def _plan(fabric: Fabric, cover: Iterable[Star], held: Held, busy: frozenset[int]) -> Plan:
    here = {port: number for port in fabric.ports if (number := guid_of(port))}
    wanted: list[tuple[str, Star, tuple[int, ...], tuple[int, ...]]] = []
    for star in cover:
        full = tuple(sorted(here[port] for port in star.full if port in here))
        limited = tuple(sorted(here[port] for port in star.limited if port in here))
        if full and len(full) + len(limited) > 1:
            wanted.append((_name(star.name), star, full, limited))
    foreign = {stanza.key for stanza in site_of(held.site).stanzas}
    own = {name: key for name, key in held.keys.items() if key not in foreign}
    numbers = allocate((name for name, *_ in wanted), own, busy | foreign)
    keys = [
        Key(name, numbers[name], full, limited, star.service, star.why)
        for name, star, full, limited in sorted(wanted, key=lambda one: one[0])
    ]
    plan = Plan(fabric, tuple(keys), held.flags, held.site)
    _fits(plan)
    return plan


def _fits(plan: Plan) -> None:
    """Raise where a table would overflow: opensm would set what fits and drop the rest without a word."""
    made = tables(plan)
    if max(map(len, made.values()), default=0) <= min((DEFAULT_TABLE, *plan.fabric.table.values())):
        return  # every table has room, whichever is the smallest
    over = [port for port in plan.fabric.ports if len(made.get(guid_of(port), ())) > plan.fabric.holds(port)]
    if over:
        port = over[0]
        count, room = len(made[guid_of(port)]), plan.fabric.holds(port)
        raise InputError(
            f"{port} would need {count} partition keys and holds {room}; so do {len(over) - 1} other port(s)",
            remedy="fewer compartments on this port: share a group between tenants, or give each tenant its own ports",
        )


def _name(star: str) -> str:
    """A partition's name: readable, without what opensm's grammar gives a meaning to, and different for each star."""
    digest = blake2s(star.encode(), digest_size=4).hexdigest()
    return f"{OURS}{re.sub('[^A-Za-z0-9_.-]', '-', star)[:40]}.{digest}"


def _managers(policy: Policy, fabric: Fabric, target: str) -> Iterator[Residual]:
    """The manager's port is a full member of the default partition, or nobody could ask it for a path."""
    for port in fabric.manager_ports:
        its = {name for name, group in policy.groups.items() if port in group.on("ib")}
        reached: set[str] = set()
        for allow in policy.on("ib") if its else ():
            for mine, other in ((allow.source, allow.target), (allow.target, allow.source)):
                if mine in its:
                    reached.update(policy.groups[other].on("ib"))
        if pairs := len(set(fabric.ports) - reached - {port}):
            why = "the subnet manager's port is a full member of the default partition, where everyone is limited"
            yield Residual("ib", target, "*", port, pairs, why, "run the subnet manager on hosts of its own")


def tables(plan: Plan) -> Tables:
    """What every end port of the fabric shall hold: GUID → 15-bit key → full or limited."""
    managers = {guid_of(port) for port in plan.fabric.manager_ports}
    guids = [number for port in plan.fabric.ports if (number := guid_of(port))]
    made: Tables = {guid: {DEFAULT_PKEY: "full" if guid in managers else "limited"} for guid in guids}
    for key in plan.keys:
        for members, membership in ((key.limited, "limited"), (key.full, "full")):
            for guid in members:
                if guid in made:
                    made[guid][key.number] = membership
    conf = site_of(plan.site)
    if conf.stanzas:
        foreign = partitions.tables(conf, [Port(guid, "adapter") for guid in guids], next(iter(managers), 0))
        for guid, held in foreign.items():
            made[guid].update({key: how for key, how in held.items() if key != DEFAULT_PKEY})
    return made


def text(plan: Plan) -> str:
    """The file. Same plan, same bytes."""
    return "\n".join((*_ours(plan), LAST, plan.site)).rstrip("\n") + "\n"


def _ours(plan: Plan) -> Iterator[str]:
    head = ", ".join(("Default=0x7fff", *plan.flags, "defmember=limited"))
    yield FIRST
    yield f"{head} : ALL=limited, ALL_SWITCHES=full, SELF=full;"
    managers = sorted(guid for port in plan.fabric.manager_ports if (guid := guid_of(port)))
    yield from _stanza("Default=0x7fff, defmember=full", managers)
    for key in plan.keys:
        if key.why:
            yield "# " + re.sub(r"[^ -~]", "?", key.why)[:200]
        head = f"{key.name}=0x{key.number | FULL_BIT:04x}" + (", ipoib" if key.ipoib else "")
        yield from _stanza(f"{head}, defmember=full", key.full)
        yield from _stanza(f"{head}, defmember=limited", key.limited)


def _stanza(head: str, guids: Iterable[int]) -> Iterator[str]:
    words = [f"0x{guid:016x}" for guid in guids]
    for at in range(0, len(words), PER_LINE):
        line = ", ".join(words[at : at + PER_LINE])
        yield (f"{head} : " if at == 0 else " ") + line + (";" if at + PER_LINE >= len(words) else ",")


def _taken(before: str) -> Held:
    """Of the file in force; the default partition becomes ours wherever it stands, all else of the site's is kept."""
    lines = before.split("\n")
    if FIRST in lines and LAST in lines:
        first, last = lines.index(FIRST), lines.index(LAST)
        ours = partitions.read_text("\n".join(lines[first:last]))
        held = {one.name: one.key for one in ours.stanzas if one.name.startswith(OURS)}
        return Held(held, _flags(lines[first + 1]), _adopted(lines[:first] + lines[last + 1 :])[0])
    if partitions.read_text(before).fails_open:
        return Held()  # opensm has ignored it: nothing of it is in force
    site, flags = _adopted(lines)
    return Held({}, flags, site)


def _adopted(lines: list[str]) -> tuple[str, tuple[str, ...]]:
    """The site's lines without its default partition, and that one's flags."""
    flags: tuple[str, ...] = ("ipoib",)
    for stanza in partitions.read_text("\n".join(lines)).stanzas:
        if stanza.key == DEFAULT_PKEY:
            flags = _flags(lines[stanza.line - 1])
            _cut(lines, stanza.line - 1)
    return "\n".join(lines).strip("\n"), flags


def _cut(lines: list[str], at: int) -> None:
    while at < len(lines):
        code = lines[at].partition("#")[0].rstrip()
        if code.count(";") > code.endswith(";"):
            raise InputError(
                "another partition stands on the line of the default one",
                line=at + 1,
                remedy="give each partition of partitions.conf lines of its own",
            )
        lines[at] = ""
        if code.endswith(";"):
            return
        at += 1


def _flags(head: str) -> tuple[str, ...]:
    """Flags that the default partition keeps: those of its multicast group."""
    words = (word.replace(" ", "") for word in head.partition(":")[0].split(","))
    return tuple(word for word in words if _FLAG.match(word))


def site_of(site: str) -> Partitions:
    """The site's own partitions. Raises `InputError` where they do not parse, or have a key that nobody knows."""
    conf = partitions.read_text(site)
    empty = not any(line.partition("#")[0].strip() for line in site.split("\n"))
    if conf.fails_open and not empty:
        raise InputError(
            f"the site's own partitions do not parse, so opensm ignores the file: {conf.fails_open}",
            line=conf.line,
            remedy="mend partitions.conf",
        )
    for unknown in partitions.unresolved(conf):
        raise unknown
    return conf
