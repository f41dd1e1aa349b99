"""One attack in the lab, from its first packet to the undoing of what was done about it, as a row of figures.

        snapshot ─▶ attack ─▶ sink, carrier, guard's log, queue ─▶ undo ─▶ snapshot: equal?

Time begins with the first malicious packet or read, as the attacker's own program wrote it down; all machines of the
lab have one clock.
"""

import contextlib
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from ringfence.app.lab.kinds import KINDS
from ringfence.app.lab.layout import ALICE, MODEL_BYTES, OPERATOR, Layout
from ringfence.app.lab.modes import Mode, watch_home
from ringfence.app.lab.settling import settle
from ringfence.app.lab.stage import Carried, Stage, snapshot, trained
from ringfence.app.watch import incidents
from ringfence.respond.verbs import VERBS
from ringfence.store import actions
from ringfence.store.actions import Action
from ringfence.store.state import Database

CUTTING = frozenset(one.name for one in VERBS.values() if one.rank == 0 and one.grade > 1)
"""Verbs of which one, read back, stops what they are about."""
AFTER, STUCK, TRICKLE = 1.0, 3.0, 1 << 16
"""A trial is over when nothing came for `AFTER` seconds after a block, or no more than a trickle within `STUCK`."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A row. `rate` in bytes a second (0: as fast as it goes); seconds are since `began`, None for what never came.

    `to_event`: until the event that the first signal rests on, by the agent's clock. `bytes` arrived at the sink, of
    `of`. `nodes` the attacker came to. `bystanders`: cuts on other hosts, jobs or accounts than the attacker's;
    `jobs_lost`: jobs of others that no longer run. `undo_equal` is None where nothing was done. `held` counts cuts that
    waited for a person.
    """

    number: int
    kind: str
    mode: Mode
    rate: float
    node: str
    began: float
    bytes: int = 0
    of: int = MODEL_BYTES
    nodes: tuple[str, ...] = ()
    to_event: float | None = None
    to_incident: float | None = None
    to_block: float | None = None
    last_byte: float | None = None
    cuts: tuple[tuple[str, str, str, str], ...] = ()
    held: int = 0
    bystanders: tuple[str, ...] = ()
    jobs_lost: tuple[str, ...] = ()
    undo_equal: bool | None = None
    differs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def void(self) -> bool:
        """Whether it was cut before anything of it was seen: by what the watch learned late of another."""
        return self.to_block is not None and self.to_event is None

    @property
    def share(self) -> float:
        """The part of the weights that is gone."""
        return self.bytes / self.of


def trial(layout: Layout, kind: str, mode: Mode, rate: float, number: int) -> Trial:
    """Play one attack in the mode that the lab is in; afterwards everything is as before. Raises `EnforceError`."""
    played = KINDS[kind]
    stage = Stage(layout, number)
    machines = [*layout.nodes, layout.machine("login"), layout.machine("store")]
    if mode.watched:
        settle(layout, watch_home(layout))
    before, others = snapshot(layout, machines), stage.others()
    since = time.time()
    try:
        with stage.sink():
            notes = played.play(stage, rate)
            _until_over(layout, stage, mode, since, played.longest(rate))
        rows = rows_since(layout, mode, since)
        lost = tuple(job for job in others if stage.state(job) != "RUNNING")
        row = _row(stage, kind, mode, rate, since, rows, notes)
    finally:
        stage.end()
    if mode.watched:
        settle(layout, watch_home(layout))
    after = snapshot(layout, machines)
    differs = tuple(name for name in before if before[name] != after[name])
    equal = None if not rows else not differs
    return msgspec.structs.replace(row, jobs_lost=lost, undo_equal=equal, differs=differs)


