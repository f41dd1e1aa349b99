"""Who did something, from one row of a batch, and the signal that says so; rows found by what a text says."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfence.estate import ids
from ringfence.watch.batch import Batch
from ringfence.watch.detector import About, View, signal
from ringfence.watch.learned import cut
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

LONGEST = 1200
"""Characters of a sentence that says why."""
_PROTOCOLS = ("tcp", "udp", "sctp")


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
        host=cut(batch.text("device.hostname", row)),
        job=cut(batch.text("job.uid", row)),
        user=cut(batch.text("process.user.name" if own else "actor.user.name", row)),
        process=cut(batch.text(f"{prefix}process.name", row)),
        time=int(batch.times[row]),
        source=batch.text("source", row),
        seq=int(batch.numbers("seq")[row]),
    )


def noticed_here(one: Who) -> bool:
    """Whether this end noticed it by itself. Only those that receive write such a source: no sender is called so."""
    return not one.source or one.source.startswith("ringfence/")


def sender(batch: Batch, row: int, one: Who) -> Who:
    """What a `TELEMETRY` row tells, as told by the source it is about, where this end noticed that.

    What somebody sent about another source stays that sender's own word: else a line at an open port, or one enrolled
    key, could speak as any other.
    """
    return msgspec.structs.replace(one, source=batch.text("telemetry.of", row)) if noticed_here(one) else one


def account(view: View, job: str, user: str) -> str:
    """The scheduler's account that a job is charged to, else the user's tenant, else the user."""
    running = view.roster.jobs.get(job)
    if running is not None and running.account:
        return running.account
    return view.site.tenant(f"identity:{user}").removeprefix("tenant:") if user else ""


def allowed(view: View, source: str, target: str, protocol: str, port: int) -> bool | None:
    """What the policy says of a flow as told; None where it names no protocol or port that can be judged."""
    if protocol not in _PROTOCOLS or not 0 < port < 65_536:
        return None
    return view.site.may(source, target, protocol, port)


def named(kind: str, name: str) -> str:
    """An entity id from a name in telemetry, hence from anybody; "" for none."""
    return f"{kind}:{ids.clean(name)}" if name else ""


def shown(text: str, longest: int = 120) -> str:
    """A text from telemetry as a signal may quote it."""
    return ids.clean(text)[:longest]


def entities(one: Who, *more: str) -> tuple[str, ...]:
    """The host first, then the job, the identity and what else there is."""
    job = ids.clean(one.job) if one.job.startswith(("job:", "pod:")) else named("job", one.job)
    those = (named("host", one.host), job, named("identity", one.user), *more)
    return tuple(dict.fromkeys(this for this in those if this))


def noticed(about: About, one: Who, key: str, why: str, *more: str, **said: Any) -> Signal:
    """The signal of a detector about what one did; `more` are further entities."""
    fixed: dict[str, Any] = {
        "key": ids.clean(key),
        "time": one.time,
        "entities": entities(one, *more),
        "sources": (one.source,) if one.source else (),
        "evidence": ((one.source, one.seq),),
        "why": "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in why[:LONGEST]),
    }
    return signal(about, **(fixed | said))


def foothold(one: Who) -> tuple[str, ...]:
    """What somebody holds who acts as this row does: an account on a host, and that account."""
    held = [f"{named('host', one.host)}#{'root' if one.user == 'root' else 'user'}"] if one.host else []
    if one.user and one.user != "root":
        held.append(f"{named('identity', one.user)}#use")
    return tuple(held)


def holds(text: str, words: Sequence[str]) -> bool:
    """Whether a text has one of some words in it."""
    return any(word in text for word in words)


def matching(batch: Batch, column: str, rows: np.ndarray, pattern: str, words: Sequence[str]) -> np.ndarray:
    """The rows whose text matches somewhere, each distinct text asked once; RE2, so linear in its length.

    `words` are literals of which a match holds at least one: texts without any are not asked.
    """
    codes = batch.codes(column)
    if not len(rows) or not codes.values:
        return rows[:0]
    texts_of = codes.values
    near = [at for at in np.unique(codes.codes[rows]).tolist() if at >= 0 and holds(texts_of[at], words)]
    if not near:
        return rows[:0]
    used = np.array(near)
    texts = pa.array([codes.values[at] for at in used.tolist()], pa.string())
    hits = used[pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)]
    found: np.ndarray = rows[np.isin(codes.codes[rows], hits)] if len(hits) else rows[:0]
    return found
