"""nftables: one table of our own per host, default deny in, out and through, one set per kind of peers.

        Policy ─▶ hosts with equal rules ─▶ input · forward · output, sets by direction and kind of traffic
                     │                         │ jobs that share the host: a chain each, by control group
                     └ residuals: what addresses cannot keep apart

A set holds all peers of one kind of traffic, whatever groups they come from: a job that starts or ends changes
elements, never rules, and what a packet costs does not grow with the number of jobs.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

import msgspec

from ringfence.segment.address import Span, located, networks, span
from ringfence.segment.compile import nftables_text as words
from ringfence.segment.compile.budget import Meter, Shares, acks, bare, metered, meters, spared
from ringfence.segment.compile.nftables_open import residuals
from ringfence.segment.compile.nftables_scope import Scopes
from ringfence.segment.compile.parts import MARK, named
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Compiled, Policy, Spared
from ringfence.segment.what import parse

TARGET, PLANE = "nftables", "ip"
_HOOKS = (("input", "in"), ("output", "out"))
Rules = tuple[tuple[str, tuple[str, ...]], ...]
"""(what, groups of peers), sorted."""


class Part(msgspec.Struct, frozen=True, order=True):
    """What one scope may do: "" for the host's own processes, else the control group of a job.

    `groups`: those that its endpoints are in. `local`: (control group, what) of jobs on the same host that may open
    connections to it.
    """

    path: str
    groups: tuple[str, ...]
    local: tuple[tuple[str, str], ...] = ()
    meters: tuple[Meter, ...] = ()

    def name(self, rest: str) -> str:
        """A name within the table that no other part has."""
        return f"{chain_of(self.path)}_{rest}" if self.path else rest


def compile_nftables(
    policy: Policy, inventory: Inventory, shares: Shares | None = None, *, shadow: bool = False
) -> Compiled:
    """The table of every host that runs nftables; hosts with equal rules share one artefact.

    `shares`: bytes an hour per jewel and holder (default: even). `shadow`: the same rules, but what would be denied
    is counted and let through.
    """
    scopes = Scopes(policy, inventory)
    writer = _Writer(policy, inventory, shadow)
    spent = meters(policy, shares or {})
    alike: dict[tuple[Part, ...], list[str]] = {}
    for host in scopes.hosts:
        parts = (
            Part(path, scopes.groups_of(ends), scopes.local(host, path), _together(ends, spent))
            for path, ends in scopes.of(host)
        )
        alike.setdefault(tuple(sorted(parts)), []).append(host)
    made = sorted((tuple(hosts), writer.text(parts)) for parts, hosts in alike.items())
    artefacts = tuple(Artefact(f"ringfence-{named([text])}.nft", text, hosts) for hosts, text in made)
    return Compiled(TARGET, PLANE, artefacts, residuals(policy, inventory, scopes))


def _together(ends: Iterable[str], spent: Mapping[str, tuple[Meter, ...]]) -> tuple[Meter, ...]:
    """The meters of endpoints that a host cannot tell apart: they spend their shares together."""
    found: dict[str, Meter] = {}
    for one in (meter for end in ends for meter in spent.get(end, ())):
        before = found[one.name].share if one.name in found else 0
        found[one.name] = msgspec.structs.replace(one, holder="", share=one.share + before)
    return tuple(found[name] for name in sorted(found))


def _alike(found: Iterable[Spared]) -> Iterator[tuple[Spared, tuple[str, ...]]]:
    """What is spared in the same way, and towards which groups; what has no rate of its own first."""
    groups: dict[Spared, list[str]] = {}
    for one in sorted(found, key=lambda each: (each.a_second, each)):
        groups.setdefault(msgspec.structs.replace(one, group=""), []).append(one.group)
    for one, names in groups.items():
        yield one, tuple(names)


def chain_of(path: str) -> str:
    """The name that stands for a job's control group in chains and sets: it fits, whatever the path is."""
    return f"job_{named([path])}"


def marks_of(paths: Iterable[str]) -> dict[str, str]:
    """Control group → mark of the connections that it opens to its own host; it depends on the path alone."""
    found: dict[str, str] = {}
    for path in sorted(paths):
        mark = int.from_bytes(hashlib.sha256(path.encode()).digest()[:4], "big") | 1
        while f"{mark:#010x}" in found.values():
            mark += 2
        found[path] = f"{mark:#010x}"
    return found


