"""Facts about running work: gangs, the accelerators and channels they hold, serving pods."""

from collections.abc import Iterator

from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.synth import data, say
from ringfence.synth.plan import Cluster, Host, Job, Pipeline, Pod
from ringfence.synth.say import fact

JOBS, LINEAGE, PODS = "slurm/jobs.json", "lineage/events.ndjson", "kubernetes/pods.json"
SERVING = "registry01:5000/serve/triton:25.08"
"""The image of the serving pods."""


def job_id(plan: Cluster, job: Job) -> str:
    return ids.job(plan.name, job.number)


def jobs(plan: Cluster) -> Iterator[Fact]:
    """Every running job: where, as whom, with which accelerators and data."""
    by_name = {host.name: host for host in plan.hosts}
    lines = {line.name: line for line in plan.pipelines}
    for job in plan.jobs:
        entity = job_id(plan, job)
        yield fact(entity, "in_cluster", say.cluster(plan), JOBS)
        yield fact(entity, "in_tenant", f"tenant:{job.tenant}", JOBS)
        yield fact(entity, "runs_as", say.identity(job.user), JOBS)
        if data.image(job):
            yield fact(entity, "uses_image", f"image:{data.image(job)}", JOBS)
        for name in job.hosts:
            yield from _on(plan, job, entity, by_name[name])
        found = list(flow(job.stage, lines[job.pipeline]))
        for predicate, entry in found:
            yield fact(entity, predicate, entry, LINEAGE)
        read = [entry for predicate, entry in found if predicate == "reads"]
        for predicate, entry in found:
            if predicate == "writes" and not entry.startswith("dataset:"):
                yield from (fact(entry, "trained_from", one, LINEAGE) for one in read if one != entry)


def _on(plan: Cluster, job: Job, entity: str, host: Host) -> Iterator[Fact]:
    yield fact(entity, "runs_on", say.host(host.name), JOBS)
    for gpu in say.gpus(plan, host)[job.first_gpu : job.first_gpu + job.gpus]:
        yield fact(entity, "uses_gpu", gpu, JOBS)
    if job.imex >= 0:
        channel, source = say.imex(plan, host, job.imex), f"hosts/{host.name}/imex-channels.txt"
        yield fact(channel, "imex_of", say.domain(plan, host), source)
        yield fact(say.host(host.name), "uses_imex", channel, source)
        if plan.flawed("imex_shared", host.domain):
            yield fact(say.host(host.name), "device_open", "imex", source)


def images(plan: Cluster) -> Iterator[Fact]:
    """Where images come from."""
    found = {data.image(job): JOBS for job in plan.jobs if data.image(job)} | ({SERVING: PODS} if plan.pods else {})
    for image, source in found.items():
        yield fact(f"image:{image}", "pulled_from", "service:registry01/registry:5000", source)


def flow(stage: str, line: Pipeline) -> Iterator[tuple[str, str]]:
    """(reads or writes, data) of one stage of a pipeline."""
    if stage == "prepare":
        yield "reads", say.dataset(line, "raw")
        yield "writes", say.dataset(line, "prepared")
    elif stage == "train":
        yield "reads", say.dataset(line, "prepared")
        yield "reads", say.checkpoint(line, line.checkpoints)
        for number in range(1, line.checkpoints + 1):
            yield "writes", say.checkpoint(line, number)
        yield "writes", say.model(line)
    elif stage == "evaluate":
        yield "reads", say.checkpoint(line, line.checkpoints)
        yield "reads", say.dataset(line, "prepared")


def serving(plan: Cluster) -> Iterator[Fact]:
    """Pods that serve models, one container each."""
    by_name = {host.name: host for host in plan.hosts}
    lines = {line.name: line for line in plan.pipelines}
    for tenant in dict.fromkeys(pod.tenant for pod in plan.pods):
        space = f"namespace:{plan.name}-kube/{tenant}"
        yield fact(space, "in_cluster", say.kube(plan), PODS)
        yield fact(space, "in_tenant", f"tenant:{tenant}", "inventory.ndjson")
    for pod in plan.pods:
        yield from _pod(plan, pod, by_name[pod.host], lines[pod.pipeline])


def _pod(plan: Cluster, pod: Pod, host: Host, line: Pipeline) -> Iterator[Fact]:
    place = f"{plan.name}-kube/{pod.namespace}"
    entity, container = f"pod:{place}/{pod.name}", f"container:{place}/{pod.name}/serve"
    account = f"identity:{plan.name}-kube/system:serviceaccount:{pod.namespace}:default"
    yield fact(entity, "in_namespace", f"namespace:{place}", PODS)
    yield fact(entity, "runs_on", say.host(host.name), PODS)
    yield fact(container, "part_of", entity, PODS)
    yield fact(container, "runs_on", say.host(host.name), PODS)
    yield fact(entity, "runs_as", account, PODS)
    yield fact(container, "runs_with", "root", PODS)
    yield fact(container, "reads", say.model(line), LINEAGE)
    yield fact(container, "uses_image", f"image:{SERVING}", PODS)
    if plan.flawed("pod_privileged", pod.name):
        yield fact(container, "runs_with", "privileged", PODS)
    for gpu in say.gpus(plan, host)[pod.first_gpu : pod.first_gpu + pod.gpus]:
        yield fact(container, "uses_gpu", gpu, PODS)
