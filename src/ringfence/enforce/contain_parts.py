"""From a containment document to what lies in the sets of the host's table, by value.

        blocked 10.0.0.5, 10.1.0.0/16 ─▶ Part(peers4, 10.0.0.5), Part(wide4, 10.1.0.0…10.1.255.255) ─▶ Placed

An interval set takes no overlaps (nft(8), "auto-merge"), so spans are cut until each point lies in one, with the
latest end that any of them gives it.
"""

import heapq
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network
from itertools import pairwise
from operator import itemgetter

import msgspec

from ringfence.errors import EnforceError
from ringfence.wire.contain import OnHost, Until

Span = tuple[int, int]
"""First and last address, as numbers."""

Key = Span | int | str
"""What a set holds: spans in the wide and kept ones, addresses and uids by number, else words."""

FOREVER = 1 << 62
"""As an end: later than any second."""

MOST = 10_000
"""Entries of one document."""

SINGLE = {"counted": "seen", "throttled": "slow", "blocked": "peers"}
"""Field → the sets of its single addresses, less the version of IP."""

JOB_LEVELS = (2, 3)
"""How deep a job's control group lies: `ringfence.slice/job_4711`, `system.slice/slurmstepd.scope/job_4711`."""

_JOB = re.compile(r"[0-9]{1,12}\Z")
_LAST_UID = 0xFFFF_FFFE


class Part(msgspec.Struct, frozen=True):
    """One element that an entry of a document needs. `note`: what the element alone does not tell (a job's number)."""

    set: str
    key: Key
    until: int
    note: str = ""


class Entry(msgspec.Struct, frozen=True):
    """One line of a document; no parts where it cannot be carried out here."""

    field: str
    what: str
    until: int
    parts: tuple[Part, ...]


Lies = tuple[tuple[str, str], ...]
"""Control groups as (set, path below the mount)."""

Placed = dict[str, dict[Key, tuple[int, str]]]
"""Set → key → (until, note): what is to lie in the table."""


def end(until: int) -> int:
    """As a number that compares: 0 is the latest."""
    return until or FOREVER


def entries(document: OnHost, uids: Mapping[str, int], groups: Mapping[str, Lies]) -> list[Entry]:
    """All of a document but `keep`. `uids`: accounts by name; `groups`: where the control groups of each job lie."""
    found = [
        Entry(field, one.what, one.until, tuple(_addresses(field, one)))
        for field in ("counted", "throttled", "blocked")
        for one in getattr(document, field)
    ]
    for one in document.users:
        uid = uid_of(one.what, uids)
        found.append(Entry("users", one.what, one.until, () if uid is None else (Part("users", uid, one.until),)))
    for one in document.jobs:
        parts = tuple(Part(name, key, one.until, one.what) for name, key in groups.get(one.what, ()))
        found.append(Entry("jobs", one.what, one.until, parts))
    for one in document.isolated:
        parts = tuple(Part("isolated", version, one.until) for version in ("ipv4", "ipv6"))
        found.append(Entry("isolated", one.what, one.until, parts))
    return found


def kept(document: OnHost) -> dict[str, tuple[Part, ...]]:
    """What stays reachable, by its words. Raises `EnforceError`: with one unread, a host might be cut from its server.

    Isolating with nothing kept is refused for the same reason.
    """
    if document.isolated and not document.keep:
        raise EnforceError("isolating a host with nothing to keep would cut it from its own server", NOTHING)
    found: dict[str, tuple[Part, ...]] = {}
    for what in document.keep:
        span = span_of(what)
        if span is None:
            raise EnforceError(f"what is to be kept is no address: {what!r}"[:200], NOTHING)
        found[what] = (Part(f"keep{span[0]}", span[1:], 0),)
    return found


NOTHING = "nothing was changed"


def placed(parts: Iterable[Part]) -> Placed:
    """Every set's elements; of what several parts need, the latest end counts."""
    found: Placed = {}
    spans: dict[str, list[tuple[int, int, int]]] = {}
    for part in parts:
        if isinstance(part.key, tuple):
            spans.setdefault(part.set, []).append((*part.key, end(part.until)))
            continue
        inside = found.setdefault(part.set, {})
        was = inside.get(part.key)
        if was is None or end(was[0]) < end(part.until):
            inside[part.key] = (part.until, part.note)
    for name, wide in spans.items():
        whole = (1 << (32 if name.endswith("4") else 128)) - 1
        found[name] = {
            span: (last % FOREVER, "") for low, high, last in layered(wide) for span in _halved(low, high, whole)
        }
    return found


def _halved(low: int, high: int, last: int) -> tuple[Span, ...]:
    """An interval set does not take the whole address space as one element."""
    return ((low, last // 2), (last // 2 + 1, last)) if (low, high) == (0, last) else ((low, high),)


def layered(spans: Iterable[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    """(first, last, end) that overlap nowhere: each point has the latest end of the spans that it lies in."""
    waiting = sorted(spans)
    cuts = sorted({low for low, _, _ in waiting} | {high + 1 for _, high, _ in waiting})
    over: list[tuple[int, int]] = []
    at, held = 0, (0, -1, 0)
    for low, after in pairwise(cuts):
        while at < len(waiting) and waiting[at][0] <= low:
            heapq.heappush(over, (-waiting[at][2], waiting[at][1]))
            at += 1
        while over and over[0][1] < low:
            heapq.heappop(over)
        if not over:
            continue
        last = -over[0][0]
        if held[1] + 1 == low and held[2] == last and held[1] >= held[0]:
            held = (held[0], after - 1, last)
            continue
        if held[1] >= held[0]:
            yield held
        held = (low, after - 1, last)
    if held[1] >= held[0]:
        yield held


def covered(span: Span, spans: Sequence[tuple[int, int, int]]) -> int | None:
    """The earliest end with which sorted spans that do not overlap cover one; None where they do not."""
    low, found = span[0], FOREVER
    for at in range(max(bisect_right(spans, low, key=itemgetter(0)) - 1, 0), len(spans)):
        first, last, ends = spans[at]
        if not first <= low <= last:
            return None
        low, found = last + 1, min(found, ends)
        if low > span[1]:
            return found
    return None


def span_of(what: str) -> tuple[int, int, int] | None:
    """(4 or 6, first, last) of an address or a prefix; None of anything else. IPv4 inside IPv6 is IPv4."""
    try:
        net = ip_network(what, strict=False) if "%" not in what else None
    except ValueError:
        return None
    if net is None:
        return None
    mapped = getattr(ip_address(net.network_address), "ipv4_mapped", None)
    if mapped is not None and net.prefixlen >= 96:
        net = ip_network((int(mapped), net.prefixlen - 96))
    return net.version, int(net.network_address), int(net.broadcast_address)


def uid_of(what: str, uids: Mapping[str, int]) -> int | None:
    """The number of an account that is a number, or is known; None else."""
    if what.isascii() and what.isdigit():
        return int(what) if int(what) <= _LAST_UID else None
    return uids.get(what)


def is_job(what: str) -> bool:
    """Whether it is the number of a job."""
    return _JOB.match(what) is not None


def _addresses(field: str, one: Until) -> Iterator[Part]:
    span = span_of(one.what)
    if span is None:
        return
    version, low, high = span
    if low == high:
        yield Part(f"{SINGLE[field]}{version}", low, one.until)
    elif field == "blocked":
        yield Part(f"wide{version}", (low, high), one.until)
