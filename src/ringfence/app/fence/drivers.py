"""How each target of a site file is driven: the table `DRIVERS`, from a target to what makes its enforcer.

A driver gets the entity that the table's `where` names, the inventory, and the table's other fields; a field that it
does not know, or lacks, is an error of the file. Passwords and tokens are named by the file that holds them.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from ringfence.app.fence.fabrics import OpensmFabric, UfmFabric
from ringfence.enforce.base import Covering, Enforcer
from ringfence.enforce.bindings import RevokedBindings
from ringfence.enforce.budget import Ledger
from ringfence.enforce.contain import Contain
from ringfence.enforce.ending import EndingFlows, EndingSessions
from ringfence.enforce.exports import Exports
from ringfence.enforce.flows import EndFlows
from ringfence.enforce.ib_seat import LocalSeat
from ringfence.enforce.ibport import LeafPorts
from ringfence.enforce.kubernetes import Kubernetes
from ringfence.enforce.namespace import entered
from ringfence.enforce.quarantine import Quarantine
from ringfence.enforce.revoked_keys import RevokedKeys
from ringfence.enforce.scheduler import Scheduler
from ringfence.enforce.sessions import EndSessions
from ringfence.enforce.slurm import Slurm
from ringfence.errors import InputError, MissingPart
from ringfence.segment.fabrics import entity
from ringfence.segment.inventory import Fabric, Inventory


def _nftables(where: str, _: Inventory, *, spent: str = "", netns: str = "") -> Enforcer:
    """`spent`: what budgets have spent, kept over restarts; `netns`: the host is this network namespace."""
    ledger = Ledger(Path(spent)) if spent else None
    return EndingFlows(where, partial(entered, netns), ledger) if netns else EndingFlows(where, ledger=ledger)


def _sshd(where: str, _: Inventory, *, main: str, drop_in: str, pid_file: str) -> Enforcer:
    return EndingSessions(where, Path(main), Path(drop_in), _pid(pid_file))


def _contain(where: str, _: Inventory, *, memory: str, netns: str = "") -> Contain:
    """`memory`: how what is in force was called; `netns`: the host is this network namespace."""
    return Contain(where, Path(memory), partial(entered, netns) if netns else nullcontext)


def _flows(where: str, inventory: Inventory, *, memory: str, netns: str = "") -> Enforcer:
    """`memory` and `netns`: as those of `contain`, whose containment it is."""
    within = partial(entered, netns) if netns else nullcontext
    return EndFlows(where, _contain(where, inventory, memory=memory, netns=netns), within)


def _sessions(where: str, _: Inventory, *, pid_file: str, memory: str) -> Enforcer:
    return EndSessions(where, _pid(pid_file), Path(memory))


def _keys(where: str, _: Inventory, *, main: str, drop_in: str, revoked: str, pid_file: str) -> Enforcer:
    return RevokedKeys(where, Path(main), Path(drop_in), Path(revoked), _pid(pid_file))


def _exports(
    where: str, _: Inventory, *, file: str = "/etc/exports.d/ringfence.exports",
    announce: Sequence[str] = ("exportfs", "-ra"),
) -> Enforcer:  # fmt: skip
    return Exports(where, Path(file), tuple(announce))


def _slurm(where: str, _: Inventory, *, slurm_conf: str = "") -> Enforcer:
    return Slurm(where, _slurm_env(slurm_conf))


def _scheduler(where: str, _: Inventory, *, memory: str, slurm_conf: str = "") -> Enforcer:
    """`memory`: the folder of what was before."""
    return Scheduler(where, _slurm_env(slurm_conf), Path(memory))


def _slurm_env(slurm_conf: str) -> dict[str, str]:
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"}
    return env | ({"SLURM_CONF": slurm_conf} if slurm_conf else {})


def _kubernetes(where: str, _: Inventory, *, context: str = "", kubeconfig: str = "") -> Enforcer:
    from ringfence.collect.kubernetes_policies import connect

    return Kubernetes(connect(context, kubeconfig=kubeconfig), where)


def _bindings(where: str, _: Inventory, *, memory: str, context: str = "", kubeconfig: str = "") -> Enforcer:
    """`memory`: the file of what was deleted."""
    from ringfence.collect.kubernetes_policies import connect

    return RevokedBindings(connect(context, kubeconfig=kubeconfig, timeout_s=10), where, Path(memory))


def _opensm(
    where: str, inventory: Inventory, *, seat: Sequence[Mapping[str, str]], environment: Mapping[str, str] | None = None
) -> Enforcer:
    """`seat`: tables of host, file and pid_file, the master's last; `environment`: of the tools that read tables."""
    fabric = _fabric(where, inventory)
    return OpensmFabric(fabric, _seats(fabric, seat), environment)


