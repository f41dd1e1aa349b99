"""What only one rank of a gang does: a program that no other starts, an address that no other speaks to.

HOST_INTERVAL programs ─┐
FLOW_INTERVAL targets ──┴─▶ job → thing → the one rank, when, how often ─▶ told when it comes back
                        └─▶ thing → jobs that know it; what several know is nobody's mark
"""

from collections.abc import Iterator

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.bounded import cut, put
from ringfence.watch.roster import Roster, Running
from ringfence.wire.ocsf import classes

MINUTE = 60_000_000
FEWEST = 4
OFTEN, LONG = 4, 25 * MINUTE
"""A thing is told when one rank alone did it in so many intervals over so long."""
COMMON = 3
"""Jobs, or hosts without one, that know a thing before it is common."""
_MOST_THINGS, _MOST_JOBS, _MOST_KNOWN = 256, 20_000, 100_000
PROGRAM, ADDRESS = "program", "address"


class Doing(msgspec.Struct):
    """One thing that one host of a job does (`host` is "" once a second one does it)."""

    host: str
    first: int
    last: int
    times: int = 1


class Alone(msgspec.Struct):
    """Job → thing → who does it; thing → who knows it, at most `COMMON`."""

    jobs: dict[str, dict[str, Doing]] = {}
    known: dict[str, list[str]] = {}


class Mark(msgspec.Struct, frozen=True):
    """Things that only this rank of a job does."""

    job: str
    host: str
    ranks: int
    at: int
    since: int
    times: int
    things: tuple[str, ...]


def take(state: Alone, batch: Batch, roster: Roster) -> Iterator[Mark]:
    """Learn who does what; the ranks that stand alone with something by now."""
    rows = batch.rows(classes.HOST_INTERVAL)
    hosts, jobs = batch.codes("device.hostname"), batch.codes("job.uid")
    job_of = np.full(len(hosts.values) + 1, -1)
    job_of[hosts.codes[rows]] = jobs.codes[rows]
    touched: dict[tuple[str, str], None] = {}
    for thing, row in _groups(batch, job_of):
        code = int(job_of[hosts.codes[row[0]]])
        uid = jobs.values[code] if code >= 0 else ""
        names = [hosts.of(one) for one in row[:2]]
        if _know(state, thing, uid or names[0]) or not uid:
            continue
        job = roster.jobs.get(uid)
        if job is None or len(job.hosts) < FEWEST:
            continue
        for name in names:
            if name in job.hosts and _do(state, uid, name, thing, int(batch.times[row[0]])):
                touched[uid, name] = None
    for uid, name in touched:
        if len(roster.at(name, int(batch.times.max()))) == 1:
            yield from _marked(state, roster.jobs[uid], name)


def tidy(state: Alone, roster: Roster) -> None:
    """Forget the jobs that are gone."""
    for uid in [uid for uid in state.jobs if uid not in roster.jobs or roster.jobs[uid].ended]:
        del state.jobs[uid]


def _groups(batch: Batch, job_of: np.ndarray) -> Iterator[tuple[str, list[int]]]:
    """Each thing with the rows of a job that do it, a row a host; a host without a job is a group of its own."""
    hosts, programs = batch.codes("device.hostname"), batch.codes("host.programs")
    rows = batch.rows(classes.HOST_INTERVAL)
    found: dict[tuple[str, int], list[int]] = {}
    for row in rows[programs.codes[rows] >= 0].tolist():
        host = int(hosts.codes[row])
        of = int(job_of[host])
        for name in programs.of(row).split(",")[:16]:
            found.setdefault((f"{PROGRAM} {cut(name)}", of if of >= 0 else -1 - host), []).append(row)
    yield from ((thing, same) for (thing, _), same in found.items())
    rows = batch.rows(classes.FLOW_INTERVAL)
    targets, ports = batch.codes("dst_endpoint.ip"), batch.numbers("dst_endpoint.port")
    host = hosts.codes[rows].astype(np.int64)
    of = np.where(job_of[host] >= 0, job_of[host], -1 - host)
    _, target = np.unique(
        (targets.codes[rows].astype(np.int64) + 1) << 16 | (ports[rows] & 0xFFFF), return_inverse=True
    )
    width = len(hosts.values) + 1
    group = target * (2 * width + len(job_of)) + of + width
    _, first = np.unique(group * width + host, return_index=True)
    first = first[np.argsort(group[first], kind="stable")]
    for same in np.split(first, np.flatnonzero(np.diff(group[first])) + 1) if len(first) else ():
        row = int(rows[same[0]])
        yield f"{ADDRESS} {cut(targets.of(row))}:{int(ports[row])}", rows[same[:2]].tolist()


def _know(state: Alone, thing: str, who: str) -> bool:
    """Whether it is common by now."""
    known = state.known.get(thing, [])
    if len(known) < COMMON and who not in known:
        known = [*known, who]
        put(state.known, thing, known, _MOST_KNOWN)
    return len(known) >= COMMON


def _do(state: Alone, uid: str, host: str, thing: str, at: int) -> bool:
    """Note it; whether the host is the only one and did it again."""
    things = state.jobs.get(uid)
    if things is None:
        things = {}
        put(state.jobs, uid, things, _MOST_JOBS)
    doing = things.get(thing)
    if doing is None:
        put(things, thing, Doing(host, at, at), _MOST_THINGS)
        return True
    if doing.host != host:
        doing.host = ""
    elif at > doing.last:
        doing.last, doing.times = at, doing.times + 1
    return doing.host == host


def _marked(state: Alone, job: Running, host: str) -> Iterator[Mark]:
    for kind in (PROGRAM, ADDRESS):
        mine = {
            thing: doing
            for thing, doing in state.jobs[job.uid].items()
            if doing.host == host and thing.startswith(kind) and len(state.known.get(thing, ())) < COMMON
        }
        times = sum(doing.times for doing in mine.values())
        if times < OFTEN:
            continue
        first, last = min(doing.first for doing in mine.values()), max(doing.last for doing in mine.values())
        if last - first >= LONG:
            ranks = len(set(job.hosts))
            yield Mark(job.uid, host, ranks, last, first, times, tuple(sorted(mine, key=lambda one: -mine[one].times)))
