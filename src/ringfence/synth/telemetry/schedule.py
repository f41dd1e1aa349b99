"""Which jobs run when and where, over days: every room of the cluster is filled as a scheduler would.

        rooms (partition, NVLink domain) ──filled──▶ Run, Run, …     in the order of their numbers

All times are seconds from the beginning of the replay; starts and ends lie on whole ten seconds, as samples do.
"""

import heapq
import math
from collections.abc import Iterator, Sequence
from random import Random

import msgspec

from ringfence.estate import ids
from ringfence.synth.plan import Cluster, Host, Pipeline
from ringfence.synth.telemetry.noise import dice

KINDS = ("train", "infer", "evaluate", "data", "interactive", "cpu")
SIZES = (4, 4, 4, 8, 8, 8, 16, 16, 32, 64, 128, 256)
"""Hosts of a training gang; a room that is smaller gives what it has."""
SHARES = (("train", 0.5), ("evaluate", 0.17), ("data", 0.1), ("interactive", 0.13), ("infer", 0.06), ("cpu", 0.04))
HOURS = {"train": 9.0, "evaluate": 0.8, "data": 1.5, "interactive": 1.6, "infer": 14.0, "cpu": 0.7}
"""Median hours of a job; lengths are log-normal with deviation 0.8."""
ENDS = (("COMPLETED", 0.80), ("FAILED", 0.10), ("CANCELLED", 0.06), ("TIMEOUT", 0.03), ("REQUEUED", 0.01))
BUSY = 0.92


class Run(msgspec.Struct, frozen=True):
    """A job from its start to its end. `hosts` are indices in the plan; GPUs `first` to `first + gpus` on each.

    `checkpoint` is (seconds between two, seconds that one takes), `load` the seconds before the first step. `level`
    is how hard it works, relative to its kind. `image` is true where it starts from an image of the registry.
    `declared` is the kind that its owner says it is, where that differs.
    """

    uid: str
    name: str
    user: str
    tenant: str
    partition: str
    kind: str
    pipeline: int
    hosts: tuple[int, ...]
    first: int
    gpus: int
    submitted: float
    start: int
    end: int
    state: str
    load: int
    checkpoint: tuple[int, int]
    level: float
    image: bool = False
    declared: str = ""


def schedule(plan: Cluster, seed: int, seconds: int) -> tuple[Run, ...]:
    """All runs that start within the time, by their start. Their numbers are even: others may stand between."""
    at = {host.name: number for number, host in enumerate(plan.hosts)}
    rooms: dict[tuple[str, str], list[Host]] = {}
    for host in plan.hosts:
        if host.gpus and host.partition != "kube":
            rooms.setdefault((host.partition, host.domain), []).append(host)
    found: list[Run] = []
    for (partition, domain), room in rooms.items():
        places = [at[host.name] for host in room]
        rng = dice(seed, plan.name, "schedule", partition, domain)
        found += (
            _Room(plan, room, places, seconds, rng).runs()
            if room[0].tenant
            else _slices(plan, room, places, seconds, rng)
        )
    found += _pods(plan, at, seconds, dice(seed, plan.name, "pods"))
    found.sort(key=lambda run: (run.submitted, run.hosts, run.first))
    return tuple(sorted(_numbered(plan, found), key=lambda run: run.start))


