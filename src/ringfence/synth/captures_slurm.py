"""Captures of the scheduler: what slurmrestd, sacctmgr and /etc/slurm would give."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import msgspec

from ringfence.synth import data
from ringfence.synth.plan import Cluster, Host, Job, address
from ringfence.synth.say import OBSERVED

RELEASE, PARSER = "25.05.9", "data_parser/v0.0.43"
_GRES = {"hgx": "gpu:h100", "nvl": "gpu:gb200"}
_NUMBERED = re.compile(r"^(.*?)(\d+)$")

File = tuple[str, bytes]
"""(path below the capture's root, content)."""


def slurm(plan: Cluster) -> Iterator[File]:
    """Nodes, partitions, jobs, accounts and the configuration."""
    yield "slurm/nodes.json", _answer(plan, "nodes", nodes(plan))
    yield "slurm/partitions.json", _answer(plan, "partitions", partitions(plan))
    yield "slurm/jobs.json", _answer(plan, "jobs", jobs(plan))
    yield "slurm/associations.json", _answer(plan, "associations", associations(plan), "slurmdbd")
    yield "slurm/accounts.json", _answer(plan, "accounts", accounts(plan), "slurmdbd")
    yield "slurm/users.json", _answer(plan, "users", users(plan), "slurmdbd")
    yield "slurm/slurm.conf", configuration(plan).encode()
    yield "slurm/gres.conf", b"AutoDetect=nvml\n"
    yield "slurm/cgroup.conf", _cgroup(plan).encode()


def _answer(plan: Cluster, name: str, rows: Iterable[dict[str, Any]], daemon: str = "slurmctld") -> bytes:
    """One slurmrestd answer with the usual envelope."""
    major, minor, micro = RELEASE.split(".")
    meta = {
        "plugin": {"type": f"openapi/{daemon}", "name": f"Slurm OpenAPI {daemon}", "data_parser": PARSER},
        "slurm": {
            "version": {"major": major, "minor": minor, "micro": micro},
            "release": RELEASE,
            "cluster": plan.name,
        },
    }
    return msgspec.json.encode({name: list(rows), "meta": meta, "errors": [], "warnings": []})


def number(value: int) -> dict[str, Any]:
    """A number as slurmrestd writes it."""
    return {"set": True, "infinite": False, "number": value}


def nodes(plan: Cluster) -> Iterator[dict[str, Any]]:
    """The compute nodes of the Slurm part."""
    busy: dict[str, int] = {}
    for job in plan.jobs:
        for name in job.hosts:
            busy[name] = busy.get(name, 0) + job.gpus
    for host in _compute(plan):
        gres = f"{_GRES[host.role]}:{host.gpus}"
        yield {
            "name": host.name,
            "hostname": host.name,
            "address": address(host, "compute"),
            "cluster_name": plan.name,
            "burstbuffer_network_address": "",
            "boards": 1,
            "specialized_cores": 0,
            "architecture": "x86_64" if host.role == "hgx" else "aarch64",
            "cpus": 224 if host.role == "hgx" else 144,
            "real_memory": 2_000_000 if host.role == "hgx" else 960_000,
            "gres": gres,
            "gres_used": f"{_GRES[host.role]}:{busy.get(host.name, 0)}",
            "features": features(host),
            "active_features": features(host),
            "partitions": [host.partition],
            "state": ["ALLOCATED" if busy.get(host.name) else "IDLE"],
            "tres": f"cpu=224,gres/gpu={host.gpus}",
            "version": RELEASE,
            "operating_system": "Linux 6.8.0-60-generic",
        }


def features(host: Host) -> list[str]:
    """What jobs may ask for: the kind of node, whose it is, and the NVLink domain where it spans hosts."""
    return [host.role, host.partition, *([host.domain] if host.domain else [])]


def _compute(plan: Cluster) -> Iterator[Host]:
    return (host for host in plan.hosts if host.gpus and host.partition != "kube")


def partitions(plan: Cluster) -> Iterator[dict[str, Any]]:
    """One partition per tenant and kind of node; the shared one takes the tenants that may use it."""
    room: dict[str, list[str]] = {}
    for host in _compute(plan):
        room.setdefault(host.partition, []).append(host.name)
    for name, members in room.items():
        yield {
            "name": name,
            "nodes": {"allowed_allocation": "", "configured": hostlist(members), "total": len(members)},
            "accounts": {"allowed": ",".join(allowed(plan, name)), "deny": ""},
            "groups": {"allowed": ""},
            "qos": {"allowed": "", "deny": "", "assigned": ""},
            "maximums": {"oversubscribe": {"jobs": 4 if name == "shared" else 1, "flags": []}},
            "partition": {"state": ["UP"]},
        }


def allowed(plan: Cluster, partition: str) -> list[str]:
    """The accounts that may submit to a partition."""
    if partition == "shared":
        return [group.name for group in plan.tenants if plan.flawed("shared_partition", group.name)]
    return [partition.removesuffix("-nvl")]


def jobs(plan: Cluster) -> Iterator[dict[str, Any]]:
    """The running jobs, with the accelerators of each node."""
    roles = {host.name: host.role for host in plan.hosts}
    uids = {user.name: user.uid for user in plan.users}
    gids = {group.name: group.gid for group in plan.tenants}
    homes = {group.name: group.home.partition("/export")[2] for group in plan.tenants}
    for job in plan.jobs:
        yield {
            "job_id": job.number,
            "name": job.name,
            "account": job.tenant,
            "user_name": job.user,
            "user_id": uids[job.user],
            "group_name": job.tenant,
            "group_id": gids[job.tenant],
            "cluster": plan.name,
            "partition": job.partition,
            "qos": "normal",
            "nodes": hostlist(job.hosts),
            "batch_host": job.hosts[0],
            "node_count": number(len(job.hosts)),
            "job_state": ["RUNNING"],
            "state_reason": "None",
            "dependency": "",
            "gres_detail": [_detail(job, roles[name]) for name in job.hosts],
            "tres_per_node": f"gres/gpu:{job.gpus}",
            "tres_alloc_str": f"node={len(job.hosts)},gres/gpu={job.gpus * len(job.hosts)}",
            "oversubscribe": job.partition == "shared",
            "start_time": number(int(OBSERVED) - 3600),
            "end_time": number(int(OBSERVED) + 86_400),
            "command": f"/proj/{job.tenant}/{job.pipeline}/{job.stage}.sh",
            "container": "",
            "submit_line": _submitted(job),
            "current_working_directory": f"{homes[job.tenant]}/{job.user}",
        }


def _submitted(job: Job) -> str:
    image = f" --container-image={data.image(job)}" if data.image(job) else ""
    return f"sbatch -N{len(job.hosts)} --gpus-per-node={job.gpus}{image} {job.stage}.sh"


def _detail(job: Job, role: str) -> str:
    last = job.first_gpu + job.gpus - 1
    span = f"{job.first_gpu}-{last}" if job.gpus > 1 else f"{job.first_gpu}"
    return f"{_GRES[role]}:{job.gpus}(IDX:{span})"


def associations(plan: Cluster) -> Iterator[dict[str, Any]]:
    """Which account each user charges."""
    rows = [("root", ""), *((group.name, "") for group in plan.tenants)]
    rows += [(user.tenant, user.name) for user in plan.users if user.tenant]
    for serial, (account, user) in enumerate(rows, 1):
        yield {
            "account": account,
            "cluster": plan.name,
            "user": user,
            "partition": "",
            "parent_account": "" if user or account == "root" else "root",
            "is_default": bool(user),
            "id": serial,
            "qos": ["normal"],
        }


def accounts(plan: Cluster) -> Iterator[dict[str, Any]]:
    """The tenants' accounts with their coordinators."""
    for group in plan.tenants:
        first = next(user for user in plan.users if user.tenant == group.name)
        spare = plan.flawed("coordinator_spare", group.name)
        yield {
            "name": group.name,
            "description": group.name,
            "organization": group.name,
            "coordinators": [{"name": first.name, "direct": True}] if spare else [],
            "associations": [],
            "flags": [],
        }


def users(plan: Cluster) -> Iterator[dict[str, Any]]:
    """Every account that Slurm knows, with its level."""
    for user in plan.users:
        yield {
            "name": user.name,
            "administrator_level": ["Administrator" if user.role == "operator" else "None"],
            "default": {"account": user.tenant or "root", "wckey": ""},
            "coordinators": [],
            "associations": [],
            "flags": [],
        }


def configuration(plan: Cluster) -> str:
    """slurm.conf, as short as a real one may be."""
    controller = plan.of_role("scheduler")[0].name
    lines = [
        f"ClusterName={plan.name}",
        f"SlurmctldHost={controller}",
        "SlurmUser=slurm",
        "AuthType=auth/munge",
        "CredType=cred/munge",
        "PrivateData=accounts,jobs,usage,users",
        "ProctrackType=proctrack/cgroup",
        "TaskPlugin=task/cgroup,task/affinity",
        "SelectType=select/cons_tres",
        "GresTypes=gpu",
        "SwitchType=switch/nvidia_imex" if plan.of_role("nvl") else "SwitchType=switch/none",
        "AccountingStorageType=accounting_storage/slurmdbd",
        "AccountingStorageHost=sched02",
        "AccountingStorageEnforce=associations,limits,qos",
        "SrunPortRange=60001-63000",
        "TreeWidth=65533",
        *(f"{hook}={path}" for hook, path in data.hooks(plan)),
        f"PrologFlags=Alloc,{'' if plan.flawed('pam_adopt_missing') else 'Contain,'}X11",
    ]
    room: dict[str, list[str]] = {}
    for role, members in groupby(_compute(plan), key=lambda host: host.role):
        found = list(members)
        gpus = f"{_GRES[role]}:{found[0].gpus}"
        lines.append(f"NodeName={hostlist(host.name for host in found)} Gres={gpus} State=UNKNOWN")
        for host in found:
            room.setdefault(host.partition, []).append(host.name)
    for name, names in room.items():
        share = "YES:4" if name == "shared" else "NO"
        accounts = ",".join(allowed(plan, name)) or "root"
        lines.append(
            f"PartitionName={name} Nodes={hostlist(names)} AllowAccounts={accounts} OverSubscribe={share} State=UP"
        )
    return "\n".join(lines) + "\n"


def _cgroup(plan: Cluster) -> str:
    devices = "no" if plan.flawed("constrain_devices_off") else "yes"
    return f"CgroupPlugin=autodetect\nConstrainCores=yes\nConstrainRAMSpace=yes\nConstrainDevices={devices}\n"


def hostlist(names: Iterable[str]) -> str:
    """Names as Slurm abbreviates them: `gpu[0001-0003,0007],login01`.

    >>> hostlist(["gpu01", "gpu02", "gpu04", "head"])
    'gpu[01-02,04],head'
    """
    found: dict[tuple[str, int], list[int]] = {}
    plain = []
    for name in names:
        match = _NUMBERED.match(name)
        if match:
            found.setdefault((match[1], len(match[2])), []).append(int(match[2]))
        else:
            plain.append(name)
    parts = []
    for (prefix, width), numbers in found.items():
        spans = _spans(sorted(numbers), width)
        only = len(numbers) == 1
        parts.append(f"{prefix}{numbers[0]:0{width}d}" if only else f"{prefix}[{','.join(spans)}]")
    return ",".join([*parts, *plain])


def _spans(numbers: list[int], width: int) -> list[str]:
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return [f"{a:0{width}d}" if a == b else f"{a:0{width}d}-{b:0{width}d}" for a, b in spans]
