"""Who did something, from one row of a batch, and the signal that says so; rows found by what a text says."""

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfence.estate import ids
from ringfence.watch.batch import Batch
from ringfence.watch.detector import About, View, signal
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes


class Who(msgspec.Struct, frozen=True):
    """Where a row happened, whose it is, and the event that says so. What is not told is ""."""

    host: str
    job: str
    user: str
    process: str
    time: int
    source: str
    seq: int


def who(batch: Batch, row: int) -> Who:
    """Of one row. Of a started process the user and name are its own; of all else those of the actor."""
    own = int(batch.classes[row]) == classes.PROCESS
    prefix = "" if own else "actor."
    return Who(
        host=batch.text("device.hostname", row),
        job=batch.text("job.uid", row),
        user=batch.text("process.user.name" if own else "actor.user.name", row),
        process=batch.text(f"{prefix}process.name", row),
        time=int(batch.times[row]),
        source=batch.text("source", row),
        seq=int(batch.numbers("seq")[row]),
    )


def account(view: View, job: str, user: str) -> str:
    """The scheduler's account that a job is charged to, else the user's tenant, else the user."""
    running = view.roster.jobs.get(job)
    if running is not None and running.account:
        return running.account
    return view.site.tenant(f"identity:{user}").removeprefix("tenant:") if user else ""


def named(kind: str, name: str) -> str:
    """An entity id from a name in telemetry, hence from anybody; "" for none."""
    return f"{kind}:{ids.clean(name)}" if name else ""


def shown(text: str, longest: int = 120) -> str:
    """A text from telemetry as a signal may quote it."""
    return ids.clean(text)[:longest]


def entities(one: Who, *more: str) -> tuple[str, ...]:
    """The host first, then the job, the identity and what else there is."""
    those = (named("host", one.host), ids.clean(one.job), named("identity", one.user), *more)
    return tuple(dict.fromkeys(this for this in those if this))


def noticed(about: About, one: Who, key: str, why: str, *more: str, **said: Any) -> Signal:
    """The signal of a detector about what one did; `more` are further entities."""
    fixed: dict[str, Any] = {
        "key": ids.clean(key),
        "time": one.time,
        "entities": entities(one, *more),
        "sources": (one.source,) if one.source else (),
        "evidence": ((one.source, one.seq),),
        "why": why,
    }
    return signal(about, **(fixed | said))


def foothold(one: Who) -> tuple[str, ...]:
    """What somebody holds who acts as this row does: an account on a host, and that account."""
    held = [f"{named('host', one.host)}#{'root' if one.user == 'root' else 'user'}"] if one.host else []
    if one.user and one.user != "root":
        held.append(f"{named('identity', one.user)}#use")
    return tuple(held)


def matching(batch: Batch, column: str, rows: np.ndarray, pattern: str) -> np.ndarray:
    """The rows whose text matches somewhere, each distinct text asked once; RE2, so linear in its length."""
    codes = batch.codes(column)
    if not len(rows) or not codes.values:
        return rows[:0]
    used = np.unique(codes.codes[rows])
    used = used[used >= 0]
    texts = pa.array([codes.values[at] for at in used.tolist()], pa.string())
    hits = used[pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)]
    found: np.ndarray = rows[np.isin(codes.codes[rows], hits)] if len(hits) else rows[:0]
    return found
