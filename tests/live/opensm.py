"""A real subnet manager on a simulated fabric: opensm on ibsim, from the Debian packages.

    with fabric(tmp_path, hosts=324) as running:
        running.apply("jobA=0x8001 : …;")
        answer = running.ask("saquery", "--smkey", "1", "PKTR")

Nothing of it is ours but the topology file. Everything is ended by its own process id.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ringfence.app.lab.fabric import UP, Fabric, library
from ringfence.app.lab.layout import guid
from ringfence.errors import MissingPart

port_guid = guid
"""The port GUID of a host, by its number."""


def needed() -> None:
    """Skips, naming the package, where a part is absent."""
    try:
        library()
    except MissingPart as error:
        pytest.skip(f"missing-part: {error.what} ({error.remedy})")


def host_name(index: int) -> str:
    """The name in the node description of a host."""
    return f"gpu{index:04d}"


class Running:
    """A fabric that is up."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.opensm: subprocess.Popen[bytes] | None = None

    def ask(self, *command: str, timeout: float = 20) -> bytes:
        """What a tool of infiniband-diags prints on this fabric."""
        done = subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, timeout=timeout, check=False
        )
        return done.stdout

    def tables(self, lids: Iterable[int]) -> bytes:
        """The partition tables of these ports, read from the ports themselves.

        The simulator passes on only the first datagram of a long answer, so `saquery PKTR` shows
        two tables of it; `smpquery` asks each port.
        """
        answers = (b"# lid %d port 1\n" % lid + self.ask("smpquery", "pkeys", str(lid), "1") for lid in lids)
        return b"".join(answers)

    @contextmanager
    def second_manager(self, host: int, options: str) -> Iterator[None]:
        """Another opensm, on another host, with an empty partitions.conf and these options."""
        folder = self.folder / f"manager{host}"
        folder.mkdir()
        (folder / "opensm.conf").write_text(options)
        (folder / "partitions.conf").write_text("")
        about = {
            "SIM_HOST": f"H-{port_guid(host) - 1:016x}",
            "OSM_CACHE_DIR": str(folder),
            "OSM_TMP_DIR": str(folder),
        }
        command = ("opensm", "-F", "opensm.conf", "-d2", "-f", "osm.log", "-P", str(folder / "partitions.conf"))
        with (folder / "out").open("wb") as said:
            manager = subprocess.Popen(
                command, env={**self.environment, **about}, cwd=folder,
                stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
            )  # fmt: skip
            try:
                yield
            finally:
                _end(manager)

    def apply(self, partitions: str, settle: float = 10) -> None:
        """Put partitions.conf in place and wait for the sweep that SIGHUP starts."""
        assert self.opensm is not None
        log = self.folder / "osm.log"
        (self.folder / "partitions.conf").write_text(partitions)
        before = log.read_bytes().count(UP)
        self.opensm.send_signal(signal.SIGHUP)
        _wait(lambda: log.read_bytes().count(UP) > before, settle, "the sweep after SIGHUP")


@contextmanager
def fabric(folder: Path, hosts: int = 324, partitions: str = "", options: tuple[str, ...] = ()) -> Iterator[Running]:
    """ibsim with a fat tree of `hosts`, opensm as master on host 0 with these partitions; both ended at the end."""
    needed()
    made = Fabric(folder, f"rf{os.getpid()}x{time.monotonic_ns() % 10**9}")
    made.prepare([host_name(index) for index in range(hosts)], partitions)
    preloaded = {**os.environ, **made.tools()}
    started: list[subprocess.Popen[bytes]] = []
    with (folder / "ibsim.log").open("wb") as said, (folder / "opensm.out").open("wb") as heard:
        try:
            sim = subprocess.Popen(
                made.simulator,
                env={**os.environ, **made.plain()}, cwd=folder,
                stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
            )  # fmt: skip
            started.append(sim)
            time.sleep(0.5)
            manager = subprocess.Popen(
                made.manager(*options),
                env=preloaded, cwd=folder, stdin=subprocess.DEVNULL, stdout=heard, stderr=subprocess.STDOUT,
            )  # fmt: skip
            started.append(manager)
            _wait(lambda: made.sweeps() > 0, 20, "the subnet to come up")
            running = Running(folder, preloaded)
            running.opensm = manager
            yield running
        finally:
            # opensm first: once its simulator is gone it answers no signal but SIGKILL
            for process in reversed(started):
                _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


def _wait(done: object, seconds: float, what: str) -> None:
    assert callable(done)
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.05)
