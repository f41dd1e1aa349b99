"""A whole fabric, changed by the enforcer beside its subnet manager: `quarantine` and `ports` in `enforcer.toml`.

[[enforcer]]
target = "quarantine"
fabric = "lab"                            # the estate's `network:ib/lab`
managers = "0x0000001000000001"           # GUIDs of the ports of all its managers
file = "/etc/opensm/partitions.conf"      # of those on this host, the master's last; several as a shell has words
pid_file = "/run/opensm.pid"
topology = "/etc/ringfence/fabric.txt"    # an ibnetdiscover of when all were there; left out: who is there now
environment = "IBSIM_SOCKNAME=lab"        # of the tools that look into the fabric; `folder`: where they run

[[enforcer]]
target = "ports"
fabric = "lab"
managers = "0x0000001000000001"
ledger = "/var/lib/ringfence/ports.json"  # which leaf ports are off
"""

import shlex
from functools import cache
from pathlib import Path

from ringfence.enforce.ib_seat import LocalSeat
from ringfence.enforce.ibport import LeafPorts
from ringfence.enforce.quarantine import Quarantine
from ringfence.errors import EnforceError, InputError
from ringfence.estate import ids
from ringfence.segment.inventory import Fabric
from ringfence.wire.ibnet import discover


@cache
def quarantine(
    where: str, job: str, *, fabric: str, managers: str, file: str, pid_file: str, topology: str = "",
    environment: str = "", folder: str = "",
) -> Quarantine:  # fmt: skip
    """One for the life of the process: it keeps the way into the fabric open. Raises `InputError`, `EnforceError`."""
    files, pids = shlex.split(file), shlex.split(pid_file)
    if len(files) != len(pids):
        raise InputError(f"fabric {fabric}: {len(files)} files and {len(pids)} pid_files")
    seats = [LocalSeat(conf, Path(conf), pid_file=Path(pid)) for conf, pid in zip(files, pids, strict=True)]
    return Quarantine(_fabric(job, fabric, managers, topology), seats, _variables(environment), folder or None)


@cache
def ports(
    where: str, job: str, *, fabric: str, managers: str, ledger: str = "/var/lib/ringfence/ports.json",
    environment: str = "", folder: str = "",
) -> LeafPorts:  # fmt: skip
    """As `quarantine`."""
    return LeafPorts(_fabric(job, fabric, managers), Path(ledger), _variables(environment), folder or None)


def _fabric(job: str, name: str, managers: str, topology: str = "") -> Fabric:
    """What is told of a fabric here."""
    if job:
        raise EnforceError("a fabric has one quarantine, whatever the job")
    try:
        own = tuple(ids.ibport(one) for one in managers.replace(",", " ").split())
        nodes = discover.read(Path(topology).read_bytes()).nodes if topology else ()
    except (OSError, ValueError) as error:
        raise InputError(f"fabric {name}: {error}", remedy="managers are GUIDs, topology an ibnetdiscover") from None
    if not own:
        raise InputError(f"fabric {name}: no manager's port is named", remedy="`sminfo` tells the master's")
    there = [ids.ibport(link.guid) for node in nodes if node.kind != "switch" for link in node.links if link.guid]
    return Fabric(name, (), own, tuple(sorted(there)))


def _variables(text: str) -> dict[str, str] | None:
    return dict(one.partition("=")[::2] for one in shlex.split(text)) or None
