"""What a Slurm without systemd is started from: its files' text and its commands. The lab and the tests start it.

        munged ─▶ MariaDB ─▶ slurmdbd ─▶ accounts ─▶ slurmctld ─▶ slurmd of each node

The traps that the configuration avoids are told in docs/design/slurm.md.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

PARTS = {
    "munged": "munge",
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "sinfo": "slurm-client",
}
ACCOUNTING = {
    "slurmdbd": "slurmdbd slurm-wlm-mysql-plugin",
    "mariadbd": "mariadb-server",
    "mariadb": "mariadb-client",
}
"""Programs and the Debian packages that they are in."""
DATABASE, PASSWORD = "slurm_acct", "for-tests"
_STEPPER = Path("/usr/sbin/slurmstepd-wlm")


class Place(msgspec.Struct, frozen=True):
    """Where a cluster lives. `folder` has etc, run, log, state, spool; the controller is `host` at `address`."""

    folder: Path
    cluster: str
    host: str
    address: str
    port: int

    @property
    def conf(self) -> Path:
        """slurm.conf; the other files are found beside it."""
        return self.folder / "etc" / "slurm.conf"

    @property
    def munge_socket(self) -> Path:
        """Where munged listens."""
        return self.folder / "run" / "munge.sock"

    def make(self) -> None:
        """The folders, munge's key, and daemons by their own names: slurmctld crashes under another one."""
        for name in ("etc", "run", "log", "state", "spool", "dev", "sbin"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "run").chmod(0o755)
        key = self.folder / "etc" / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        for daemon in ("slurmctld", "slurmd", "slurmdbd"):
            real = Path(f"/usr/sbin/{daemon}-wlm")
            (self.folder / "sbin" / daemon).symlink_to(real if real.exists() else f"/usr/sbin/{daemon}")
        settings = ("CgroupPlugin=cgroup/v1", "ConstrainCores=no", "ConstrainDevices=no")
        (self.folder / "etc" / "cgroup.conf").write_text("".join(f"{one}\n" for one in settings))

    def text(self) -> str:
        """slurm.conf without its nodes and partitions."""
        folder = self.folder
        return _lines(
            {
                "ClusterName": self.cluster,
                "SlurmctldHost": f"{self.host}({self.address})",
                "SlurmctldPort": self.port,
                "SlurmUser": "root",
                "SlurmdUser": "root",
                "AuthType": "auth/munge",
                "AuthInfo": f"socket={self.munge_socket}",
                "CommunicationParameters": "NoCtldInAddrAny,NoInAddrAny",
                "StateSaveLocation": folder / "state",
                "SlurmdSpoolDir": folder / "spool" / "%n",
                "SlurmctldPidFile": folder / "run" / "slurmctld.pid",
                "SlurmdPidFile": folder / "run" / "slurmd-%n.pid",
                "SlurmctldLogFile": folder / "log" / "slurmctld.log",
                "SlurmdLogFile": folder / "log" / "slurmd-%n.log",
                "SlurmdParameters": "config_overrides",
                "ProctrackType": "proctrack/linuxproc",
                "TaskPlugin": "task/none",
                "MpiDefault": "none",
                "ReturnToService": 2,
                "SelectType": "select/cons_tres",
                "SelectTypeParameters": "CR_Core",
                "GresTypes": "gpu",
            }
        )

    def accounting(self, port: int) -> str:
        """More of slurm.conf. AuthInfo does not cover what goes to slurmdbd: the socket has to be named again."""
        return _lines(
            {
                "AccountingStorageType": "accounting_storage/slurmdbd",
                "AccountingStorageHost": self.address,
                "AccountingStoragePort": port,
                "AccountingStoragePass": self.munge_socket,
                "AccountingStorageEnforce": "associations,limits,qos",
                "AccountingStorageTRES": "gres/gpu",
            }
        )

    def slurmdbd_conf(self, port: int, database: int) -> None:
        """Write slurmdbd.conf (0600: it has a password)."""
        settings = {
            "AuthType": "auth/munge",
            "AuthInfo": f"socket={self.munge_socket}",
            "DbdHost": self.host,
            "DbdAddr": self.address,
            "DbdPort": port,
            "SlurmUser": "root",
            "StorageType": "accounting_storage/mysql",
            "StorageHost": "127.0.0.1",
            "StoragePort": database,
            "StorageUser": "slurm",
            "StoragePass": PASSWORD,
            "StorageLoc": DATABASE,
            "LogFile": self.folder / "log" / "slurmdbd.log",
            "PidFile": self.folder / "run" / "slurmdbd.pid",
        }
        conf = self.folder / "etc" / "slurmdbd.conf"
        conf.write_text(_lines(settings))
        conf.chmod(0o600)

    @property
    def munged(self) -> list[str]:
        """The command that starts munged."""
        folder = self.folder
        return [
            *(_daemon("munged"), "--foreground", "--force", f"--key-file={folder}/etc/munge.key"),
            *(f"--socket={self.munge_socket}", f"--pid-file={folder}/run/munged.pid"),
            *(f"--log-file={folder}/log/munged.log", f"--seed-file={folder}/run/munged.seed"),
        ]

    @property
    def new_database(self) -> list[str]:
        """The command that makes MariaDB's files."""
        plain = ("--skip-test-db", "--auth-root-authentication-method=normal")
        return ["mariadb-install-db", *self._data, *plain]

    def mariadb(self, port: int) -> list[str]:
        """The command that starts MariaDB on loopback."""
        run = self.folder / "run"
        where = (f"--port={port}", "--bind-address=127.0.0.1", f"--socket={run}/mariadb.sock")
        return [_daemon("mariadbd"), *self._data, *where, f"--pid-file={run}/mariadb.pid"]

    def sql(self, text: str) -> list[str]:
        """The command that has MariaDB do something."""
        return ["mariadb", "--no-defaults", "-u", "root", "-S", f"{self.folder}/run/mariadb.sock", "-e", text]

    @property
    def grants(self) -> str:
        """The database of slurmdbd and who may use it."""
        return f"create database {DATABASE};" + "".join(
            f"create user slurm@'{host}' identified by '{PASSWORD}'; grant all on {DATABASE}.* to slurm@'{host}';"
            for host in ("localhost", "127.0.0.1")
        )

    @property
    def _data(self) -> list[str]:
        return ["--no-defaults", f"--datadir={self.folder}/db", "--user=root"]

    def daemon(self, name: str) -> list[str]:
        """The command that starts slurmctld or slurmdbd in the foreground."""
        return [str(self.folder / "sbin" / name), "-D"]

    def slurmd(self, node: str) -> list[str]:
        """The command that starts a node's slurmd in the foreground."""
        argv = [*self.daemon("slurmd"), "-N", node]
        return [*argv, "-d", str(_STEPPER)] if _STEPPER.exists() else argv


def missing(parts: Sequence[str]) -> dict[str, str]:
    """Of these programs those that are not installed, with their Debian packages."""
    known = {**PARTS, **ACCOUNTING}
    return {one: known[one] for one in parts if shutil.which(one) is None and not Path("/usr/sbin", one).exists()}


def _daemon(name: str) -> str:
    return shutil.which(name) or f"/usr/sbin/{name}"


def _lines(settings: Mapping[str, object]) -> str:
    return "".join(f"{name}={value}\n" for name, value in settings.items())
