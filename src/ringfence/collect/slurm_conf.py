"""slurm.conf and `scontrol show config` → facts: the control plane, its trust, what root runs."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from ringfence.collect.slurm_state import SOFTWARE, Names, Place, nodes
from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.wire.slurm.conf import Config
from ringfence.wire.slurm.small import Cgroup
from ringfence.wire.slurm.values import Partition

_TOLD = {
    "AuthType": "auth/munge",
    "CredType": "",
    "AuthAltTypes": "",
    "PrivateData": "none",
    "TaskPlugin": "",
    "ProctrackType": "",
    "SlurmUser": "root",
    "SlurmdUser": "root",
    "SelectType": "",
    "SwitchType": "",
    "AccountingStorageEnforce": "none",
    "DisableRootJobs": "NO",
    "JobContainerType": "job_container/none",
    "NamespaceType": "",
    "MCSPlugin": "",
    "PrologFlags": "",
    "StateSaveLocation": "/var/spool",
    "SrunPortRange": "",
    "TreeWidth": "",
}
"""Settings passed on, with Slurm's default where that is the weak one and worth saying."""

HOOKS_OF_NODES = ("Prolog", "Epilog", "HealthCheckProgram", "RebootProgram")
"""Run as slurmd's user, which is root, on every node."""

HOOKS_OF_CONTROLLER = (
    "PrologSlurmctld",
    "EpilogSlurmctld",
    "ResumeProgram",
    "SuspendProgram",
    "ResumeFailProgram",
    "SlurmctldPrimaryOnProg",
    "SlurmctldPrimaryOffProg",
    "MailProg",
    "UnkillableStepProgram",
)
"""Run as SlurmUser on the controller."""

_HOST = re.compile(r"\s*([^()\s]+)\s*(?:\(([^()]*)\))?\s*")


def controllers(config: Config) -> list[tuple[str, str]]:
    """(host, address) of every slurmctld: `SlurmctldHost=ctl01(10.0.0.1)`, before 18.08 ControlMachine."""
    found = []
    for key in ("slurmctldhost", "controlmachine", "backupcontroller"):
        for value in config.values.get(key, ()):
            match = _HOST.fullmatch(value)
            if match:
                found.append((match[1], match[2] or ""))
    return found


def control(host: str, place: Place, port: str = "6817", auth: str = "") -> Iterator[Fact]:
    """That slurmctld runs there, and how its callers prove who they are."""
    service = ids.service(host, "slurmctld", port)
    yield Fact(host, "controls", place.entity)
    yield Fact(service, "runs_on", host)
    yield Fact(service, "service_kind", "slurmctld")
    if auth:
        yield Fact(service, "authenticates", "none" if auth == "auth/none" else "key")


def restd(served: str, place: Place) -> Iterator[Fact]:
    """slurmrestd as its own answer names it. An ephemeral port is the caller's, not the server's."""
    name, _, port = served.rpartition(":")
    if not name or int(port) >= 32768 or name in ("localhost", "127.0.0.1", "::1"):
        return
    host = place.host(name.removeprefix("::ffff:"))
    service = ids.service(host, "slurmrestd", port)
    yield Fact(service, "runs_on", host)
    yield Fact(service, "service_kind", "slurmrestd")


def settings(config: Config, place: Place) -> Iterator[Fact]:
    """Settings, controllers and hooks. Defaults are said only by a file that is the main one."""
    cluster = place.entity
    main = bool(config.cluster)
    for key, default in _TOLD.items():
        value = config.get(key, default if main else "")
        if value and not (key == "JobContainerType" and config.get("NamespaceType")):  # its name since 25.11
            yield Fact(cluster, "setting", ids.clean(f"{key}={value.partition('(')[0]}"))
    auth = config.get("AuthType", "auth/munge" if main else "")
    for name, _ in controllers(config):
        yield from control(place.host(name), place, _port(config.get("SlurmctldPort", "6817")), auth)
    user = config.get("SlurmUser", "root" if main else "").partition("(")[0]
    if user and user != "root":
        yield Fact(ids.of("identity", user), "operates", cluster, {"level": "slurm-user"})
    version = config.get("SLURM_VERSION")
    if version:
        yield Fact(cluster, "runs_software", SOFTWARE, {"version": ids.clean(version)})
    yield from hooks(config, cluster)
    epilogs = config.values.get("epilog", ())
    if main and not config.includes and not any(path.strip().startswith("/") for path in epilogs):
        yield Fact(cluster, "setting", "Epilog=none")
    if config.get("TaskPlugin") and "task/cgroup" not in config.get("TaskPlugin"):
        yield Fact(cluster, "setting", "devices=unconstrained", {"by": "TaskPlugin"})
    shown = config.get("ConstrainDevices").lower()
    if shown:
        yield from constrained(cluster, Cgroup(devices=shown == "yes"))


def _port(text: str) -> str:
    """The first port of `6817` or `6817-6820`."""
    first = text.partition("-")[0].strip()
    return first if first.isdigit() and len(first) < 6 else "6817"


def hooks(config: Config, cluster: str) -> Iterator[Fact]:
    """Programs that Slurm runs with rights of its own: `hook=/path`, by which setting. Where the path lies
    is joined later with the mounts (`slurm_hooks.on_storage`).
    """
    for key in (*HOOKS_OF_NODES, *HOOKS_OF_CONTROLLER):
        for value in config.values.get(key.lower(), ()):
            for path in value.split(","):
                if path.strip().startswith("/"):
                    yield Fact(cluster, "setting", ids.clean(f"hook={path.strip()}"), {"hook": key})


def constrained(subject: str, cgroup: Cgroup) -> Iterator[Fact]:
    """Whether jobs are kept to the devices that they were given. Not saying so means no."""
    yield Fact(subject, "setting", f"ConstrainDevices={'yes' if cgroup.devices else 'no'}")
    if not cgroup.devices:
        yield Fact(subject, "setting", "devices=unconstrained", {"by": "ConstrainDevices"})


def planned_nodes(config: Config, place: Place) -> Iterator[Fact]:
    """The nodes of NodeName lines."""
    names = Names()
    rows = [
        msgspec.structs.replace(row, name=name)
        for row in config.nodes
        for name in names(row.name)
        if row.states != ("FUTURE",)
    ]
    yield from nodes(rows, place)


def resolved(config: Config, all_of: Sequence[Config]) -> Iterator[Partition]:
    """Partitions whose `Nodes=ALL` and NodeSets have become hostlists; NodeName lines may be in another file."""
    rows = [row for one in all_of for row in one.nodes if row.states != ("FUTURE",)]
    everything = ",".join(dict.fromkeys(row.name for row in rows))
    sets = {name: value for one in all_of for name, value in one.sets.items()}
    for partition in config.partitions:
        parts = [part.strip() for part in partition.nodes.split(",")] if "[" not in partition.nodes else []
        if partition.nodes == "ALL":
            yield msgspec.structs.replace(partition, nodes=everything)
        elif any(part in sets for part in parts):
            whole = [_of_set(sets[part], rows, everything) if part in sets else part for part in parts]
            yield msgspec.structs.replace(partition, nodes=",".join(part for part in whole if part))
        else:
            yield partition


def _of_set(value: str, rows: Sequence[object], everything: str) -> str:
    if value == "ALL":
        return everything
    feature = value.removeprefix("feature:") if value.startswith("feature:") else ""
    if not feature:
        return value
    return ",".join(getattr(row, "name", "") for row in rows if feature in getattr(row, "features", ()))
