"""A job that has just begun fetches from a place that nobody uses, and runs what it got."""

from collections.abc import Iterator

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.detector import NODE, About, View
from ringfence.watch.learned import DAY, MINUTE, Learning, Seen, Spread, clock
from ringfence.watch.rows import Who, account, foothold, matching, noticed, shown, who
from ringfence.watch.talk import Talk, talk
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D72",
    name="poisoned_start",
    title="A start that fetches and runs",
    meaning="In its first minutes a job pipes a download into a shell, installs from an odd index, or fetches from an "
    "address outside that no other account uses.",
    stage=NODE,
    sees=(classes.PROCESS, classes.NETWORK),
    threats=("RF.T08", "RF.T07"),
    atlas=("AML.T0010",),
    attack=("T1195.002", "T1059", "T1105"),
    false="A person who tries a new tool by its installer; the first job that uses a new mirror.",
    severity=60,
)

FIRST = 20 * MINUTE
"""How long a job is beginning."""
COMMAND = (
    r"\b(curl|wget|fetch|aria2c)\b[^|;]*\|\s*(sudo\s+)?(/bin/|/usr/bin/)?(ba|da|z|)sh\b|"
    r"\b(ba|da|z|)sh\s+(-c\s+)?[\"']?[<$]\(\s*(curl|wget)|\b(curl|wget)\b.*\|\s*python|"
    r"\bpip[0-9.]*\s+install\b.*(--index-url|--extra-index-url|-i)[ =]\s*http:|--trusted-host|"
    r"\bpip[0-9.]*\s+install\b.*(https?|git\+https?)://\d+\.\d+|base64\s+(-d|--decode)\b.*\|\s*(ba|)sh|"
    r"\bchmod\b.*(\+x|7[57][57])\s+/(tmp|var/tmp|dev/shm)/|(^|\s)/(tmp|var/tmp|dev/shm)/[\w./-]+(\s|$)|"
    r"\b(curl|wget)\b.*(-o|-O|--output)\s*/(tmp|var/tmp|dev/shm)/"
)
"""As what was fetched is run, in one expression of linear time; and words of which each has one."""
WORDS = ("curl", "wget", "fetch", "aria2c", "pip", "base64", "chmod", "tmp/", "shm/")
FETCHERS = frozenset(
    ("curl", "wget", "fetch", "aria2c", "python", "python3", "pip", "perl", "busybox", "bash", "sh", "git")
)
_TOOLS = ("curl", "wget", "fetch", "aria2c", "perl", "busybox", "bash", "sh")
"""Those with which a data job does not fetch its data."""
USED = 2
"""Accounts that use an address before it is one that the cluster uses."""
LEAST = 2_000


class State(msgspec.Struct):
    """Which accounts fetch from where; which commands accounts start with; hosts where a job fetched and ran."""

    learning: Learning = msgspec.field(default_factory=Learning)
    places: Spread = msgspec.field(default_factory=lambda: Spread(owners=USED))
    habits: Spread = msgspec.field(default_factory=lambda: Spread(owners=3))
    first: Seen = msgspec.field(default_factory=Seen)


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Commands of young jobs, and their flows to outside."""
    learned = state.learning.done(clock(batch))
    for row in matching(batch, "process.cmd_line", batch.rows(classes.PROCESS), COMMAND, WORDS).tolist():
        one = who(batch, row)
        age = _age(one, view)
        command = shown(batch.text("process.cmd_line", row))
        known = state.habits.add(f"{one.user}|{command}", one.job, one.time) >= 3
        if 0 <= age <= FIRST and not (known and learned):
            why = f"{age // 1_000_000} s after it began, {one.job} ran {command}"
            yield noticed(about, one, f"{one.host}|{one.job}", why, confidence=0.7, holds=foothold(one))
    flows = talk(batch, view.site, classes.NETWORK)
    wanted = flows.outside & (flows.codes(2) >= 0) & (flows.back >= LEAST)
    for at in np.flatnonzero(wanted).tolist():
        yield from _fetched(state, flows, at, batch, view, learned)


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()


def _fetched(state: State, flows: Talk, at: int, batch: Batch, view: View, learned: bool) -> Iterator[Signal]:
    one, target = who(batch, int(flows.first[at])), flows.target(at)
    mine = account(view, one.job, one.user) or one.user
    net = target.rpartition(".")[0] if target.count(".") == 3 else target
    state.places.add(net, mine, one.time)
    state.first.add(net, state.first.at.get(net, one.time))
    age = _age(one, view)
    if not learned or not 0 <= age <= FIRST or state.places.count(net) >= USED or one.process not in FETCHERS:
        return
    job = view.roster.jobs.get(one.job)
    if one.time - state.first.at[net] > DAY or (job and job.kind == "data" and one.process not in _TOOLS):
        return
    why = (
        f"{age // 1_000_000} s after it began, {one.process} of {one.job} fetched {flows.back[at] / 1e6:,.1f} MB from "
    )
    why += f"{shown(target)}, which nobody used"
    yield noticed(about, one, f"{one.host}|{one.job}|{target}", why, confidence=0.55, holds=foothold(one))


def _age(one: Who, view: View) -> int:
    """Microseconds since the job began; -1 where it is not known."""
    job = view.roster.jobs.get(one.job)
    return one.time - job.started if job is not None and one.time >= job.started else -1
