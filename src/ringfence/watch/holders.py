"""Who holds an accelerator: the jobs of its host, and of hosts that several jobs share, the job of its last sample.

Samples are four of five events, so only those of shared hosts are looked at one by one.
"""

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.bounded import cut, put
from ringfence.watch.roster import Roster, Running
from ringfence.wire.ocsf import classes

SECOND = 1_000_000
LEAVING = 180 * SECOND
"""How long after a job's end its processes may still be going, and before its start be coming."""
FRESH = 45 * SECOND
"""How long the last sample tells who holds it."""
_MOST = 50_000


class Holders(msgspec.Struct):
    """Hosts that several jobs share, and accelerator → the job of its last sample there, and when."""

    shared: dict[str, int] = {}
    by: dict[str, tuple[str, int]] = {}

    def take(self, batch: Batch, roster: Roster) -> None:
        """Learn from the jobs and samples of a batch; `roster` has heard its jobs already."""
        for row in batch.rows(classes.JOB).tolist():
            job = roster.jobs.get(batch.text("job.uid", row))
            for host in job.hosts if job else ():
                self._share(host, len(roster.at(host, int(batch.times[row]))))
        if self.shared:
            self._sampled(batch)

    def of(self, accelerator: str, host: str, when: int, roster: Roster) -> list[Running]:
        """The jobs that may use an accelerator at a time, those that come and go at that moment among them."""
        there = around(roster, host, when)
        holder, seen = self.by.get(accelerator, ("", 0)) if host in self.shared else ("", 0)
        mine = [job for job in there if job.uid == holder and abs(when - seen) <= FRESH]
        return mine or there

    def _share(self, host: str, jobs: int) -> None:
        if jobs > 1:
            put(self.shared, host, jobs, _MOST)
        else:
            self.shared.pop(host, None)

    def _sampled(self, batch: Batch) -> None:
        rows = batch.rows(classes.GPU)
        hosts = batch.codes("device.hostname")
        there = np.array([name in self.shared for name in hosts.values] + [False])
        rows = rows[there[hosts.codes[rows]] & (batch.numbers("activity_id")[rows] == 1)]
        jobs, uuids = batch.codes("job.uid"), batch.codes("gpu.uuid")
        rows = rows[(jobs.codes[rows] >= 0) & (uuids.codes[rows] >= 0)]
        columns = (uuids.codes[rows].tolist(), jobs.codes[rows].tolist(), batch.times[rows].tolist())
        for uuid, job, at in zip(*columns, strict=True):
            put(self.by, cut(uuids.values[uuid]), (jobs.values[job], at), _MOST)


def around(roster: Roster, host: str, when: int) -> list[Running]:
    """The jobs of a host at a time, and those that end or begin around it."""
    found = (roster.jobs[uid] for uid in roster.on.get(host, ()))
    return [job for job in found if job.started - LEAVING <= when and (not job.ended or when <= job.ended + LEAVING)]


class Present(msgspec.Struct):
    """Host → the jobs and pods that have a process on its accelerators, as processes start and stop.

    Pods are no scheduler's jobs: only their processes tell of them. Of a host that went down no process tells that it
    stopped; when its job is over, so are they.
    """

    on: dict[str, dict[str, int]] = {}

    def take(self, batch: Batch, roster: Roster) -> None:
        """Learn from the processes of a batch, and from the jobs that ended; `roster` has heard those already."""
        rows = batch.rows(classes.GPU)
        activity = batch.numbers("activity_id")
        for row in batch.rows(classes.JOB).tolist():
            job = roster.jobs.get(batch.text("job.uid", row))
            if job is not None and job.ended:
                for host in job.hosts:
                    self.on.get(cut(host), {}).pop(cut(job.uid), None)
        for row in rows[np.isin(activity[rows], (2, 3))].tolist():
            host, uid = cut(batch.text("device.hostname", row)), cut(batch.text("job.uid", row))
            if not uid:
                continue
            there = self.on.get(host, {})
            if activity[row] == 2:
                put(there, uid, int(batch.times[row]), 64)
                put(self.on, host, there, _MOST)
            else:
                there.pop(uid, None)

    def at(self, host: str) -> bool:
        """Whether any is there."""
        return bool(self.on.get(cut(host)))
