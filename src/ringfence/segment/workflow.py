"""Who works together: gangs, serving, pipelines, and who is in no job at all.

        runs_on, uses_gpu, runs_as, part_of ─▶ Gang      all ranks of one run, over requeues and arrays
        pods by their workload, else by what they read ─▶ Gang   a JobSet, replicas that serve one model
        reads, writes, trained_from, … ─▶ Pipeline       data that is made of one another, and its runs

A requeued job keeps its number, so its run stays one gang by itself; members of an array and parts of a
heterogeneous job carry the leader's number in theirs.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from ringfence.estate.kinds import JEWELS
from ringfence.segment.seen import Seen, part, starting

_PART = re.compile(r"(job:slurm/.+/\d+)[_+]\d+(?:\.\w+)?")
"""`4711_3` is task 3 of array 4711, `4711+1` part 1 of a heterogeneous job (squeue(1), JOB ID)."""

_MADE_OF = ("trained_from", "checkpoint_of", "part_of")


class Gang(msgspec.Struct, frozen=True):
    """One run: everything in it may talk to everything in it. All tuples are sorted.

    `name`: `gang:slurm/<cluster>/<number>`, or `gang:kubernetes/<cluster>/<namespace>/<workload>` and
    `serve:<cluster>/<namespace>/<what>` for pods, which stand in `pods`.
    `reads` and `writes`: data; `told`: whether anybody said what it reads or writes.
    """

    name: str
    cluster: str
    tenant: str
    jobs: tuple[str, ...]
    hosts: tuple[str, ...]
    accounts: tuple[str, ...]
    gpus: tuple[str, ...]
    images: tuple[str, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    pods: tuple[str, ...] = ()

    @property
    def told(self) -> bool:
        """Whether its lineage is known."""
        return bool(self.reads or self.writes)


class Pipeline(msgspec.Struct, frozen=True):
    """Data of one tenant that is made of one another, and the gangs that make or use it (names), sorted."""

    name: str
    tenant: str
    data: tuple[str, ...]
    gangs: tuple[str, ...]


def gangs(seen: Seen) -> dict[str, Gang]:
    """Every gang that holds hosts, by name."""
    members: dict[str, list[str]] = {}
    for job in seen.of("runs_on"):
        if job.startswith("job:"):
            members.setdefault(leader(seen, job), []).append(job)
    found = (gang(seen, top, jobs) for top, jobs in members.items())
    return {one.name: one for one in (*found, *serving(seen))}


def leader(seen: Seen, job: str) -> str:
    """The job whose run this one belongs to: the array's, the first part's, what `part_of` leads to."""
    met = {job}
    while True:
        match = _PART.fullmatch(job)
        above = match[1] if match else min(starting(seen.objects(job, "part_of"), "job"), default="")
        if not above:
            return job
        if above in met:
            return min(met)
        job = above
        met.add(job)


def gang(seen: Seen, top: str, jobs: Iterable[str]) -> Gang:
    """One gang, from the facts about its own jobs alone."""
    jobs = tuple(sorted(jobs))
    return Gang(
        name="gang:" + top.removeprefix("job:"),
        cluster=_one(seen, jobs, "in_cluster"),
        tenant=_one(seen, jobs, "in_tenant"),
        jobs=jobs,
        hosts=_all(seen, jobs, "runs_on", "host"),
        accounts=_all(seen, jobs, "runs_as", "identity"),
        gpus=_all(seen, jobs, "uses_gpu", "gpu"),
        images=_all(seen, jobs, "uses_image", "image"),
        reads=_data(seen, jobs, "reads"),
        writes=_data(seen, jobs, "writes"),
    )


def serving(seen: Seen) -> Iterator[Gang]:
    """Pods of one workload (a JobSet, a PyTorchJob), else those of one namespace that read the same: replicas."""
    inside: dict[str, list[str]] = {}
    for inner, wholes in seen.of("part_of").items():
        if inner.startswith("container:"):
            for pod in wholes:
                inside.setdefault(pod, []).append(inner)
    alike: dict[str, list[str]] = {}
    for pod in seen.of("in_namespace"):
        if pod.startswith("pod:"):
            alike.setdefault(_together(seen, pod, inside.get(pod, ())), []).append(pod)
    for name, pods in alike.items():
        space = seen.first(pods[0], "in_namespace")
        parts = (*pods, *(one for pod in pods for one in inside.get(pod, ())))
        yield Gang(
            name=name,
            cluster=seen.first(space, "in_cluster"),
            tenant=seen.first(space, "in_tenant"),
            jobs=(),
            hosts=_all(seen, parts, "runs_on", "host"),
            accounts=_all(seen, parts, "runs_as", "identity"),
            gpus=_all(seen, parts, "uses_gpu", "gpu"),
            images=_all(seen, parts, "uses_image", "image"),
            reads=_data(seen, parts, "reads"),
            writes=_data(seen, parts, "writes"),
            pods=tuple(sorted(pods)),
        )


WORKLOADS = (
    "jobset.sigs.k8s.io/jobset-uid", "jobset.sigs.k8s.io/jobset-name", "training.kubeflow.org/job-name",
    "ray.io/cluster", "leaderworkerset.sigs.k8s.io/group-key", "leaderworkerset.sigs.k8s.io/name",
    "volcano.sh/job-name", "kueue.x-k8s.io/pod-group-name", "batch.kubernetes.io/job-name", "job-name",
)  # fmt: skip
"""Labels by which the ranks of one run know one another, the widest first."""


def _together(seen: Seen, pod: str, inside: Iterable[str]) -> str:
    """The name of the gang that a pod belongs to: all pods of one name are one gang."""
    space = seen.first(pod, "in_namespace").partition(":")[2]
    labels = dict(text.partition("=")[::2] for text in sorted(seen.objects(pod, "labelled")))
    for key in WORKLOADS:
        if labels.get(key):
            return f"gang:kubernetes/{space}/{labels[key]}"  # a cluster may be called `slurm`
    reads = _data(seen, (pod, *inside), "reads")
    return f"serve:{space}/{'+'.join(part(one.partition(':')[2]) for one in reads) or 'other'}"


def _one(seen: Seen, jobs: Iterable[str], predicate: str) -> str:
    return min((one for job in jobs for one in seen.objects(job, predicate)), default="")


def _all(seen: Seen, jobs: Iterable[str], predicate: str, kind: str) -> tuple[str, ...]:
    prefix = f"{kind}:"
    return tuple(sorted({one for job in jobs for one in seen.objects(job, predicate) if one.startswith(prefix)}))


def _data(seen: Seen, jobs: Iterable[str], predicate: str) -> tuple[str, ...]:
    found = {one for job in jobs for one in seen.objects(job, predicate)}
    return tuple(sorted(one for one in found if one.partition(":")[0] in JEWELS))


def pipelines(seen: Seen, found: Mapping[str, Gang]) -> tuple[Pipeline, ...]:
    """Every pipeline: dataset → prepare → train → checkpoint → evaluate → model → serve.

    Data of one tenant is joined where one was made of the other, where one gang writes both, or where one gang
    reads what some gang writes and writes on. What is only read (a public corpus) joins nothing by that.
    """
    owner = {one: min(tenants) for one, tenants in seen.of("in_tenant").items() if one.partition(":")[0] in JEWELS}
    made = {one for gang in found.values() for one in gang.writes}
    joined = _Joined()
    for predicate in _MADE_OF:
        for one, others in seen.of(predicate).items():
            for other in others:
                if {one.partition(":")[0], other.partition(":")[0]} <= set(JEWELS):
                    joined.join(one, other, owner)
    for gang in found.values():
        between = [*gang.writes, *(one for one in gang.reads if one in made)] if gang.writes else []
        for one in (*gang.reads, *gang.writes):
            joined.join(one, one, owner)
        for one in between[1:]:
            joined.join(between[0], one, owner)
    users: dict[str, set[str]] = {}
    for gang in found.values():
        for one in (*gang.reads, *gang.writes):
            users.setdefault(joined.root(one), set()).add(gang.name)
    return tuple(
        sorted(
            (
                Pipeline(_called(data), owner.get(data[0], ""), tuple(data), tuple(sorted(users.get(root, ()))))
                for root, data in joined.parts().items()
            ),
            key=lambda one: one.name,
        )
    )


def _called(data: list[str]) -> str:
    """After its first model, else its first dataset or checkpoint. No two share a name."""
    kind, _, name = min(data, key=lambda one: (JEWELS.index(one.partition(":")[0]), one)).partition(":")
    return f"pipeline:{part(name)}" + ("" if kind == "model" else f" ({kind})")


class _Joined:
    """Sets of data that were joined (union by least name, so that order plays no part)."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def root(self, one: str) -> str:
        while (above := self._above.setdefault(one, one)) != one:
            self._above[one] = self._above.setdefault(above, above)
            one = above
        return one

    def join(self, one: str, other: str, owner: Mapping[str, str]) -> None:
        """Join two, unless they belong to different tenants."""
        ends = self.root(one), self.root(other)
        if owner.get(one, "") == owner.get(other, ""):
            self._above[max(ends)] = min(ends)

    def parts(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for one in sorted(self._above):
            found.setdefault(self.root(one), []).append(one)
        return found
