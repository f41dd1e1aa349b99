"""A host falls silent and nobody announced it, while what it works on goes on."""

from collections.abc import Iterator

import msgspec

from ringfence.estate import ids
from ringfence.watch.batch import Batch
from ringfence.watch.detector import JOINT, About, View
from ringfence.watch.detector import signal as made
from ringfence.watch.learned import MINUTE, SECOND
from ringfence.watch.rows import named, noticed_here, shown, who
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D60",
    name="agent_lost",
    title="An agent is silent",
    meaning="All of a host's telemetry stopped without announcement, and its jobs go on as if nothing were.",
    stage=JOINT,
    sees=(classes.TELEMETRY, classes.HOST_INTERVAL, classes.JOB, classes.HARDWARE),
    threats=("RF.T22",),
    attack=("T1562.001", "T1562.006"),
    false="A host that hangs, or whose network fails. Where its job failed or its controller told of a reset it is "
    "given half an hour.",
    severity=65,
    seconds=60,
)

SOON, LATER, LONG = 90 * SECOND, 5 * MINUTE, 30 * MINUTE
"""Silence worth telling: of a host whose job goes on, of an idle one, of one that went down at that moment."""
MISSED = 60 * SECOND
"""Others' intervals must have come from this much later: the host is missing, and not its news on the way."""
NEAR = 90 * SECOND
PATIENCE, FADE, MOST_PAUSE = 3, 0.98, 10 * MINUTE
"""A silence is longer than this many of the host's pauses, of which the longest is forgotten interval by interval."""
MOST = 50_000
MANY = 5
_SILENCE, _RESUME, _HOLE = 4, 5, 7
_END, _CANCEL = 3, 5
_DOWN = ("reset", "watchdog", "powerstate", "power off", "powered off", "shutdown", "panic")
"""Words with which a controller tells that its host went down."""


class Quiet(msgspec.Struct):
    """A silent host: since when, which of its sources, the number of one's last event is not known."""

    since: int
    sources: list[str]
    announced: bool = False
    told: int = 0


class State(msgspec.Struct):
    """When hosts were first and last heard, how long they pause, which are silent, until when that is announced.

    `failed` is when they last went down: a job failed there, or the controller said so.
    """

    first: dict[str, int] = {}
    heard: dict[str, int] = {}
    pauses: dict[str, int] = {}
    latest: int = 0
    quiet: dict[str, Quiet] = {}
    holes: dict[str, int] = {}
    failed: dict[str, int] = {}


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Silences begin and end here; they are judged as time passes."""
    hosts, times = batch.codes("device.hostname"), batch.times
    for row in batch.rows(classes.HOST_INTERVAL).tolist():
        host = hosts.of(row)
        if len(state.heard) < MOST or host in state.heard:
            _heard(state, host, int(times[row]))
    activity = batch.numbers("activity_id")
    for row in batch.rows(classes.TELEMETRY).tolist():
        _health(state, batch, row, int(activity[row]))
    rows = batch.rows(classes.JOB)
    for row in rows[(activity[rows] >= _END) & (activity[rows] <= _CANCEL)].tolist():
        job = view.roster.jobs.get(batch.text("job.uid", row))
        if batch.text("job.state", row) in ("FAILED", "NODE_FAIL", "REQUEUED", "BOOT_FAIL"):
            for host in job.hosts[:4096] if job else ():
                if len(state.failed) < MOST:
                    state.failed[host] = int(times[row])
    for row in batch.rows(classes.HARDWARE).tolist():
        said = f"{batch.text('hardware.message_id', row)} {batch.text('message', row)}".lower()
        if len(state.failed) < MOST and any(word in said for word in _DOWN):
            state.failed[hosts.of(row)] = int(times[row])
    yield from ()


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Silent hosts that have been so for long enough."""
    for host, one in list(state.quiet.items()):
        if state.heard.get(host, 0) > one.since + 45 * SECOND:
            del state.quiet[host]
        elif not one.told and not one.announced and now - one.since >= SOON and state.latest >= one.since + MISSED:
            yield from _judge(state, host, one, now, view)
    if len(state.failed) > MOST // 2:
        state.failed = {host: when for host, when in state.failed.items() if now - when < LONG}


def _heard(state: State, host: str, when: int) -> None:
    """A host spoke. Some servers have nothing to tell for minutes: the longest pause of late is usual."""
    before = state.heard.setdefault(host, state.first.setdefault(host, when))
    state.pauses[host] = max(min(when - before, MOST_PAUSE), int(FADE * state.pauses.get(host, 0)))
    state.heard[host] = max(when, before)
    state.latest = max(state.latest, when)


def _health(state: State, batch: Batch, row: int, activity: int) -> None:
    host, source, when = batch.text("device.hostname", row), batch.text("telemetry.of", row), int(batch.times[row])
    if activity == _HOLE and len(state.holes) < MOST:
        seconds = float(batch.numbers("telemetry.seconds")[row]) or 1800.0
        state.holes[host] = max(state.holes.get(host, 0), when + int(min(max(seconds, 0.0), 14_400.0)) * SECOND)
    elif not noticed_here(who(batch, row)):
        return  # somebody says of a source that it is silent: only whoever receives can know
    elif activity == _SILENCE and host:
        since = when - int(float(batch.numbers("telemetry.seconds")[row])) * SECOND
        announced = batch.text("telemetry.why", row) == "announced" or state.holes.get(host, 0) >= since
        known = state.quiet.get(host)
        if known is None and len(state.quiet) < MOST:
            state.quiet[host] = Quiet(since, [source], announced)
        elif known is not None and len(known.sources) < 16 and source not in known.sources:
            known.sources.append(source)
            known.since = max(known.since, since)
    elif activity == _RESUME and host in state.quiet:
        one = state.quiet[host]
        one.sources = [name for name in one.sources if name != source]
        if not one.sources:
            del state.quiet[host]


def _judge(state: State, host: str, one: Quiet, now: int, view: View) -> Iterator[Signal]:
    if state.heard.get(host, 0) > one.since + 45 * SECOND or len(one.sources) < 2:
        return
    if one.since - state.first.get(host, one.since) < LONG:  # how often a host speaks must be known first
        return
    failed = abs(state.failed.get(host, -LONG) - one.since) <= NEAR
    jobs = [job for job in view.roster.at(host, now) if job.started < one.since]
    wait = LONG if failed else SOON if jobs else LATER
    if now - one.since < max(wait, PATIENCE * state.pauses.get(host, 0)):
        return
    one.told = now
    mates = [peer for job in jobs for peer in job.hosts if peer != host]
    alive = [peer for peer in mates if state.heard.get(peer, 0) > one.since + 30 * SECOND]
    why = f"{shown(host)} is silent since {(now - one.since) / SECOND:,.0f} s and nobody announced it"
    why += f", while {shown(jobs[0].uid)} goes on" if jobs else ""
    why += f" on {len(alive)} hosts that speak" if alive else ""
    many = sum(1 for other in state.quiet.values() if not other.announced and abs(other.since - one.since) < LATER)
    why += f"; {many} hosts fell silent about then" if many > 1 else ""
    confidence = 0.8 if alive or many >= MANY else 0.75 if jobs else 0.7
    entities = (named("host", host), *(ids.clean(job.uid) for job in jobs[:2]))
    yield made(
        about,
        key=ids.clean(host),
        time=now,
        since=one.since,
        entities=entities,
        sources=tuple(one.sources[:4]),
        why=why,
        confidence=confidence,
        holds=(f"{named('host', host)}#root",),
    )