def _until_over(layout: Layout, stage: Stage, mode: Mode, since: float, longest: float) -> None:
    """Until all has arrived, or nothing did for a while after a block, or the attack's time is over."""
    end = time.monotonic() + longest
    while time.monotonic() < end:
        time.sleep(0.1)
        samples = stage.samples()
        if samples and samples[-1][1] >= MODEL_BYTES:
            return
        stands = [one.done_at for one in rows_since(layout, mode, since) if one.verb in CUTTING and one.done_at]
        if samples and _moved(samples, STUCK) < TRICKLE and time.time() - samples[0][0] > STUCK:
            return
        still = not samples or _moved(samples, AFTER) == 0
        if still and ((samples and stage.carried().ended) or (stands and time.time() - max(stands) > AFTER)):
            return


def _moved(samples: Sequence[tuple[float, int]], seconds: float) -> int:
    """Bytes that came within the last seconds."""
    since = time.time() - seconds
    return samples[-1][1] - max((count for when, count in samples if when <= since), default=0)


def _row(
    stage: Stage, kind: str, mode: Mode, rate: float, since: float, rows: Sequence[Action], notes: Sequence[str]
) -> Trial:
    carried, samples = stage.carried(), stage.samples()
    began = _began(carried, since)
    incident = next((one["at"] for one in answers(stage.layout, since) if one["at"] >= began), None)
    event = min((when for when in _events(stage.layout, mode) if when >= began), default=None)
    done = [one.done_at for one in rows if one.verb in CUTTING and one.done_at]
    mine = {stage.node().entity, *(f"host:{name}" for name in KINDS[kind].hosts(stage))}
    return Trial(
        number=stage.number,
        kind=kind,
        mode=mode,
        rate=rate,
        node=stage.node().name,
        began=began,
        bytes=samples[-1][1] if samples else 0,
        nodes=tuple(sorted(name.removeprefix("host:") for name in mine)),
        to_event=round(event - began, 4) if event else None,
        to_incident=round(incident - began, 4) if incident else None,
        to_block=round(min(done) - began, 4) if done else None,
        last_byte=round(samples[-1][0] - began, 4) if samples else None,
        cuts=tuple((one.verb, one.place, one.subject, one.state) for one in rows),
        held=sum(one.state == actions.HELD for one in rows),
        bystanders=_bystanders(rows, mine, stage),
        notes=tuple(notes),
    )


def _events(layout: Layout, mode: Mode) -> list[float]:
    """When what the watch's signals rest on happened, in seconds since the epoch."""
    if not mode.watched:
        return []
    return [signal.time / 1e6 for one in incidents.listed(watch_home(layout), every=True) for signal in one.signals]


def _began(carried: Carried, since: float) -> float:
    return carried.began or since


def _bystanders(rows: Sequence[Action], mine: set[str], stage: Stage) -> tuple[str, ...]:
    """What was cut of hosts, jobs and accounts outside the incident: the whole of the compromised job is inside."""
    own = {*stage.own_jobs(), ALICE.name, OPERATOR.name}
    mine = mine | {node.entity for node in trained(stage.layout)}
    found = []
    for one in rows:
        there = one.place in mine or not one.place.startswith("host:")
        about = VERBS[one.verb].field in ("jobs", "users") and one.subject not in own
        node = one.verb == "drain" and f"host:{one.subject}" not in mine
        if (about or node or not there) and one.state != actions.HELD:
            found.append(f"{one.verb} {one.subject} at {one.place}")
    return tuple(sorted(set(found)))


def answers(layout: Layout, since: float) -> list[dict[str, Any]]:
    """What the guard answered since then, as its log has it."""
    log = layout.home(layout.machine("ctl")) / "log" / "guard.log"
    lines = log.read_bytes().splitlines() if log.exists() else []
    found = [msgspec.json.decode(line) for line in lines if line.startswith(b'{"at"') and line.endswith(b"}")]
    return [one for one in found if one["at"] >= since]


def rows_since(layout: Layout, mode: Mode, since: float) -> list[Action]:
    """What the guard queued since then; nothing where none acts."""
    if mode.name != "all":
        return []
    with contextlib.closing(Database.open(layout.state / "state.sqlite")) as database:
        return [one for one in actions.listed(database) if one.planned_at >= since]
