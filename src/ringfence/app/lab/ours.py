"""Ringfence's own processes in the lab: the order server, an agent and an enforcer on every machine that has them.

Every node enrols over the wire with a one-time token, as on a real cluster.
"""

import shlex
import sys
from functools import partial
from pathlib import Path

from ringfence.app import enrol
from ringfence.app.lab import kernel, parts, processes
from ringfence.app.lab.inside import NETNS, apart, daemon
from ringfence.app.lab.layout import CLUSTER, FABRIC, MODEL, ORDERS_PORT, TELEMETRY_PORT, Layout, Machine, guid
from ringfence.app.orders.control import ControlClient
from ringfence.errors import EnforceError, RingfenceError

ROLES = ("enforcer", "agent")
DATASET = "dataset:lab/corpus"
OFF = ("modules", "nvml", "ib", "rdma")
"""Sources that tell of the one kernel and the one set of devices that all machines of the lab share."""
_AT_MOST = 40.0


def server_address(layout: Layout, port: int = ORDERS_PORT) -> str:
    """Where the server listens."""
    return f"{layout.machine('ctl').address}:{port}"


def start_server(layout: Layout) -> None:
    """A new authority, and the order server in `ctl`."""
    ctl = layout.machine("ctl")
    enrol.init(layout.server, ctl.name, ORDERS_PORT)
    layout.state.mkdir(mode=0o700)
    argv = [sys.executable, "-m", "ringfence", "fence", "serve", str(layout.server), "--listen", server_address(layout)]
    daemon(layout, ctl, "server", argv)
    log = layout.home(ctl) / "log" / "server.log"
    if not processes.wait(lambda: "orders on" in log.read_text(), _AT_MOST):
        raise EnforceError(f"the order server did not start: {log.read_text()[-500:]}")


def join(layout: Layout) -> None:
    """Enrol an agent and an enforcer on every machine that is ours, each from within its own network."""
    for machine in (one for one in layout.machines if one.is_ours):
        for role in ROLES:
            token = layout.home(machine) / f"{role}.token"
            enrol.token(layout.server, machine.entity, role, 10, token)
            apart(partial(_join, layout, machine, role, token))
            token.unlink()


def _join(layout: Layout, machine: Machine, role: str, token: Path) -> None:
    kernel.enter((NETNS / machine.namespace, kernel.NEWNET))
    enrol.join(server_address(layout), token, layout.home(machine) / role)


def start_nodes(layout: Layout) -> None:
    """Every enforcer and every agent; all enforcers are connected when this returns."""
    ours = [one for one in layout.machines if one.is_ours]
    for machine in ours:
        start_enforcer(layout, machine)
    for machine in ours:
        start_agent(layout, machine)
    hosts = {one.entity for one in ours}
    if not processes.wait(lambda: hosts <= connected(layout), _AT_MOST, 0.1):
        raise EnforceError(f"enforcers not connected: {', '.join(sorted(hosts - connected(layout)))}")


def start_enforcer(layout: Layout, machine: Machine) -> None:
    """The enforcer of a machine, with drivers for what the machine is."""
    home = layout.home(machine)
    lines = [f'on_outage = "allow"\ndeadline = 3\nlook = 2\nsocket = "{layout.hooks(machine)}"']
    lines += (_table(target, settings) for target, settings in targets(layout, machine).items())
    (home / "enforcer.toml").write_text("\n".join(lines))
    argv = ("enforcer", "run", "--dir", str(home / "enforcer"), "--settings", str(home / "enforcer.toml"))
    daemon(layout, machine, "enforcer", [sys.executable, "-m", "ringfence", *argv])


def targets(layout: Layout, machine: Machine) -> dict[str, dict[str, object]]:
    """Target → settings of its driver, of those that the machine has."""
    home = layout.home(machine)
    found: dict[str, dict[str, object]] = {"nftables": {"spent": home / "spent.json"}, "contain": {}, "flows": {}}
    if has_sshd(machine):
        found |= _logins(home)
    if machine.role == "ibm":
        found |= _fabric(layout, home)
    if machine.role == "ctl":
        found["scheduler"] = {"slurm_conf": layout.slurm_conf, "memory": home / "scheduler"}
    return found


def _logins(home: Path) -> dict[str, dict[str, object]]:
    main, parts_of, pid = "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d", {"pid_file": "/run/sshd.pid"}
    keys = {"drop_in": f"{parts_of}/05-ringfence-keys.conf", "revoked": "/etc/ssh/ringfence-revoked.krl"}
    return {
        "sshd": {"main": main, "drop_in": f"{parts_of}/10-ringfence.conf", **pid},
        "keys": {"main": main, **keys, **pid},
        "sessions": {"memory": home / "sessions.json", **pid},
    }


def _fabric(layout: Layout, home: Path) -> dict[str, dict[str, object]]:
    fabric = parts.fabric_of(layout)
    tools = shlex.join(f"{name}={value}" for name, value in fabric.tools().items())
    about = {"fabric": FABRIC, "managers": f"0x{guid(0):016x}", "environment": tools, "folder": fabric.folder}
    return {
        "quarantine": {**about, "file": fabric.partitions, "pid_file": parts.OPENSM_PID},
        "ports": {**about, "ledger": home / "ports.json"},
    }


def has_sshd(machine: Machine) -> bool:
    """Whether people log in there."""
    return machine.role in ("gpu", "login", "store", "ctl")


def _table(target: str, settings: dict[str, object]) -> str:
    rows = "".join(f'{name} = "{value}"\n' for name, value in settings.items())
    return f'[[enforcer]]\ntarget = "{target}"\n{rows}'


def start_agent(layout: Layout, machine: Machine) -> None:
    """The agent of a machine. It tells of its own machine only, and speaks where the watch will listen."""
    home = layout.home(machine)
    lines = [f'cluster = "{CLUSTER}"\noff = {list(OFF)}\nspool_mib = 16\n'.replace("'", '"')]
    lines.append(f'credentials = ["/etc/ssh/ssh_host_ed25519_key", "{home}/enforcer/node.key"]\n')
    if machine.role == "store":
        lines.append(f'[[watch]]\npath = "{layout.model}"\ndata = "{MODEL}"\n')
        lines.append(f'[[watch]]\npath = "{layout.model.parent}/datasets"\ndata = "{DATASET}"\n')
    (home / "agent.toml").write_text("".join(lines))
    argv = ("--home", str(home / "agent"), "--settings", str(home / "agent.toml"))
    to = ("--server", server_address(layout, TELEMETRY_PORT))
    daemon(layout, machine, "agent", [sys.executable, "-m", "ringfence.app.agent", *argv, *to])


def connected(layout: Layout) -> set[str]:
    """Hosts whose enforcers are connected, as the order server says."""
    try:
        return {one.host for one in ControlClient(layout.server).connected()}
    except RingfenceError:
        return set()
