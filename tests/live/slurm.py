"""A real Slurm for tests: munged, slurmctld and ten slurmd on loopback, in a folder of their own.

No systemd. Every process is one that this started and is stopped by its id. The traps that the
configuration avoids are told in docs/design/slurm.md.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

NODES = 10
GPUS = 8
_PARTS = {
    "munged": "munge",
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "sinfo": "slurm-client",
}
_ACCOUNTING = {
    "slurmdbd": "slurmdbd, slurm-wlm-mysql-plugin",
    "mariadbd": "mariadb-server",
    "mariadb": "mariadb-client",
}


class Slurm:
    """A running cluster named `rf`: `gpu0001` to `gpu0010`, partitions train and secure."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conf = folder / "etc" / "slurm.conf"
        self.env = {**os.environ, "SLURM_CONF": str(self.conf), "LC_ALL": "C"}
        self.database = (0, 0)
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, argv: Sequence[str], *, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """A daemon in the foreground, in a session of its own."""
        log = (self.folder / "log" / f"{Path(argv[0]).name}-{len(self.started)}.out").open("wb")
        with log:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env or self.env, start_new_session=True
            )
        self.started.append(process)
        return process

    def ask(self, *argv: str, timeout: float = 20) -> str:
        """What a command prints. Fails the test with what it said if it fails."""
        done = subprocess.run(argv, env=self.env, capture_output=True, timeout=timeout, text=True, check=False)
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout

    def wait(self, what: str, *argv: str, until: str, at_most: float = 25) -> str:
        """Ask again until the answer holds `until`."""
        said, end = "", time.monotonic() + at_most
        while time.monotonic() < end:
            done = subprocess.run(argv, env=self.env, capture_output=True, timeout=20, text=True, check=False)
            said = done.stdout + done.stderr
            if until in said:
                return said
            time.sleep(0.2)
        raise AssertionError(f"{what} did not happen: {said[-2000:]}")

    def submit(self, *options: str, script: str = "sleep 300") -> str:
        """The number of a new batch job."""
        return self.ask("sbatch", "--parsable", "--output=/dev/null", *options, f"--wrap={script}").strip()

    def stop(self) -> None:
        """Stop everything that was started, last first; nothing else."""
        for process in reversed(self.started):
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        end = time.monotonic() + 3
        for process in reversed(self.started):
            # a slurmd that never registered ignores SIGTERM
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.05, end - time.monotonic()))
            if process.poll() is None:
                process.kill()
                process.wait(5)
        self._stop_steps()

    def _stop_steps(self) -> None:
        """Job steps outlive their slurmd: those with our folder's spool in their environment are ours."""
        mark = f"SLURM_CONF={self.conf}".encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    if mark in (entry / "environ").read_bytes().split(b"\0") and int(entry.name) != os.getpid():
                        os.kill(int(entry.name), signal.SIGKILL)


def need(commands: Sequence[str] = tuple(_PARTS)) -> None:
    """Skip where a package is missing, or where this is not root."""
    for command in commands:
        if shutil.which(command) is None and not Path("/usr/sbin", command).exists():
            pytest.skip(f"missing-part: {command} (Debian package {({**_PARTS, **_ACCOUNTING}).get(command, command)})")
    if os.geteuid() != 0:
        pytest.skip("missing-part: root (slurmd runs jobs as their users)")


