"""What automation may do without a person: the user's limits, as written in `guard.toml`.

up_to = "isolate"            # hardest grade: watch, throttle, block, isolate, expel, hard
hosts_a_minute = 8
protected = ["host:login*", "identity:root", "tenant:board"]
never = ["host:sm*"]
hours = ["Mon-Fri 08:00-18:00 Europe/Zurich"]
keep = ["10.0.0.5"]

Every setting stands in `SETTINGS`, with what it means.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from ipaddress import IPv6Network, ip_network
from typing import Annotated, Literal

import msgspec

from ringfence.estate.kinds import KINDS
from ringfence.respond.hours import ALWAYS, Window, parse
from ringfence.respond.verbs import Grade

GRADES: dict[str, Grade] = {one.name.lower(): one for one in Grade}
"""Names of grades, as settings write them."""
MOST_GLOBS = 1000
WIDEST = {4: 8, 6: 16}
"""Version of IP → the shortest prefix that `keep` takes: what stays reachable is not blocked."""

Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
Glob = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
Globs = Annotated[tuple[Glob, ...], msgspec.Meta(max_length=MOST_GLOBS)]

SETTINGS: dict[str, str] = {
    "up_to": "The hardest grade that is done without a person: watch, throttle, block, isolate, expel or hard.",
    "hosts_a_minute": "Hosts on which new cuts may be felt within one minute.",
    "jobs_a_minute": "Jobs that new cuts may disturb within one minute.",
    "hosts_at_once": "Hosts on which cuts may stand at a time, all incidents together.",
    "incidents_a_minute": "Incidents for which anything new may be done within one minute.",
    "second_person_above": "A plan that is felt on more hosts, or disturbs more jobs, needs two different people.",
    "protected": "Globs of entities (`host:login*`, `tenant:board`, `job:*`) that are not cut without a person.",
    "never": "Globs of entities that are not cut at all, not even with a person's approval.",
    "hours": '"always", or windows of local time; outside them only what expires by itself is done.',
    "on_full_journal": '"hold", or "act": a self-expiring block on the sender\'s own host is done unrecorded.',
    "open_doors": '"hold", or "act": whether anything is done while the watch hears ports where nobody proves himself.',
    "relayed": '"hold", or "act": whether one host behind a relay is believed about itself.',
    "lasts": "Seconds until a self-expiring block lapses if nobody renews it.",
    "grace": "Seconds for which a host that a person released is left alone by automation.",
    "severity": "An incident, and each signal that a cut rests on, has at least this severity (0 to 100).",
    "confidence": "An incident, and each signal that a cut rests on, has at least this confidence (0 to 1).",
    "estate_older_than": "Seconds after which an estate is out of date: then only the sender's own host or job is cut.",
    "shadow": "Only list what would be cut, unless `--apply` is given.",
    "keep": "Addresses or prefixes (/8, IPv6 /16 or longer) that stay reachable for hosts that are cut off.",
}
"""Every setting of `guard.toml` with its meaning."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits; see `SETTINGS`. What cannot be read as a window or an address is a `ValueError` when it is made."""

    up_to: Literal["watch", "throttle", "block", "isolate", "expel", "hard"] = "isolate"
    hosts_a_minute: Count = 8
    jobs_a_minute: Count = 16
    hosts_at_once: Count = 32
    incidents_a_minute: Count = 8
    second_person_above: Count = 16
    protected: Globs = ()
    never: Globs = ()
    hours: Literal["always"] | Annotated[tuple[Glob, ...], msgspec.Meta(min_length=1, max_length=100)] = "always"
    on_full_journal: Literal["hold", "act"] = "hold"
    open_doors: Literal["hold", "act"] = "hold"
    relayed: Literal["hold", "act"] = "hold"
    lasts: Annotated[int, msgspec.Meta(ge=10, le=86_400)] = 300
    grace: Annotated[float, msgspec.Meta(ge=0, le=30 * 86_400)] = 3600.0
    severity: Annotated[int, msgspec.Meta(ge=0, le=100)] = 50
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    estate_older_than: Annotated[float, msgspec.Meta(gt=0, le=365 * 86_400)] = 86_400.0
    shadow: bool = True
    keep: Annotated[tuple[Glob, ...], msgspec.Meta(max_length=MOST_GLOBS)] = ()

    def __post_init__(self) -> None:
        for text in self.keep:
            _check_kept(text)
        for glob in (*self.protected, *self.never):
            _check_glob(glob)
        _ = self.windows

    @property
    def grade(self) -> Grade:
        """`up_to` as a grade."""
        return GRADES[self.up_to]

    @property
    def windows(self) -> tuple[Window, ...]:
        """`hours` as windows. Raises `ValueError`."""
        return ALWAYS if self.hours == "always" else tuple(map(parse, self.hours))


def _check_kept(text: str) -> None:
    net = ip_network(text, strict=False)
    version, length = net.version, net.prefixlen
    if isinstance(net, IPv6Network) and net.network_address.ipv4_mapped is not None and length >= 96:
        version, length = 4, length - 96
    if length < WIDEST[version]:
        why = "no block or isolation reaches what is kept"
        raise ValueError(f"keep: {text} is wider than a /{WIDEST[version]}, and {why}: name the servers")


def _check_glob(glob: str) -> None:
    kind, colon, rest = glob.partition(":")
    if not colon:
        raise ValueError(f"{glob!r} names no kind of entity: write host:{glob}")
    if not any(fnmatchcase(one, kind) for one in KINDS):
        near = get_close_matches(kind, KINDS, 1, 0.0)[0]
        raise ValueError(f"{glob!r} protects nothing: there is no kind {kind!r}; did you mean {near}:{rest}")


def matching(globs: Iterable[str], entities: Iterable[str]) -> tuple[str, str]:
    """The first (glob, entity) that match, case and all; ("", "") for none."""
    wanted = tuple(globs)
    found = ((glob, entity) for entity in entities for glob in wanted if fnmatchcase(entity, glob))
    return next(found, ("", ""))
