"""The parts of the cluster, each a real one: Slurm with its database, a subnet manager, sshd, a file server with data.

Each function starts its part and returns when it works, or raises `EnforceError` with what it said.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ringfence.app.fence.hooks import HOOKS, Settings, install
from ringfence.app.lab import processes
from ringfence.app.lab.fabric import DENY, Fabric
from ringfence.app.lab.inside import daemon, inside, said
from ringfence.app.lab.layout import (
    ACCOUNTS,
    CLUSTER,
    FABRIC,
    MODEL_BYTES,
    OPERATOR,
    SSH_PORT,
    STORE_PORT,
    Account,
    Layout,
    Machine,
)
from ringfence.app.lab.slurm import Place
from ringfence.errors import EnforceError

SLURMCTLD, SLURMD, SLURMDBD, DATABASE = 6817, 6818, 6819, 3306
FIREWALL = """\
table inet site {
    chain input { type filter hook input priority filter; policy accept; ct state established,related accept; }
    chain output { type filter hook output priority filter; policy accept; ct state established,related accept; }
}
"""
OPENSM_PID = "/run/opensm.pid"
"""In `ibm`: opensm writes none of its own."""
GPUS = 8
SHARDS, SHARD = 4, 4 << 20
"""Of the data set: files, and bytes of each."""
_ASKS = ("confine", "remove-job")
_PATIENCE = 5.0
_AT_MOST = 40.0
"""Seconds for a part to come up; two busy cores take their time."""


def fabric_of(layout: Layout) -> Fabric:
    """The simulated fabric: `ibm` is host 0, `gpuNN` is host NN."""
    return Fabric(layout.home(layout.machine("ibm")), f"rf-{FABRIC}")


def slurm_of(layout: Layout) -> Place:
    """The cluster's Slurm; its files are shared, as on a cluster without local configuration."""
    ctl = layout.machine("ctl")
    return Place(layout.shared / "slurm", CLUSTER, ctl.name, ctl.address, SLURMCTLD)


def firewall(layout: Layout) -> None:
    """The site's own rules where an agent is: what was answered goes on. They make the kernel track flows."""
    for machine in (one for one in layout.machines if one.is_ours):
        said(layout, machine, ["nft", "-f", "-"], given=FIREWALL)


def start_fabric(layout: Layout) -> None:
    """ibsim, then opensm: GPU nodes share one partition, and else speak with the manager alone."""
    machine, fabric = layout.machine("ibm"), fabric_of(layout)
    train = ", ".join(f"0x{one.port_guid:016x}" for one in layout.nodes)
    fabric.prepare(
        [machine.name, *(one.name for one in layout.nodes)], f"{DENY}train=0x8001, defmember=full : {train};\n"
    )
    daemon(layout, machine, "ibsim", fabric.simulator, env=fabric.plain(), cwd=fabric.folder)
    sockets = Path(f"/proc/{processes.noted(layout.home(machine))['ibsim']}/net/unix")
    _until(lambda: f"@{fabric.name}:ctl" in sockets.read_text(), "the simulated fabric")
    tools = [f"{name}={value}" for name, value in fabric.tools().items()]
    told = ["sh", "-c", f'echo $$ >{OPENSM_PID} && exec env "$@"', "sh", *tools, *fabric.manager()]
    daemon(layout, machine, "opensm", told, cwd=fabric.folder)
    _until(lambda: fabric.sweeps() > 0, "the subnet manager")


def start_slurm(layout: Layout) -> None:
    """munged, MariaDB, slurmdbd with the lab's accounts, slurmctld, a slurmd on every node; all nodes idle."""
    ctl, place = layout.machine("ctl"), slurm_of(layout)
    place.make()
    place.conf.write_text(conf(layout))
    (place.folder / "etc" / "gres.conf").write_text(
        f"AutoDetect=off\nName=gpu Type=h100 File=/dev/nvidia[0-{GPUS - 1}]\n"
    )
    place.slurmdbd_conf(SLURMDBD, DATABASE)
    hooks(layout)
    daemon(layout, ctl, "munged", place.munged)
    (place.folder / "db").mkdir()
    said(layout, ctl, place.new_database, timeout=_AT_MOST)
    daemon(layout, ctl, "mariadbd", place.mariadb(DATABASE))
    _answers(layout, ctl, place.sql("select 41+1"), "the database")
    said(layout, ctl, place.sql(place.grants))
    daemon(layout, ctl, "slurmdbd", place.daemon("slurmdbd"))
    _answers(layout, ctl, ["sacctmgr", "-n", "-P", "show", "qos", "format=name"], "slurmdbd")
    for line in _associations():
        said(layout, ctl, ["sacctmgr", "-i", *line.split()])
    daemon(layout, ctl, "slurmctld", place.daemon("slurmctld"))
    for node in layout.nodes:
        daemon(layout, node, "slurmd", place.slurmd(node.name))
    _until(lambda: idle(layout) == len(layout.nodes), "all nodes idle", 0.2)


