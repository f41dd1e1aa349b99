"""Who answered for what, and the settings that those answers tell: what a capture of every node gives.

What no capture here holds (keys in homes, kernel switches, programs of root) is left out, so that it stays unknown.
"""

from collections.abc import Iterator

from ringfence.estate import ids
from ringfence.estate.facts import Fact, Scalar
from ringfence.synth import data, say
from ringfence.synth.plan import Cluster, Host
from ringfence.synth.say import fact

_EVERY = ("users", "sshd", "pam", "sudoers", "sockets", "addresses")
_GPU = ("devices", "gpu", "nvlink", "gpu-params", "runtime")
_CLUSTER = (
    *("CredType=cred/munge", "PrivateData=accounts,jobs,usage,users", "ProctrackType=proctrack/cgroup"),
    *("TaskPlugin=task/cgroup,task/affinity", "JobContainerType=job_container/none", "SlurmUser=slurm"),
)
_FABRIC = ("m_key_per_port=no", "m_key_protection_level=0", "part_enforce=both", "sa_enhanced_trust_model=no")
_WHOLE: dict[str, Scalar] = {"answered": True, "complete": True}
_SOME: dict[str, Scalar] = {"answered": True}


def answers(plan: Cluster) -> Iterator[Fact]:
    """Coverage of hosts, controllers, the scheduler, the fabric and the platform."""
    for of in plan.hosts:
        for aspect in (*_EVERY, *_parts(plan, of)):
            yield fact(say.host(of.name), "asked", aspect, f"hosts/{of.name}", _WHOLE)
        if data.holds_munge(of):
            yield fact(say.host(of.name), "asked", "scheduler-key", f"hosts/{of.name}/munge-key", _SOME)
        for entity in (say.host(of.name), f"bmc:{of.name}"):
            yield fact(entity, "asked", "redfish", f"redfish/{of.name}-bmc/Systems/1/index.json", _SOME)
    for aspect in ("slurm-conf", "cgroup-conf"):
        yield fact(say.cluster(plan), "asked", aspect, "slurm/slurm.conf", _SOME)
    yield fact(say.cluster(plan), "asked", "jobs", "slurm/jobs.json", _WHOLE)
    for aspect, file in (("fabric", "ibnetdiscover.txt"), ("pkeys", "pkeys.txt"), ("opensm-conf", "opensm.conf")):
        yield fact(ids.fabric(plan.name), "asked", aspect, f"fabric/{file}", _WHOLE)
    source = "kubernetes/pods.json"
    for space in dict.fromkeys(pod.namespace for pod in plan.pods):
        yield fact(f"namespace:{plan.name}-kube/{space}", "asked", "kubernetes-namespaces", source, _WHOLE)
    for pod in plan.pods:
        entity = f"pod:{plan.name}-kube/{pod.namespace}/{pod.name}"
        yield fact(entity, "asked", "kubernetes-pods", source, _WHOLE)


def _parts(plan: Cluster, of: Host) -> Iterator[str]:
    """What only some hosts have to answer for."""
    if of.gpus:
        yield from _GPU
    if of.role in data.CAPABLE:
        yield "mounts"
    if of.role == "login":
        yield "runtime-sockets"
    if any(export.server == of.name for export in plan.storages):
        yield "exports"


def settings(plan: Cluster) -> Iterator[Fact]:
    """What slurm.conf, opensm.conf, the driver and the controllers say of themselves."""
    nvlink = "switch/nvidia_imex" if plan.of_role("nvl") else "switch/none"
    flags = f"Alloc,{'' if plan.flawed('pam_adopt_missing') else 'Contain,'}X11"
    for setting in (*_CLUSTER, f"SwitchType={nvlink}", f"PrologFlags={flags}"):
        yield fact(say.cluster(plan), "setting", setting, "slurm/slurm.conf")
    for setting in _FABRIC:
        yield fact(ids.fabric(plan.name), "setting", setting, "fabric/opensm.conf")
    for of in plan.hosts:
        source = f"redfish/{of.name}-bmc/AccountService/index.json"
        yield fact(f"bmc:{of.name}", "setting", "account_lockout=on", source)
        if of.gpus:
            yield fact(say.host(of.name), "setting", "profiling=admin", f"hosts/{of.name}/nvidia-params.txt")
        for gpu in say.gpus(plan, of):
            for setting in ("ecc=on", "compute_mode=default"):
                yield fact(gpu, "setting", setting, f"hosts/{of.name}/nvidia-smi-q.xml")
