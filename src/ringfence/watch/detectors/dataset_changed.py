"""A dataset changes between ingest and training by somebody who does not make it, or when it is never made."""

from collections.abc import Iterator

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.detector import JOINT, About, View
from ringfence.watch.learned import HOUR, Among, Learning, Spread, clock
from ringfence.watch.logins import is_service
from ringfence.watch.rows import Who, foothold, noticed, shown, who
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D14",
    name="dataset_changed",
    title="A dataset was changed",
    meaning="Files of a dataset are written, replaced or deleted by an account or program that does not "
    "make datasets of this pipeline, or at an hour at which it never does.",
    stage=JOINT,
    sees=(classes.FILE,),
    threats=("RF.T01",),
    atlas=("AML.T0020",),
    attack=("T1565.001",),
    false="A repair of data by hand; a pipeline that runs at another hour for once.",
    severity=65,
)

_WRITES = (1, 3, 4, 5)
LOUD = 50


class State(msgspec.Struct):
    """(account, program, line of data) that wrote while habits were learned, at which hours, and files since."""

    learning: Learning = msgspec.field(default_factory=Learning)
    makers: Spread = msgspec.field(default_factory=lambda: Spread(owners=24))
    files: Among = msgspec.field(default_factory=lambda: Among(span=HOUR))


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Writes to datasets."""
    rows, data = batch.rows(classes.FILE), batch.codes("file.data")
    if not len(rows) or not data.values:
        return
    wanted = np.array([one.startswith("dataset:") for one in data.values] + [False])
    rows = rows[wanted[data.codes[rows]] & np.isin(batch.numbers("activity_id")[rows], _WRITES)]
    learned = state.learning.done(clock(batch))
    for row in rows.tolist():
        one, entity = who(batch, row), data.of(row)
        hour = one.time // HOUR % 24
        maker = f"{_role(one, data.of(row), view)}|{one.process}"
        if not learned:
            state.makers.add(maker, str(hour), one.time)
            continue
        known = state.makers.count(maker)
        if not known and maker.startswith("service|"):
            state.makers.add(maker, str(hour), one.time)
            continue
        usual = any(state.makers.has(maker, str((hour + off) % 24)) for off in (-1, 0, 1))
        works = view.roster.jobs.get(one.job)
        if usual or (known and works is not None and works.kind == "data"):
            state.makers.add(maker, str(hour), one.time)
            continue
        yield _signal(state, one, entity, batch.text("file.path", row), bool(known))


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Time is part of what is learned."""
    state.learning.passed(now)
    yield from ()


def _role(one: Who, entity: str, view: View) -> str:
    """The account, or `service` for the service account of the dataset's own tenant: those work alike."""
    known = view.site.data().get(entity)
    theirs = view.site.tenant(f"identity:{one.user}")
    same = known is None or not known.tenant or not theirs or known.tenant == theirs
    return "service" if is_service(one.user) and same else one.user


def _signal(state: State, one: Who, entity: str, path: str, known: bool) -> Signal:
    many = state.files.add(f"{one.user}|{entity}", path, one.time)
    but = "at an hour at which it never does" if known else "which does not make data here"
    why = f"{one.process or 'a process'} of {one.user or 'nobody known'}, {but}, changed {shown(path)} of {entity}"
    why += f", and {many - 1} files more within the hour" if many > 1 else ""
    confidence = (0.5 if known else 0.65) + (0.15 if many >= LOUD else 0)
    holds = (*foothold(one), f"{entity}#write")
    return noticed(about, one, f"{one.user}|{entity}", why, entity, confidence=confidence, holds=holds)