class _Writer:
    def __init__(self, policy: Policy, inventory: Inventory, shadow: bool) -> None:
        self._policy, self._inventory, self._shadow = policy, inventory, shadow
        self._spans: dict[str, tuple[Span, ...]] = {}
        self._texts: dict[Span, str] = {}
        self._rendered: dict[tuple[str, ...], words.Elements] = {}

    @cached_property
    def _allowed(self) -> dict[str, dict[str, set[tuple[str, str]]]]:
        """Direction → group → (what, group of peers)."""
        found: dict[str, dict[str, set[tuple[str, str]]]] = {"in": {}, "out": {}}
        for allow in self._policy.on(PLANE):
            found["out"].setdefault(allow.source, set()).add((str(parse(allow.what)), allow.target))
            found["in"].setdefault(allow.target, set()).add((str(parse(allow.what)), allow.source))
        return found

    def _rules(self, direction: str, groups: Iterable[str]) -> Rules:
        """What members of these groups may do in one direction."""
        by_what: dict[str, set[str]] = {}
        for group in groups:
            for what, peers in self._allowed[direction].get(group, ()):
                by_what.setdefault(what, set()).add(peers)
        return tuple((what, tuple(sorted(by_what[what]))) for what in sorted(by_what))

    def _elements(self, groups: tuple[str, ...]) -> words.Elements:
        """The addresses of all members of some groups, rendered; no address stands twice in one set."""
        if groups not in self._rendered:
            spans = sorted({one for name in groups for one in self._of(name)})
            single = [(one[0], self._text(one)) for one in spans if one[1] == one[2]]
            wide = [(span(text)[0], text) for text in networks(one for one in spans if one[1] != one[2])]
            four, six = (
                [words.listed(text for version, text in kind if version == wanted) for kind in (single, wide)]
                for wanted in (4, 6)
            )
            self._rendered[groups] = (four[0], six[0], four[1], six[1])
        return self._rendered[groups]

    def _text(self, one: Span) -> str:
        if one not in self._texts:
            (self._texts[one],) = networks([one])
        return self._texts[one]

    def _of(self, name: str) -> tuple[Span, ...]:
        if name not in self._spans:
            ends = self._policy.groups[name].on(PLANE) if name in self._policy.groups else ()
            self._spans[name] = tuple(span(text) for end in ends for text in located(self._inventory.addresses, end))
        return self._spans[name]

    def text(self, parts: tuple[Part, ...]) -> str:
        """The artefact of all hosts that these parts describe."""
        marks = marks_of(part.path for part in parts if part.path)
        body = [words.denied(self._shadow), words.blocked()]
        body += [piece for part in parts for piece in self._sets(part)]
        if any(part.meters for part in parts):
            body += [words.block("chain", "acks", acks(self._beyond)), words.block("chain", "bare", bare())]
        body += [piece for part in parts for piece in self._spending(part)]
        for part in (part for part in parts if part.path):
            for _, side in _HOOKS:
                body.append(words.block("chain", part.name(side), self._job(part, side, marks)))
        body += [words.base(hook, self._base(parts, side)) for hook, side in _HOOKS]
        body.append(words.base("forward", ["goto denied_forward"]))
        return words.whole(MARK, body)

    def _base(self, parts: tuple[Part, ...], side: str) -> list[str]:
        """Who is blocked, what is metered, answers, jobs, the host's own, the rest."""
        rules = words.cut(side)
        if side == "out":
            rules += [jump for part in parts for jump in self._meters(part)]
        rules += words.ALWAYS
        rules += [f"{words.cgroup(part.path)} goto {part.name(side)}" for part in parts if part.path]
        rules.append(f"{words.LOOPBACK[side]} accept")
        rules += [rule for part in parts if not part.path for rule in self._accepts(part, side)]
        return [*rules, f"goto denied_{side}"]

    @property
    def _beyond(self) -> str:
        """What befalls a packet beyond a budget."""
        return 'counter name "denied_out"' + ("" if self._shadow else " drop")

    def _sets(self, part: Part) -> Iterator[str]:
        for _, side in _HOOKS:
            for what, peers in self._rules(side, part.groups):
                yield from words.sets(part.name(f"{side}_{words.name_of(what)}"), self._elements(peers))

    def _accepts(self, part: Part, side: str) -> Iterator[str]:
        for what, peers in self._rules(side, part.groups):
            name = part.name(f"{side}_{words.name_of(what)}")
            yield from words.passes(side, name, self._elements(peers), what)

    def _job(self, part: Part, side: str, marks: Mapping[str, str]) -> list[str]:
        """One direction of a job. On the loopback a job is known by the mark of the connections that it opened."""
        lo = words.LOOPBACK[side]
        own = [f"{lo} ct mark set {marks[part.path]} accept"]
        if side == "in":
            own = [
                words.joined(lo, f"ct mark {marks[path]}", words.words_of(parse(what)), "accept")
                for path, what in part.local
            ]
            others = [mark for path, mark in marks.items() if path != part.path]
            own.append(words.joined(lo, f"ct mark != {{ {', '.join(others)} }}" if others else "", "accept"))
            own.append(f"{lo} goto denied_in")
        return [*own, *self._accepts(part, side), f"goto denied_{side}"]

    def _spending(self, part: Part) -> Iterator[str]:
        """The quota, the sets and the chain of each of a part's meters."""
        for meter in part.meters:
            name = part.name(meter.name)
            yield words.block("quota", name, [f"over {meter.share} bytes used 0 bytes"])
            yield from words.sets(f"{name}_to", self._elements(meter.destinations))
            rules: list[str] = []
            for one, groups in _alike(meter.spared):
                peers, elements = f"{name}_{one.side}_{words.name_of(one.what)}", self._elements(groups)
                peers += "_slow" if one.a_second else ""
                yield from words.sets(peers, elements)
                rules += words.spares(peers, elements, one.side, one.what, spared(one))
            yield words.block("chain", name, [*rules, *metered(meter, name, self._beyond)])

    def _meters(self, part: Part) -> Iterator[str]:
        before = f"{words.cgroup(part.path)} " if part.path else ""
        for meter in part.meters:
            name = part.name(meter.name)
            yield from words.jumps(f"{name}_to", self._elements(meter.destinations), before, name)
