"""A real Slurm for tests: munged, slurmctld and ten slurmd on loopback, in a folder of their own.

No systemd. Every process is one that this started and is stopped by its id. The traps that the
configuration avoids are told in docs/design/slurm.md.
"""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from ringfence.app.lab.slurm import ACCOUNTING, PARTS, Place, missing

NODES = 10
GPUS = 8


class Slurm:
    """A running cluster named `rf`: `gpu0001` to `gpu0010`, partitions train and secure."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = Place(folder, "rf", socket.gethostname().partition(".")[0], "127.0.0.1", 0)
        self.conf = self.place.conf
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


def need(commands: Sequence[str] = tuple(PARTS)) -> None:
    """Skip where a package is missing, or where this is not root."""
    for command, package in missing(commands).items():
        pytest.skip(f"missing-part: {command} (Debian package {package})")
    if os.geteuid() != 0:
        pytest.skip("missing-part: root (slurmd runs jobs as their users)")


@contextmanager
def running(nodes: int = NODES, extra: str = "", *, accounting: bool = False) -> Iterator[Slurm]:
    """A cluster whose nodes are all idle; gone when the block ends. `extra` is added to slurm.conf.

    With `accounting`, a MariaDB and a slurmdbd of its own as well.
    """
    need((*PARTS, *ACCOUNTING) if accounting else tuple(PARTS))
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
    folder, place = cluster.folder, cluster.place
    place.make()
    for index in range(GPUS):
        os.mknod(folder / "dev" / f"nvidia{index}", 0o020666, os.makedev(1, 3))
    ports = free_ports(nodes + 3)
    cluster.place = place = msgspec.structs.replace(place, port=ports[0])
    cluster.database = (ports[-2], ports[-1])
    extra += place.accounting(cluster.database[0]) if accounting else ""
    cluster.conf.write_text(place.text() + _nodes(place.host, ports[1 : nodes + 1]) + extra)
    (folder / "etc" / "gres.conf").write_text(
        f"AutoDetect=off\nName=gpu Type=h100 File={folder}/dev/nvidia[0-{GPUS - 1}]\n"
    )


def _nodes(here: str, ports: Sequence[int]) -> str:
    lines = [
        f"NodeName=gpu{at + 1:04d} NodeHostname={here} NodeAddr=127.0.0.1 Port={port} "
        f"CPUs=64 RealMemory=1000 Gres=gpu:h100:{GPUS} State=UNKNOWN"
        for at, port in enumerate(ports)
    ]
    lines += [
        "PartitionName=train Nodes=ALL Default=YES State=UP",
        "PartitionName=secure Nodes=gpu[0001-0002] AllowGroups=root OverSubscribe=EXCLUSIVE State=UP",
    ]
    return "\n".join(lines) + "\n"


def _account(cluster: Slurm) -> None:
    """MariaDB and slurmdbd, with a cluster, two accounts, an operator and a coordinator."""
    place, (port, database) = cluster.place, cluster.database
    (cluster.folder / "db").mkdir()
    cluster.ask(*place.new_database)
    cluster.start(place.mariadb(database))
    cluster.wait("database up", *place.sql("select 41+1"), until="42")
    cluster.ask(*place.sql(place.grants))
    place.slurmdbd_conf(port, database)
    cluster.start(place.daemon("slurmdbd"))
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
    cluster.start(cluster.place.munged)
    end = time.monotonic() + 10
    while not cluster.place.munge_socket.exists() and time.monotonic() < end:
        time.sleep(0.05)


def _launch(cluster: Slurm, nodes: int) -> None:
    cluster.start(cluster.place.daemon("slurmctld"))
    for at in range(nodes):
        cluster.start(cluster.place.slurmd(f"gpu{at + 1:04d}"))
    cluster.wait("all nodes idle", "sinfo", "-h", "-p", "train", "-o", "%T %D", until=f"idle {nodes}")