def conf(layout: Layout) -> str:
    """slurm.conf. Every node is a host of its own, at its own address."""
    place = slurm_of(layout)
    nodes = "".join(
        f"NodeName={one.name} NodeAddr={one.address} Port={SLURMD} CPUs=64 RealMemory=1000 Gres=gpu:h100:{GPUS}\n"
        for one in layout.nodes
    )
    named = "".join(f"{hook.setting}={_hooks(layout) / hook.file}\n" for hook in HOOKS if hook.asks in _ASKS)
    train = "PartitionName=train Nodes=ALL Default=YES State=UP\n"
    return place.text() + place.accounting(SLURMDBD) + named + nodes + train


def hooks(layout: Layout) -> None:
    """Slurm's hooks that bring a job's processes into its control group and end that: no gate, nobody follows jobs."""
    sockets = layout.folder / "follow.sock", layout.folder / "%n.sock"
    install(Settings(_hooks(layout), *sockets, deadline=_PATIENCE, outage="allow"))


def _hooks(layout: Layout) -> Path:
    return slurm_of(layout).folder / "hooks"


def idle(layout: Layout) -> int:
    """How many nodes wait for work."""
    ctl = layout.machine("ctl")
    try:
        return len(said(layout, ctl, ["sinfo", "-h", "-N", "-t", "idle", "-o", "%N"]).split())
    except EnforceError:
        return 0


def _associations() -> list[str]:
    tenants = sorted({one.tenant for one in ACCOUNTS if one.tenant})
    lines = [f"add cluster {CLUSTER}"]
    lines += [f"add account {one} Description={one} Organization=lab" for one in tenants]
    lines += [f"add user {one.name} Account={one.tenant}" for one in ACCOUNTS if one.tenant]
    return [*lines, f"add user root Account={tenants[0]} AdminLevel=Administrator"]


def start_sshd(layout: Layout, machine: Machine) -> None:
    """sshd with a host key of its own; keys of accounts are in their homes."""
    folder = layout.home(machine) / "ssh"  # the machine's /etc/ssh
    (folder / "sshd_config.d").mkdir()
    keygen(folder / "ssh_host_ed25519_key")
    (folder / "sshd_config").write_text(
        f"Include /etc/ssh/sshd_config.d/*.conf\nListenAddress {machine.address}\nPort {SSH_PORT}\n"
        "HostKey /etc/ssh/ssh_host_ed25519_key\nPidFile /run/sshd.pid\nUsePAM no\nLogLevel VERBOSE\n"
        "AuthorizedKeysFile /home/%u/.ssh/authorized_keys\nPermitRootLogin no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
    )
    daemon(layout, machine, "sshd", [shutil.which("sshd") or "/usr/sbin/sshd", "-D"])


def operator_key(layout: Layout) -> None:
    """The operator's key, on the workstation, and the line that admits it everywhere."""
    keygen(layout.client_key)
    os.chown(layout.client_key, OPERATOR.uid, OPERATOR.uid)
    admit(layout, OPERATOR, layout.client_key.with_suffix(".pub").read_text())


def admit(layout: Layout, account: Account, line: str) -> None:
    """Add a public key to an account's `authorized_keys`."""
    file = layout.shared / "home" / account.name / ".ssh" / "authorized_keys"
    with file.open("a") as keys:
        keys.write(line)
    os.chown(file, account.uid, account.uid)


def keygen(path: Path) -> None:
    """Make an Ed25519 key, and `.pub` beside it."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.parent.name, "-f", str(path)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode:
        raise EnforceError(f"ssh-keygen: {done.stderr.strip()[:200]}")


def start_storage(layout: Layout) -> None:
    """The file server, over the weights and a small data set."""
    store = layout.machine("store")
    data = layout.model.parent
    (data / "datasets").mkdir(parents=True)
    seeded(layout.model, MODEL_BYTES, 1)
    for at in range(1, SHARDS + 1):
        seeded(data / "datasets" / f"shard{at:02d}.tar", SHARD, at + 1)
    serve_files(layout)
    _until(lambda: f":{STORE_PORT} " in said(layout, store, ["ss", "-Hltn"]), "the file server", 0.1)


def serve_files(layout: Layout) -> None:
    """Start the file server alone."""
    store = layout.machine("store")
    log = layout.home(store) / "log" / "access.log"
    where = (str(layout.model.parent), store.address, str(STORE_PORT), str(log))
    daemon(layout, store, "files", [sys.executable, "-m", "ringfence.app.lab.storage", *where])


def seeded(path: Path, size: int, seed: int) -> None:
    """A file of bytes, a whole number of MiB, that follow from the seed and do not compress (AES-CTR of zeros).

    1 GiB takes about a second.
    """
    stream = Cipher(algorithms.AES(seed.to_bytes(16, "big")), modes.CTR(bytes(16))).encryptor()
    zeros = bytes(1 << 20)
    with path.open("wb") as file:
        for _ in range(size >> 20):
            file.write(stream.update(zeros))


def _answers(layout: Layout, machine: Machine, argv: list[str], what: str) -> None:
    def asked() -> bool:
        process = inside(layout, machine, argv)
        try:
            return process.wait(20) == 0
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return False

    _until(asked, what, 0.1)


def _until(holds: Callable[[], bool], what: str, pause: float = 0.02) -> None:
    if not processes.wait(holds, _AT_MOST, pause):
        raise EnforceError(f"{what} did not come up within {_AT_MOST:g} s", "see the logs in the lab's folder")