@contextmanager
def running(nodes: int = NODES, extra: str = "", *, accounting: bool = False) -> Iterator[Slurm]:
    """A cluster whose nodes are all idle; gone when the block ends. `extra` is added to slurm.conf.

    With `accounting`, a MariaDB and a slurmdbd of its own as well.
    """
    need((*_PARTS, *_ACCOUNTING) if accounting else tuple(_PARTS))
    with tempfile.TemporaryDirectory(prefix="ringfence-slurm-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # jobs of ordinary accounts pass through it
        cluster = Slurm(folder)
        try:
            _prepare(cluster, nodes, extra, accounting)
            _munge(cluster)
            if accounting:
                _account(cluster)
            _launch(cluster, nodes)
            yield cluster
        finally:
            cluster.stop()


def free_ports(count: int) -> list[int]:
    """Ports of loopback that are free now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _prepare(cluster: Slurm, nodes: int, extra: str, accounting: bool) -> None:
    folder = cluster.folder
    for name in ("etc", "run", "log", "state", "spool", "dev", "sbin"):
        (folder / name).mkdir()
    (folder / "run").chmod(0o755)
    key = folder / "etc" / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    for daemon in ("slurmctld", "slurmd", "slurmdbd"):
        # slurmctld looks at its own name and crashes under another one
        real = Path(f"/usr/sbin/{daemon}-wlm")
        (folder / "sbin" / daemon).symlink_to(real if real.exists() else f"/usr/sbin/{daemon}")
    for index in range(GPUS):
        os.mknod(folder / "dev" / f"nvidia{index}", 0o020666, os.makedev(1, 3))
    ports = free_ports(nodes + 3)
    cluster.database = (ports[-2], ports[-1])
    extra += _accounting_conf(folder, ports[-2]) if accounting else ""
    cluster.conf.write_text(_conf(folder, nodes, ports) + extra)
    (folder / "etc" / "gres.conf").write_text(
        f"AutoDetect=off\nName=gpu Type=h100 File={folder}/dev/nvidia[0-{GPUS - 1}]\n"
    )
    (folder / "etc" / "cgroup.conf").write_text("ConstrainCores=no\nConstrainDevices=no\n")


def _conf(folder: Path, nodes: int, ports: Sequence[int]) -> str:
    here = socket.gethostname().partition(".")[0]
    lines = [
        "ClusterName=rf",
        f"SlurmctldHost={here}(127.0.0.1)",
        f"SlurmctldPort={ports[0]}",
        "SlurmUser=root",
        "SlurmdUser=root",
        "AuthType=auth/munge",
        f"AuthInfo=socket={folder}/run/munge.sock",
        "CommunicationParameters=NoCtldInAddrAny,NoInAddrAny",
        f"StateSaveLocation={folder}/state",
        f"SlurmdSpoolDir={folder}/spool/%n",
        f"SlurmctldPidFile={folder}/run/slurmctld.pid",
        f"SlurmdPidFile={folder}/run/slurmd-%n.pid",
        f"SlurmctldLogFile={folder}/log/slurmctld.log",
        f"SlurmdLogFile={folder}/log/slurmd-%n.log",
        "SlurmdParameters=config_overrides",
        "ProctrackType=proctrack/linuxproc",
        "TaskPlugin=task/none",
        "MpiDefault=none",
        "ReturnToService=2",
        "SelectType=select/cons_tres",
        "SelectTypeParameters=CR_Core",
        "GresTypes=gpu",
    ]
    lines += [
        f"NodeName=gpu{at + 1:04d} NodeHostname={here} NodeAddr=127.0.0.1 Port={ports[at + 1]} "
        f"CPUs=64 RealMemory=1000 Gres=gpu:h100:{GPUS} State=UNKNOWN"
        for at in range(nodes)
    ]
    lines += [
        "PartitionName=train Nodes=ALL Default=YES State=UP",
        "PartitionName=secure Nodes=gpu[0001-0002] AllowGroups=root OverSubscribe=EXCLUSIVE State=UP",
    ]
    return "\n".join(lines) + "\n"


def _accounting_conf(folder: Path, port: int) -> str:
    """AuthInfo does not cover what goes to slurmdbd: the socket has to be named again."""
    return (
        "AccountingStorageType=accounting_storage/slurmdbd\n"
        "AccountingStorageHost=127.0.0.1\n"
        f"AccountingStoragePort={port}\n"
        f"AccountingStoragePass={folder}/run/munge.sock\n"
        "AccountingStorageEnforce=associations,limits,qos\n"
        "AccountingStorageTRES=gres/gpu\n"
    )


def _account(cluster: Slurm) -> None:
    """MariaDB and slurmdbd, with a cluster, two accounts, an operator and a coordinator."""
    folder, (port, database) = cluster.folder, cluster.database
    (folder / "db").mkdir()
    sock = folder / "run" / "mariadb.sock"
    common = ["--no-defaults", f"--datadir={folder}/db", "--user=root"]
    cluster.ask("mariadb-install-db", *common, "--skip-test-db", "--auth-root-authentication-method=normal")
    server = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
    cluster.start(
        [
            *(server, *common, f"--port={database}", "--bind-address=127.0.0.1"),
            *(f"--socket={sock}", f"--pid-file={folder}/run/mariadb.pid"),
        ]
    )
    client = ("mariadb", "--no-defaults", "-u", "root", "-S", str(sock))
    cluster.wait("database up", *client, "-e", "select concat('up', '!')", until="up!")
    grants = "create database slurm_acct;" + "".join(
        f"create user slurm@'{host}' identified by 'for-tests'; grant all on slurm_acct.* to slurm@'{host}';"
        for host in ("localhost", "127.0.0.1")
    )
    cluster.ask(*client, "-e", grants)
    conf = folder / "etc" / "slurmdbd.conf"
    here = socket.gethostname().partition(".")[0]
    settings = {
        "AuthType": "auth/munge",
        "AuthInfo": f"socket={folder}/run/munge.sock",
        "DbdHost": here,
        "DbdAddr": "127.0.0.1",
        "DbdPort": port,
        "SlurmUser": "root",
        "StorageType": "accounting_storage/mysql",
        "StorageHost": "127.0.0.1",
        "StoragePort": database,
        "StorageUser": "slurm",
        "StoragePass": "for-tests",
        "StorageLoc": "slurm_acct",
        "LogFile": f"{folder}/log/slurmdbd.log",
        "PidFile": f"{folder}/run/slurmdbd.pid",
    }
    conf.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    conf.chmod(0o600)
    cluster.start([str(folder / "sbin" / "slurmdbd"), "-D"])
    cluster.wait("slurmdbd up", "sacctmgr", "-n", "-P", "show", "qos", "format=name", until="normal")
    for command in (
        "add cluster rf",
        "add account vision Description=vision Organization=lab",
        "add account vision-eu parent=vision Description=eu Organization=lab",
        "add user alice Account=vision",
        "add user bob Account=vision-eu AdminLevel=Operator",
        "add user nobody Account=vision",
        "add coordinator Account=vision Names=alice",
    ):
        cluster.ask("sacctmgr", "-i", *command.split())


def _munge(cluster: Slurm) -> None:
    folder = cluster.folder
    munge = [
        *("munged", "--foreground", "--force", f"--key-file={folder}/etc/munge.key"),
        *(f"--socket={folder}/run/munge.sock", f"--pid-file={folder}/run/munged.pid"),
        *(f"--log-file={folder}/log/munged.log", f"--seed-file={folder}/run/munged.seed"),
    ]
    munge[0] = shutil.which("munged") or "/usr/sbin/munged"
    cluster.start(munge)
    socket_file = folder / "run" / "munge.sock"
    end = time.monotonic() + 10
    while not socket_file.exists() and time.monotonic() < end:
        time.sleep(0.05)


def _launch(cluster: Slurm, nodes: int) -> None:
    folder = cluster.folder
    cluster.start([str(folder / "sbin" / "slurmctld"), "-D"])
    step = Path("/usr/sbin/slurmstepd-wlm")
    for at in range(nodes):
        argv = [str(folder / "sbin" / "slurmd"), "-D", "-N", f"gpu{at + 1:04d}"]
        cluster.start([*argv, "-d", str(step)] if step.exists() else argv)
    cluster.wait("all nodes idle", "sinfo", "-h", "-p", "train", "-o", "%T %D", until=f"idle {nodes}")
