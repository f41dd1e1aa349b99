"""Who runs what where, just now: jobs, their hosts, users and kinds, from job events and the estate's first word.

Every worker hears every job event, so each has the same roster; it is state like any other and is saved with it.
"""

from collections.abc import Iterable, Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.wire.ocsf import classes

_KEPT = 3600 * 1_000_000
"""Microseconds for which an ended job is still known: its last events come late."""
_START, _END, _REQUEUE, _CANCEL = 2, 3, 4, 5


class Running(msgspec.Struct, frozen=True):
    """A job that runs, or did a moment ago (`ended` is then not 0). `hosts` are bare names, in rank order."""

    uid: str
    name: str = ""
    user: str = ""
    account: str = ""
    kind: str = ""
    hosts: tuple[str, ...] = ()
    gpus: int = 0
    started: int = 0
    ended: int = 0


class Roster(msgspec.Struct):
    """All jobs by id, and the ids of those on each host."""

    jobs: dict[str, Running] = {}
    on: dict[str, list[str]] = {}

    def take(self, batch: Batch) -> None:
        """Learn of the jobs that start and end in this batch."""
        for row in batch.rows(classes.JOB).tolist():
            uid, activity = batch.text("job.uid", row), int(batch.numbers("activity_id")[row])
            if uid and activity == _START:
                self.start(_running(batch, row, uid))
            elif uid and activity in (_END, _REQUEUE, _CANCEL):
                self.end(uid, int(batch.times[row]))

    def start(self, job: Running) -> None:
        """A job runs."""
        self.forget(job.uid)
        self.jobs[job.uid] = job
        for host in job.hosts:
            self.on.setdefault(host, []).append(job.uid)

    def end(self, uid: str, when: int) -> None:
        """A job has ended; it stays known for an hour."""
        job = self.jobs.get(uid)
        if job is not None and not job.ended:
            self.jobs[uid] = msgspec.structs.replace(job, ended=max(when, 1))

    def forget(self, uid: str) -> None:
        """A job is of no more interest."""
        job = self.jobs.pop(uid, None)
        for host in job.hosts if job else ():
            left = [one for one in self.on.get(host, ()) if one != uid]
            self.on[host] = left
            if not left:
                del self.on[host]

    def tidy(self, now: int) -> None:
        """Forget what ended an hour ago."""
        for uid in [one.uid for one in self.jobs.values() if one.ended and one.ended + _KEPT < now]:
            self.forget(uid)

    def at(self, host: str, when: int) -> list[Running]:
        """The jobs that ran on a host at a time, newest first."""
        found = (self.jobs[uid] for uid in self.on.get(host, ()))
        now = [job for job in found if job.started <= when and (not job.ended or when <= job.ended)]
        return sorted(now, key=lambda job: -job.started)

    def alive(self, when: int) -> Iterator[Running]:
        """Every job that runs at a time."""
        return (job for job in self.jobs.values() if job.started <= when and (not job.ended or when <= job.ended))


def _running(batch: Batch, row: int, uid: str) -> Running:
    return Running(
        uid=uid,
        name=batch.text("job.name", row),
        user=batch.text("job.user", row),
        account=batch.text("job.account", row),
        kind=batch.text("job.kind", row),
        hosts=_listed(batch.text("job.hosts", row).split(",")),
        gpus=int(batch.numbers("job.gpus")[row]),
        started=int(batch.times[row]),
    )


def _listed(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name)
