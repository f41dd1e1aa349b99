"""A real NATS JetStream cluster on loopback, from Debian's nats-server.

    with cluster(tmp_path, servers=3) as running:
        running.urls                        one address per server
        running.kill(running.leader("RF_EVENTS"))   SIGKILL; `start` brings it back with its files

Every server is ended by its own process id.
"""

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def needed() -> str:
    """The server's path; skips, naming the package, where it is absent."""
    found = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin")
    if found is None:
        pytest.skip("missing-part: nats-server (Debian package nats-server)")
    return found


class Running:
    """Some servers, up or killed."""

    def __init__(self, program: str, folder: Path, servers: int, room: str) -> None:
        self.program, self.folder, self.room = program, folder, room
        ports = _free(3 * servers)
        self.clients, self.routes, self.monitors = ports[:servers], ports[servers : 2 * servers], ports[2 * servers :]
        self.processes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def urls(self) -> list[str]:
        """Where clients connect."""
        return [f"nats://127.0.0.1:{port}" for port in self.clients]

    def start(self, at: int) -> None:
        """Start one server, with the files that it left."""
        config = self.folder / f"{at}.conf"
        config.write_text(self._config(at))
        log = (self.folder / f"{at}.log").open("ab")
        self.processes[at] = subprocess.Popen([self.program, "-c", str(config)], stdout=log, stderr=log)
        log.close()

    def kill(self, at: int) -> None:
        """End one server as a power failure would."""
        process = self.processes.pop(at)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """End all."""
        for at in list(self.processes):
            self.kill(at)

    def leader(self, stream: str, within: float = 20.0) -> int:
        """The server that leads a stream now."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            for at in self.processes:
                name = self._leader(at, stream)
                if name.startswith("n"):
                    return int(name[1:])
            time.sleep(0.1)
        raise AssertionError(f"no leader of {stream}")

    def _leader(self, at: int, stream: str) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.monitors[at]}/jsz?streams=1", timeout=2) as answer:
                said = json.load(answer)
        except OSError:
            return ""
        details = [one for account in said.get("account_details", []) for one in account.get("stream_detail", [])]
        return next((one.get("cluster", {}).get("leader", "") for one in details if one["name"] == stream), "")

    def _config(self, at: int) -> str:
        text = f"""
            server_name: n{at}
            listen: 127.0.0.1:{self.clients[at]}
            http: 127.0.0.1:{self.monitors[at]}
            jetstream {{ store_dir: "{self.folder}/{at}", max_mem: 64M, max_file: {self.room} }}
        """
        if len(self.clients) > 1:
            routes = ", ".join(f"nats://127.0.0.1:{port}" for port in self.routes)
            text += f"cluster {{ name: rf, listen: 127.0.0.1:{self.routes[at]}, routes: [{routes}] }}\n"
        return text


@contextmanager
def cluster(folder: Path, servers: int = 3, room: str = "4G") -> Iterator[Running]:
    """Servers for the length of the block."""
    running = Running(needed(), folder, servers, room)
    try:
        for at in range(servers):
            running.start(at)
        yield running
    finally:
        running.stop()


def _free(count: int) -> list[int]:
    held = []
    for _ in range(count):
        one = socket.socket()
        one.bind(("127.0.0.1", 0))
        held.append(one)
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports
