"""Which of a node's parts its enforcer may change: the `[[enforcer]]` tables of its settings.

    [[enforcer]]
    target = "nftables"                       # one of `DRIVERS`
    spent = "/var/lib/ringfence/spent.json"   # what else the target needs; here: what budgets have spent

    [[enforcer]]
    target = "sshd"
    main = "/etc/ssh/sshd_config"
    drop_in = "/etc/ssh/sshd_config.d/10-ringfence.conf"
    pid_file = "/run/sshd.pid"

    [[enforcer]]
    target = "contain"                        # what an incident cuts on this host; `flows` ends what it blocks
    memory = "/run/ringfence/contain.json"

    [[enforcer]]
    target = "keys"
    main = "/etc/ssh/sshd_config"
    drop_in = "/etc/ssh/sshd_config.d/05-ringfence-keys.conf"
    revoked = "/etc/ssh/ringfence-revoked.krl"
    pid_file = "/run/sshd.pid"

Those of a whole fabric stand in `app/enforcer/fabrics`. An order for a target that no table names is refused.
"""

import os
import shlex
from collections.abc import Callable
from functools import cache, partial
from inspect import signature
from pathlib import Path

from ringfence.app.enforcer import fabrics
from ringfence.app.enforcer.keeper import Drivers
from ringfence.app.enforcer.settings import Settings
from ringfence.collect.kubernetes_policies import connect
from ringfence.enforce.base import Enforcer
from ringfence.enforce.bindings import RevokedBindings
from ringfence.enforce.budget import Ledger
from ringfence.enforce.contain import Contain
from ringfence.enforce.ending import EndingFlows, EndingSessions
from ringfence.enforce.exports import Exports
from ringfence.enforce.flows import EndFlows
from ringfence.enforce.pods import Admitted
from ringfence.enforce.revoked_keys import RevokedKeys
from ringfence.enforce.scheduler import Scheduler
from ringfence.enforce.sessions import EndSessions
from ringfence.errors import EnforceError, InputError


@cache
def _nftables(where: str, job: str, *, spent: str = "/var/lib/ringfence/spent.json") -> Enforcer:
    """One for the life of the process: it counts what budgets spend."""
    _no_job("nftables", job)
    Path(spent).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return EndingFlows(where, ledger=Ledger(Path(spent)))


def _sshd(where: str, job: str, *, main: str, drop_in: str, pid_file: str) -> Enforcer:
    _no_job("sshd", job)
    return EndingSessions(where, Path(main), Path(drop_in), _pid(pid_file))


def _contain(where: str, job: str, *, memory: str = "/run/ringfence/contain.json") -> Contain:
    """`memory`: how what is in force was called, gone with it when the host starts anew."""
    _no_job("contain", job)
    return Contain(where, Path(memory))


def _flows(where: str, job: str, *, memory: str = "/run/ringfence/contain.json") -> Enforcer:
    """`memory`: as that of `contain`, whose containment it is."""
    _no_job("flows", job)
    return EndFlows(where, _contain(where, "", memory=memory))


def _sessions(where: str, job: str, *, pid_file: str, memory: str = "/var/lib/ringfence/sessions.json") -> Enforcer:
    _no_job("sessions", job)
    return EndSessions(where, _pid(pid_file), Path(memory))


def _keys(where: str, job: str, *, main: str, drop_in: str, revoked: str, pid_file: str) -> Enforcer:
    _no_job("keys", job)
    return RevokedKeys(where, Path(main), Path(drop_in), Path(revoked), _pid(pid_file))


def _pid(file: str) -> int:
    try:
        return int(Path(file).read_text("ascii"))
    except (OSError, ValueError):
        raise EnforceError(f"{file} names no running sshd") from None


def _exports(
    where: str, job: str, *, file: str = "/etc/exports.d/ringfence.exports", announce: str = "exportfs -ra"
) -> Enforcer:
    _no_job("exports", job)
    return Exports(where, Path(file), shlex.split(announce))


def _no_job(target: str, job: str) -> None:
    if job:
        raise EnforceError(f"{target} keeps one artefact per host; jobs stand in it (`covers`)")


def _pods(where: str, job: str, *, path: str) -> Enforcer:
    _no_job("pods", job)
    return Admitted(where, Path(path))


def _scheduler(where: str, job: str, *, slurm_conf: str = "", memory: str = "/var/lib/ringfence/scheduler") -> Enforcer:
    """`memory`: the folder of what was before."""
    _no_job("scheduler", job)
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"}
    return Scheduler(where, env | ({"SLURM_CONF": slurm_conf} if slurm_conf else {}), Path(memory))


def _bindings(
    where: str, job: str, *, context: str = "", kubeconfig: str = "", memory: str = "/var/lib/ringfence/bindings.json"
) -> Enforcer:
    """`memory`: what was deleted."""
    _no_job("bindings", job)
    return RevokedBindings(connect(context, kubeconfig=kubeconfig, timeout_s=10), where, Path(memory))


DRIVERS: dict[str, Callable[..., Enforcer]] = {
    "bindings": _bindings,
    "contain": _contain,
    "exports": _exports,
    "flows": _flows,
    "keys": _keys,
    "nftables": _nftables,
    "pods": _pods,
    "ports": fabrics.ports,
    "quarantine": fabrics.quarantine,
    "scheduler": _scheduler,
    "sessions": _sessions,
    "sshd": _sshd,
}
"""Target → its driver, made from the host, the job and the table's other settings."""


def drivers_of(settings: Settings) -> Drivers:
    """The drivers that the settings name. Raises `InputError` with the table's number."""
    found: dict[str, Callable[[str, str], Enforcer]] = {}
    for number, table in enumerate(settings.enforcer, 1):
        target, rest = table.get("target"), {name: value for name, value in table.items() if name != "target"}
        make = DRIVERS.get(target) if isinstance(target, str) else None
        if make is None or target in found:
            known = f"one of {', '.join(DRIVERS)}, each once"
            raise InputError(f"enforcer {number}: no driver for {target!r}", remedy=known)
        if not all(isinstance(value, str) for value in rest.values()):
            raise InputError(f"enforcer {number}: every setting is a text")
        takes = {name: one for name, one in signature(make).parameters.items() if one.kind is one.KEYWORD_ONLY}
        needed = {name for name, one in takes.items() if one.default is one.empty}
        if set(rest) - set(takes) or needed - set(rest):
            raise InputError(f"enforcer {number}: {target} takes {', '.join(sorted(takes))}")
        found[str(target)] = partial(make, **rest)
    return found