def _numbered(plan: Cluster, found: Sequence[Run]) -> Iterator[Run]:
    number = 52_000
    for run in found:
        if run.uid:
            yield run
            continue
        number += 2
        uid = ids.job(plan.name, number)
        yield msgspec.structs.replace(run, uid=uid)
        if run.state == "REQUEUED":  # it comes back under its number on the same hosts
            again, length = run.end + 120, max(600, (run.end - run.start) // 2 // 10 * 10)
            yield msgspec.structs.replace(run, uid=uid, start=again, end=again + length, state="COMPLETED")


class _Room:
    """Hosts that are given out whole."""

    def __init__(self, plan: Cluster, room: Sequence[Host], places: Sequence[int], seconds: int, rng: Random) -> None:
        self._plan, self._room, self._places, self._seconds, self._rng = plan, room, list(places), seconds, rng
        self._lines = [(at, line) for at, line in enumerate(plan.pipelines) if line.tenant == room[0].tenant]
        self._people = [user.name for user in plan.users if user.tenant == room[0].tenant and user.role != "service"]

    def runs(self) -> Iterator[Run]:
        """Whenever there is room, the next job takes it."""
        rng, free = self._rng, set(self._places)
        busy: list[tuple[int, tuple[int, ...]]] = []
        now, first = rng.randrange(0, 12) * 10, True
        while now < self._seconds:
            while busy and busy[0][0] <= now:
                free |= set(heapq.heappop(busy)[1])
            if len(free) <= (1 - BUSY) * len(self._places):
                now = busy[0][0] + 10 if busy else now + 600
                continue
            run = self._one(now, sorted(free), first)
            first = False
            yield run
            free -= set(run.hosts)
            held = run.end + (240 + (run.end - run.start) // 2 if run.state == "REQUEUED" else 60)
            heapq.heappush(busy, (held, run.hosts))
            now += rng.choice((10, 20, 40, 90, 180))

    def _one(self, now: int, free: Sequence[int], first: bool) -> Run:
        rng = self._rng
        kind = "train" if first else drawn(rng, SHARES)
        size = 1
        if kind == "train":
            size = max(1, len(self._places) // 2) if first else rng.choice(SIZES)
        elif kind in ("evaluate", "data"):
            size = rng.choice((1, 1, 2, 4))
        size = min(size, len(free))
        begin = rng.randrange(len(free) - size + 1)
        hosts = tuple(free[begin : begin + size])
        at, line = self._lines[0] if first else rng.choice(self._lines)
        user = line.owner if kind in ("train", "infer") or rng.random() < 0.5 else rng.choice(self._people)
        if kind == "data":
            user = f"svc-{line.tenant}" if rng.random() < 0.6 else line.owner
        return _run(rng, kind, user, line, at, hosts, (0, self._room[0].gpus), now, self._room[0].partition)


def _slices(plan: Cluster, room: Sequence[Host], places: Sequence[int], seconds: int, rng: Random) -> Iterator[Run]:
    """The shared hosts: each is given out in pieces of one to eight accelerators, to all tenants that may use them."""
    guests = [group.name for group in plan.tenants if plan.flawed("shared_partition", group.name)]
    people = {name: [u.name for u in plan.users if u.tenant == name and u.role != "service"] for name in guests}
    lines = {name: [(at, one) for at, one in enumerate(plan.pipelines) if one.tenant == name] for name in guests}
    for host, place in zip(room, places, strict=True):
        for first in range(0, host.gpus if guests else 0, 2):
            now = rng.randrange(0, 120) * 10
            while now < seconds:
                tenant = rng.choice(guests)
                kind = rng.choice(("interactive", "interactive", "evaluate", "train"))
                at, line = rng.choice(lines[tenant])
                gpus = rng.choice((1, 2, 2))
                user = rng.choice(people[tenant])
                run = _run(rng, kind, user, line, at, (place,), (first, gpus), now, host.partition)
                if run.state == "REQUEUED":
                    run = msgspec.structs.replace(run, state="COMPLETED")
                yield run
                now = run.end + rng.randrange(6, 300) * 10


def _pods(plan: Cluster, at: dict[str, int], seconds: int, rng: Random) -> Iterator[Run]:
    """The serving pods: they run all the time, and start anew under their name about once a day."""
    lines = {line.name: number for number, line in enumerate(plan.pipelines)}
    for pod in plan.pods:
        now = rng.randrange(0, 30) * 10
        while now < seconds:
            number = lines[pod.pipeline]
            place = (pod.first_gpu, pod.gpus)
            line, user = plan.pipelines[number], "root"
            run = _run(rng, "infer", user, line, number, (at[pod.host],), place, now, "kube")
            length = rng.randrange(3600, 2 * 86400) // 10 * 10
            uid = f"pod:{plan.name}-kube/{pod.namespace}/{pod.name}"
            yield msgspec.structs.replace(run, uid=uid, name=pod.name, end=run.start + length, state="COMPLETED")
            now += length + rng.randrange(2, 9) * 10


def drawn(rng: Random, table: Sequence[tuple[str, float]]) -> str:
    """One of a table's words, by its share."""
    left = rng.random()
    for word, share in table:
        left -= share
        if left < 0:
            return word
    return table[0][0]


def _run(
    rng: Random,
    kind: str,
    user: str,
    line: Pipeline,
    pipeline: int,
    hosts: tuple[int, ...],
    gpus: tuple[int, int],
    now: int,
    partition: str,
) -> Run:
    length = HOURS[kind] * 3600 * math.exp(rng.gauss(0, 0.8))
    state = drawn(rng, ENDS)
    if state in ("FAILED", "REQUEUED"):
        length *= rng.random() ** 2 + 0.02
    period = rng.choice((600, 900, 1200, 1800, 3600))
    return Run(
        uid="",
        name=f"{kind}-{line.name}" + (f"-{rng.choice('abcdefgh')}{rng.randrange(100)}" if rng.random() < 0.7 else ""),
        user=user,
        tenant=line.tenant,
        partition=partition,
        kind=kind,
        pipeline=pipeline,
        hosts=hosts,
        first=gpus[0],
        gpus=gpus[1],
        submitted=now - rng.expovariate(1 / 900) - 2,
        start=now,
        end=now + max(60, int(min(length, 60 * 3600)) // 10 * 10),
        state=state,
        load=rng.randrange(6, 60) * 10,
        checkpoint=(period, rng.randrange(2, 10) * 10),
        level=rng.uniform(0.75, 1.05),
        image=kind in ("train", "data", "infer") or rng.random() < 0.3,
    )
