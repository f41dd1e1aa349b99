"""A real sshd for tests: root's, on one port of loopback, with a key for the accounts that the test names."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.live.slurm import free_ports

PROGRAM = "/usr/sbin/sshd"


class Sshd:
    """One listening sshd; `main` is its configuration, `drop_in` the file that it includes."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.main, self.drop_in = folder / "sshd_config", folder / "d" / "ringfence.conf"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def command(self, user: str, source: str, *what: str) -> list[str]:
        """An ssh that logs in as `user` from the loopback address `source`."""
        plain = (
            "BatchMode=yes",
            "StrictHostKeyChecking=no",
            f"UserKnownHostsFile={self.folder}/known",
            "LogLevel=ERROR",
        )
        options = [word for option in plain for word in ("-o", option)]
        return [
            *("ssh", "-F", "none", *options, "-i", f"{self.folder}/client", "-b", source, "-p", str(self.port)),
            *(f"{user}@127.0.0.1", *what),
        ]

    def lets_in(self, user: str, source: str) -> bool:
        """Whether a real login gets as far as the account's shell (which may be nologin)."""
        done = subprocess.run(self.command(user, source, "true"), capture_output=True, timeout=20, check=False)
        return done.returncode != 255

    def answers(self, user: str, address: str) -> str:
        """`sshd -T` for a connection of this user from this address."""
        asked = [
            "-T",
            "-f",
            str(self.main),
            "-C",
            f"user={user},addr={address},host={address},laddr=127.0.0.1,lport=22",
        ]
        return subprocess.run([PROGRAM, *asked], capture_output=True, text=True, timeout=20, check=True).stdout

    def wait_until_listening(self) -> None:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            done = subprocess.run(
                ["ssh-keyscan", "-p", str(self.port), "-T", "2", "127.0.0.1"], capture_output=True, check=False
            )
            if done.stdout:
                return
        raise AssertionError((self.folder / "log").read_text())


@contextmanager
def listening(extra: str = "") -> Iterator[Sshd]:
    """A running sshd; it and all its sessions are gone when the block ends."""
    if not Path(PROGRAM).exists() or shutil.which("ssh") is None:
        pytest.skip("missing-part: sshd (Debian packages openssh-server, openssh-client)")
    if os.geteuid() != 0:
        pytest.skip("missing-part: root (sshd changes to the account that logs in)")
    with tempfile.TemporaryDirectory(prefix="ringfence-sshd-") as name:
        server = Sshd(Path(name), free_ports(1)[0])
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it goes before a login
        _prepare(server, extra)
        with (server.folder / "log").open("wb") as log:
            server.process = subprocess.Popen(
                [PROGRAM, "-D", "-e", "-f", str(server.main)], stdout=log, stderr=log, start_new_session=True
            )
        try:
            server.wait_until_listening()
            yield server
        finally:
            for child in _children(server.pid):
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            server.process.terminate()
            server.process.wait(5)


def _prepare(server: Sshd, extra: str) -> None:
    folder = server.folder
    folder.chmod(0o755)
    (folder / "d").mkdir()
    for key in ("host", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)], check=True)
    shutil.copy(folder / "client.pub", folder / "authorized")
    server.main.write_text(
        f"Include {folder}/d/*.conf\n{extra}"
        f"ListenAddress 127.0.0.1\nPort {server.port}\nHostKey {folder}/host\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
        "KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nMaxStartups 100\n"
    )


def _children(pid: int) -> list[int]:
    said = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in said.read_text().split()] if said.exists() else []
