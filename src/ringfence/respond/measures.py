"""What fits what was noticed: per detector, and per threat for all else, the verbs and what they are done to.

        Signal ─▶ MEASURES[detector] or BY_THREAT[threat] or OTHERWISE ─▶ Cuts at the host where it happened

These are the cuts that need no path in the estate: an address outside is blocked whether or not the map knows a way.
"""

from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address

import msgspec

from ringfence.respond.ground import Ground
from ringfence.respond.separate_options import ALL
from ringfence.respond.values import Cut
from ringfence.respond.verbs import VERBS, Grade
from ringfence.watch.loss import host_of
from ringfence.watch.values import Signal

FORGED = "RF.D62"
"""A source that tells what is not its own: what it names is not believed."""


class Measure(msgspec.Struct, frozen=True):
    """`verbs`, softest first. `out`: bytes leave there, so that it is done even where the estate knows no way."""

    verbs: tuple[str, ...]
    out: bool = False


_WHO = ("block-job", "block-user")
_OUT = Measure(("watch-closer", "throttle", "block", *_WHO, "isolate"), out=True)
_PEER = Measure(("watch-closer", "throttle", "block", *_WHO, "isolate"))
_LOCAL = Measure(("block-job", "block-user", "isolate", "cancel"))
_ROOT = Measure(("isolate", "quarantine", "drain"))
_FABRIC = Measure(("quarantine",))
_MINE = Measure(("watch-closer", "throttle", "block", "block-job", "limit-user", "cancel"))
_LOGIN = Measure(("block-user", "end-sessions", "limit-user"))
_DATA = Measure(("block-job", "block-user", "end-sessions", "limit-user", "cancel"))
_QUEUE = Measure(("limit-user", "cancel"))
_HARDWARE = Measure(("isolate", "drain"))
_LOOK = Measure(("watch-closer",))

MEASURES: dict[str, Measure] = {
    "RF.D01": _PEER,
    "RF.D02": Measure(("block-job", "block-user", "quarantine")),
    "RF.D03": _PEER,
    "RF.D04": _OUT,
    "RF.D05": _OUT,
    "RF.D06": _OUT,
    "RF.D07": _PEER,
    "RF.D08": _OUT,
    "RF.D09": Measure(("block", *_WHO)),
    "RF.D10": _DATA,
    "RF.D11": _DATA,
    "RF.D12": _OUT,
    "RF.D13": _DATA,
    "RF.D14": _DATA,
    "RF.D15": Measure((*_WHO, "end-sessions")),
    "RF.D20": _LOOK,
    "RF.D21": _LOOK,
    "RF.D22": _MINE,
    "RF.D23": _LOCAL,
    "RF.D24": _HARDWARE,
    "RF.D25": _HARDWARE,
    "RF.D26": Measure((*_WHO, "limit-user", "cancel")),
    "RF.D30": _LOGIN,
    "RF.D31": Measure((*_LOGIN.verbs, "isolate")),
    "RF.D32": _LOGIN,
    "RF.D40": _QUEUE,
    "RF.D41": _QUEUE,
    "RF.D42": _QUEUE,
    "RF.D43": _OUT,
    "RF.D44": Measure((*_WHO, "isolate"), out=True),
    "RF.D45": _LOOK,
    "RF.D50": _HARDWARE,
    "RF.D51": _HARDWARE,
    "RF.D52": _HARDWARE,
    "RF.D53": _HARDWARE,
    "RF.D54": _FABRIC,
    "RF.D55": _FABRIC,
    "RF.D56": Measure(("quarantine", "hard-cut")),
    "RF.D60": Measure(("isolate", "quarantine", "drain")),
    "RF.D61": _ROOT,
    "RF.D62": _ROOT,
    "RF.D63": _LOOK,
    "RF.D70": _ROOT,
    "RF.D71": Measure((*_WHO, "isolate", "quarantine", "drain")),
    "RF.D72": _PEER,
}
"""By the detector's id: every detector has one."""

BY_THREAT: dict[str, Measure] = {
    "RF.T02": _OUT,
    "RF.T03": _OUT,
    "RF.T04": _OUT,
    "RF.T16": _OUT,
    "RF.T01": _DATA,
    "RF.T05": _DATA,
    "RF.T15": _MINE,
    "RF.T18": _LOGIN,
    "RF.T19": _PEER,
    "RF.T20": _FABRIC,
    "RF.T21": _FABRIC,
    "RF.T22": _ROOT,
    "RF.T23": _LOCAL,
}
"""What rules are met with, which name threats or nothing; the first of a signal's threats that stands here."""
OTHERWISE = Measure((*_WHO, "isolate"))

_SOFT = ("watch-closer", "throttle")
_BROAD = ("isolate", "quarantine")
_MOST = 8


def measure(signal: Signal) -> Measure:
    """What fits this signal."""
    if signal.name in MEASURES:
        return MEASURES[signal.name]
    return next((BY_THREAT[one] for one in signal.threats if one in BY_THREAT), OTHERWISE)


class Whom(msgspec.Struct, frozen=True):
    """Whom a signal is about, as far as it may be believed: entity ids and addresses, sorted."""

    hosts: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()