def _quarantine(
    where: str, inventory: Inventory, *, seat: Sequence[Mapping[str, str]], environment: Mapping[str, str] | None = None
) -> Enforcer:
    """As `_opensm`. What expires is lifted while a process calls `lapse`: an enforcer does, a command does not."""
    fabric = _fabric(where, inventory)
    return Quarantine(fabric, _seats(fabric, seat), environment)


def _ports(where: str, inventory: Inventory, *, ledger: str, environment: Mapping[str, str] | None = None) -> Enforcer:
    """`ledger`: the file that remembers which leaf ports are off."""
    return LeafPorts(_fabric(where, inventory), Path(ledger), environment)


def _seats(fabric: Fabric, seats: Sequence[Mapping[str, str]]) -> list[LocalSeat]:
    for one in seats:
        if one.keys() != {"host", "file", "pid_file"} or one["host"] not in fabric.managers:
            known = ", ".join(fabric.managers)
            raise InputError("a seat has host, file and pid_file", remedy=f"{fabric.name} is managed by {known}")
    return [LocalSeat(one["host"], Path(one["file"]), pid_file=Path(one["pid_file"])) for one in seats]


def _ufm(
    where: str, inventory: Inventory, *, url: str, token_file: str, keys: str, ca: str = "",
    environment: Mapping[str, str] | None = None,
) -> Enforcer:  # fmt: skip
    """`url` ends with the version (`https://…/ufmRestV3/`); `keys`: the file that remembers which keys are ours."""
    try:
        import httpx
    except ModuleNotFoundError:
        raise MissingPart("UFM is reached with httpx", "pip install 'ringfence[fence]'") from None
    import ssl

    try:
        token = Path(token_file).read_text("ascii").strip()
        verify = ssl.create_default_context(cafile=ca or None)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"a file for {url} cannot be read: {error}") from None
    headers = {"Authorization": f"Basic {token}"}
    client = httpx.Client(base_url=url, headers=headers, timeout=30, verify=verify)
    return UfmFabric(_fabric(where, inventory), client, Path(keys), environment)


DRIVERS: Mapping[str, Callable[..., Enforcer]] = {
    "bindings": _bindings,
    "contain": _contain,
    "exports": _exports,
    "flows": _flows,
    "keys": _keys,
    "kubernetes": _kubernetes,
    "nftables": _nftables,
    "opensm": _opensm,
    "ports": _ports,
    "quarantine": _quarantine,
    "scheduler": _scheduler,
    "sessions": _sessions,
    "slurm": _slurm,
    "sshd": _sshd,
    "ufm": _ufm,
}
"""Target → its driver."""


def ordered(target: str, where: str, folder: str, timeout: float = 30.0, host: str = "") -> Enforcer:
    """A host's own enforcer, by signed orders through the server of `folder` that runs on this machine.

    `host`: whose, where `where` is no host.
    """
    from ringfence.app.orders.remote import RemoteEnforcer  # needs the extra; the other drivers do not

    return RemoteEnforcer(target, where, Path(folder), timeout=timeout, host=host)


def covering(enforcers: Mapping[tuple[str, str], Enforcer], jobs: Mapping[str, tuple[str, ...]]) -> None:
    """Tell hosts that are reached by orders which jobs their next artefact holds, so that their gates stay open."""
    for one in enforcers.values():
        if isinstance(one, Covering):
            one.covers = jobs.get(one.where, ())


def _fabric(where: str, inventory: Inventory) -> Fabric:
    known = {entity(fabric): fabric for fabric in inventory.fabrics.values()}
    if where not in known:
        raise InputError(f"the estate has no fabric {where!r}", remedy=f"it has {', '.join(sorted(known)) or 'none'}")
    return known[where]


def _pid(file: str) -> int:
    try:
        return int(Path(file).read_text("ascii"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file} names no running process: {error}") from None
