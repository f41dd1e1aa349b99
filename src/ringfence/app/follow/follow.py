"""Job events → what is in force: derive the job's part, compile and prove its hosts, order, read back, answer.

started   free hosts ─▶ gang: hosts and keys at the same time; both read back ─▶ allow, else taken back ─▶ hold
ended     gang ─▶ free hosts, its key out of every table: ahead of whoever gets the hosts next
settle    what the scheduler says now, against what was told: hooks that were lost are made up for

Between two tenants a host is free: the ended job's rules go before the next one's come, and a text that holds both
is never compiled, since a host's text is a function of the jobs that hold it now.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

import msgspec

from ringfence.app.follow.making import Making, followed, made
from ringfence.app.follow.orders import Orders, Said
from ringfence.app.follow.standing import Standing
from ringfence.app.follow.sweeps import Sweeps
from ringfence.collect.slurm_state import Place as Cluster
from ringfence.collect.slurm_state import jobs as facts_of
from ringfence.errors import EnforceError, RingfenceError
from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.segment.model import Artefact
from ringfence.segment.workflow import leader
from ringfence.wire.hooks import Answer
from ringfence.wire.jobs import Followed, Seen

IN_FORCE, PENDING, FAILED = "in force", "pending", "failed"
LOOK = 60.0
"""Seconds between two times that every table of a fabric is read; an event reads those that it concerns."""

SETTLED = 3600.0
"""Seconds for which the end of a job is remembered, so that a snapshot taken before it does not revive the job."""


class Follow:
    """The jobs of one cluster. `targets` limits what is followed; `said` is told what happens, for the log."""

    def __init__(
        self,
        standing: Standing,
        cluster: Cluster,
        orders: Orders,
        sweeps: Sweeps | None = None,
        targets: Sequence[str] = (),
        deadline: float = 10.0,
        said: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._standing, self._cluster, self._orders = standing, cluster, orders
        self._sweeps = sweeps or Sweeps((), standing.now)
        self._sweeps.cleared = self._not_cleared
        self._looking, self._looked = Lock(), time.monotonic()
        self._targets = followed(standing.inventory, targets)
        self._deadline, self._said = deadline, said
        self._lock = Lock()
        self._side = ThreadPoolExecutor(4, "sweeps")
        self._jobs: dict[str, Followed] = {}
        self._ended: dict[str, float] = {}
        self.ready = False
        """Whether the scheduler was heard once: before that nobody knows who else is on a host."""

    def started(self, seen: Seen, deadline: float = 0.0) -> Answer:
        """A job was given hosts: its compartment, read back everywhere, or taken back and `hold`."""
        number, until = seen.row.number, time.monotonic() + (deadline or self._deadline)
        if not self.ready:
            return Answer("hold", "the follower has not heard from the scheduler yet")
        try:
            making, gang = self._told(seen)
            self._bring(making, gang, until)
        except RingfenceError as error:
            self._gone(number, FAILED, error.what)
            return Answer("hold", f"job {number}: {error.what}"[:1000])
        self._note(number, IN_FORCE)
        hosts = len({host for _, host in making.wanted})
        return Answer("allow", f"job {number}: read back on {hosts} hosts")

    def ended(self, number: str) -> Answer:
        """A job has ended: its hosts are free, its keys leave the tables. Late places are brought again by `settle`."""
        late = self._gone(number, "", "")
        return Answer("done", f"job {number}: freed" + (f"; {len(late)} hosts are late" if late else ""))

    def settle(self, running: Mapping[str, Seen], asked_at: float) -> list[str]:
        """Make true what a snapshot of the scheduler says that was asked for at `asked_at`; what had to be corrected.

        An event that came after the snapshot was asked for is newer than it, and stands.
        """
        with self._lock:
            known = {job: one.since for job, one in self._jobs.items() if one.state != FAILED}
            self._ended = {job: when for job, when in self._ended.items() if when > asked_at - SETTLED}
            fresh = {job for job, when in self._ended.items() if when >= asked_at}
        gone = [job for job, since in known.items() if job not in running and since < asked_at]
        new = [job for job in running if job not in known and job not in fresh]
        found = [f"job {job} has ended and no hook said so" for job in gone]
        for job in gone:
            self._gone(job, "", "")
        found += self._taken_up([running[job] for job in new])
        self.ready = True
        if late := self._orders.late():
            self._orders.bring(late, self._deadline)
        if self._sweeps.there and time.monotonic() > self._looked + LOOK:
            self._looked = time.monotonic()
            self._side.submit(self._look)
        for what in found:
            self._said(what)
        return found

    def whole(self) -> list[str]:
        """Compile and prove everything, order what differs; the places that do not follow."""
        with self._lock:
            policy = self._standing.whole()
            hosts = sorted({host for name in self._targets for host in self._standing.inventory.enforcers[name]})
            making = made(self._standing, self._targets, policy, hosts)
            self._orders.want(making.wanted)
        side = self._side.submit(self._sweeps.bring)
        said = self._orders.bring(making.wanted, 6 * self._deadline)
        return [*_wrong(said.values()), *_failure(side)]

    def status(self) -> tuple[Followed, ...]:
        """The jobs followed and the last that failed, by number."""
        with self._lock:
            return tuple(self._jobs[job] for job in sorted(self._jobs, key=int))

    def close(self) -> None:
        """End the threads; what is in force stays."""
        self._side.shutdown()
        self._orders.close()

    def _look(self) -> None:
        """Every table of every fabric, beside whatever else goes on."""
        if self._looking.acquire(blocking=False):
            try:
                for what in self._sweeps.look():
                    self._said(what)
            except RingfenceError as error:
                self._said(f"the fabric's tables are not all known: {error.what}")
            finally:
                self._looking.release()

    def _not_cleared(self, guids: Collection[int]) -> frozenset[int]:
        """Of ports that change their tenant, those whose host has not yet ended what the last one left open.

        A host that nothing is ordered of ends nothing: what its rules leave open, the plan says.
        """
        host_of = self._standing.inventory.host_of
        at = {guid: host_of.get(ids.ibport(guid), "") for guid in guids}
        said = self._orders.bring(self._orders.places(set(at.values())), self._deadline)
        late = {one.place[1] for one in said.values() if not one.good}
        return frozenset(guid for guid, host in at.items() if host in late)

    def _told(self, seen: Seen) -> tuple[Making, str]:
        """The job is in the policy, and its hosts' texts are wanted; the name of its gang."""
        job, facts = self._facts(seen)
        with self._lock:
            held = [one.object for one in facts if one.predicate == "runs_on"]
            strange = [host for host in held if not self._standing.knows(host)]
            if strange:
                raise EnforceError(f"{strange[0]} is not in the estate, so it cannot be fenced", "survey it")
            hosts = self._standing.tell(job, facts)
            self._jobs[seen.row.number] = Followed(seen.row.number, PENDING, len(hosts), int(time.time()))
            return self._wanted(hosts), self._gang(job)

    def _gang(self, job: str) -> str:
        return "gang:" + leader(self._standing.scene.seen, job).removeprefix("job:")

    def _wanted(self, hosts: Collection[str]) -> Making:
        making = made(self._standing, self._targets, self._standing.whole(), hosts)
        self._orders.want(making.wanted)
        return making

    def _bring(self, making: Making, gang: str, until: float) -> None:
        """Raises `EnforceError` where anything is late, failed, or reads back as something else."""
        side = self._side.submit(self._sweeps.bring, gang)
        said = self._orders.bring(making.wanted, until - time.monotonic())
        if wrong := _wrong(said.values()):
            raise EnforceError(f"{len(wrong)} of {len(said)} hosts did not follow: {wrong[0]}", left=tuple(wrong))
        self._read_back(making, said.values())
        try:
            side.result(max(0.1, until - time.monotonic()))
        except TimeoutError:
            raise EnforceError("its partition keys were not read back in time", "look at the subnet manager") from None

    def _read_back(self, making: Making, said: Iterable[Said]) -> None:
        """What the hosts say is in force, judged as what was compiled; equal texts once."""
        alike: dict[str, dict[str, list[str]]] = {}
        for one in said:
            if one.receipt is not None and one.wanted == making.wanted.get(one.place):
                alike.setdefault(one.place[0], {}).setdefault(one.text, []).append(one.place[1])
        for target, texts in alike.items():
            making.judged(target, [Artefact("read back", text, tuple(hosts)) for text, hosts in texts.items()])

    def _gone(self, number: str, state: str, why: str) -> list[str]:
        """The job holds nothing any more; what did not follow."""
        with self._lock:
            self._ended[number] = time.time()
            before = self._jobs.pop(number, None)
            if state:
                self._jobs[number] = Followed(number, state, 0, int(time.time()), why[:1000])
            hosts = self._standing.forget(ids.job(self._cluster.cluster, number)) if before else ()
            making = self._wanted(hosts)
        side = self._side.submit(self._sweeps.bring) if hosts else None
        said = self._orders.bring(making.wanted, self._deadline)
        return [*_wrong(said.values()), *(_failure(side) if side else ())]

    def _taken_up(self, jobs: Sequence[Seen]) -> list[str]:
        """Jobs that run and that nobody told of: all of them told first, so that hosts are brought once."""
        found, wanted, gangs = [], set[str](), dict[str, str]()
        with self._lock:
            for seen in jobs:
                job, facts = self._facts(seen)
                wanted.update(self._standing.tell(job, facts))
                gangs[seen.row.number] = self._gang(job)
                self._jobs[seen.row.number] = Followed(seen.row.number, PENDING, 0, int(time.time()))
            making = self._wanted(wanted)
        side = self._side.submit(self._sweeps.served, set(gangs.values()))
        said = self._orders.bring(making.wanted, self._deadline)
        failed = {host for one in said.values() if not one.good for host in [one.place[1]]}
        keyless = side.result()
        for number, gang in gangs.items():
            late = failed.intersection(self._standing.hosts_of(ids.job(self._cluster.cluster, number)))
            self._note(number, PENDING if late or gang in keyless else IN_FORCE)
            told = [f"{len(late)} hosts are late"] if late else []
            told += [f"its keys are not in the tables: {keyless[gang]}"] if gang in keyless else []
            found.append("; ".join([f"job {number} runs and no hook said so", *told]))
        return found

    def _facts(self, seen: Seen) -> tuple[str, list[Fact]]:
        row = msgspec.structs.replace(seen.row, cluster="")
        job, facts = ids.job(self._cluster.cluster, row.number), list(facts_of([row], self._cluster))
        if seen.leader:
            facts.append(Fact(job, "part_of", ids.job(self._cluster.cluster, seen.leader)))
        return job, facts

    def _note(self, number: str, state: str) -> None:
        with self._lock:
            if number in self._jobs:
                hosts = len(self._standing.hosts_of(ids.job(self._cluster.cluster, number)))
                self._jobs[number] = Followed(number, state, hosts, int(time.time()))


def _wrong(said: Iterable[Said]) -> list[str]:
    return [f"{one.place[0]} on {one.place[1]}: {one.error}" for one in said if not one.good]


def _failure(side: "Future[None]") -> list[str]:
    try:
        side.result()
    except RingfenceError as error:
        return [error.what]
    return []