def sources(signal: Signal) -> tuple[str, ...]:
    """The hosts whose own keys signed what it rests on."""
    return tuple(sorted({f"host:{name}" for one in signal.sources if (name := host_of(one))}))


def whom(signal: Signal, ground: Ground) -> Whom:
    """The host on which it happened, first of its hosts; its jobs, accounts and ports; the peers that it talks to.

    A forged source is believed about nobody but itself: what its signal names is left alone.
    """
    if signal.name == FORGED:
        return Whom(hosts=sources(signal))
    named = [one for one in signal.entities if one.startswith("host:")]
    owned = [ground.host_of(one) for one in signal.entities if not one.startswith("host:")]
    # A fabric manager tells of ports on other hosts: the port's own host counts, not the teller's.
    ports = tuple(sorted(one for one in signal.entities if one.startswith("ibport:")))
    at = [ground.host_of(one) for one in ports if ground.host_of(one)] if ports else []
    hosts = at or named[:1] or [one for one in owned if one][:1]
    return Whom(
        hosts=tuple(sorted(set(hosts))),
        jobs=tuple(sorted(one for one in signal.entities if one.startswith("job:"))),
        users=tuple(sorted(one for one in signal.entities if _is_person(one))),
        ports=ports,
        peers=peers(signal, ground, named[1:]),
    )


def _is_person(entity: str) -> bool:
    """Whether an account may be cut: root is the host itself."""
    return entity.startswith("identity:") and entity not in ("identity:root", "identity:*")


def peers(signal: Signal, ground: Ground, named: list[str]) -> tuple[str, ...]:
    """The addresses at the other end, as far as they are any; of hosts that are named besides, theirs.

    What only stands in a sentence is no address to us: a sentence may quote what an attacker wrote.
    """
    found = {address for host in named for address in ground.addresses.get(host, ())}
    for text in signal.peers[:_MOST]:
        with suppress(ValueError):
            one = ip_address(text)
            if not (one.is_loopback or one.is_multicast or one.is_unspecified or one.is_link_local):
                found.add(str(one))
    return tuple(sorted(found)[:_MOST])


def cuts(signal: Signal, ground: Ground, up_to: Grade) -> Iterator[Cut]:
    """The cuts that fit a signal, up to a grade. Watching and slowing are left out where something harder is done.

    On a host that others share a job or account is cut rather than the host, where the signal names one.
    """
    about, fit = whom(signal, ground), measure(signal)
    verbs = [verb for verb in fit.verbs if VERBS[verb].grade <= up_to]
    harder = [verb for verb in verbs if verb not in _SOFT]
    found = [cut for verb in harder for cut in _of(verb, about, ground)]
    narrow = any(cut.verb in ("block-job", "block-user") for cut in found) and _shared(about, ground)
    if found:
        yield from (cut for cut in found if not (narrow and cut.verb in _BROAD))
    else:
        yield from (cut for verb in verbs[-1:] for cut in _of(verb, about, ground))


def _shared(about: Whom, ground: Ground) -> bool:
    """Whether somebody else works on these hosts, and the attacker is not more than an account there."""
    if not about.jobs and not about.users:
        return False
    theirs = set(about.jobs) | {job for job, user in ground.user_of_job.items() if user in about.users}
    return any(ground.jobs_on.get(host, frozenset()) - theirs for host in about.hosts)


def _of(verb: str, about: Whom, ground: Ground) -> Iterator[Cut]:
    """The cuts of one verb; none where the signal does not name what it needs."""
    if verb in ("block", "throttle", "watch-closer"):
        yield from (Cut(verb, host, peer) for host in about.hosts for peer in about.peers)
    elif verb == "block-job":
        yield from (Cut(verb, host, job.rpartition("/")[2]) for host in about.hosts for job in about.jobs)
    elif verb in ("block-user", "end-sessions"):
        yield from (Cut(verb, host, _name(user)) for host in about.hosts for user in about.users)
    elif verb == "isolate":
        yield from (Cut(verb, host, ALL) for host in about.hosts)
    elif verb in ("quarantine", "hard-cut"):
        yield from (Cut(verb, place, guid) for guid, place in _ports(about, ground))
    elif verb == "limit-user":
        yield from (Cut(verb, one, _name(user)) for user in about.users for one in ground.clusters.get(user, ()))
    elif verb == "cancel":
        yield from (Cut(verb, one, job.rpartition("/")[2]) for job in about.jobs for one in _cluster(job))
    elif verb == "drain":
        yield from (Cut(verb, one, host[5:]) for host in about.hosts for one in ground.clusters.get(host, ()))


def _ports(about: Whom, ground: Ground) -> Iterator[tuple[str, str]]:
    """The ports named, else those of the host."""
    for host in about.hosts:
        for guid, place in ground.ports.get(host, ()):
            if not about.ports or f"ibport:{guid}" in about.ports:
                yield guid, place


def _cluster(job: str) -> Iterator[str]:
    """`cluster:lab` of `job:slurm/lab/4711`."""
    parts = job.removeprefix("job:").split("/")
    if len(parts) == 3 and parts[0] == "slurm":
        yield f"cluster:{parts[1]}"


def _name(identity: str) -> str:
    return identity.removeprefix("identity:")
