"""A real subnet manager on a simulated fabric: opensm on ibsim, from the Debian packages.

    with fabric(tmp_path, hosts=324) as running:
        running.apply("jobA=0x8001 : …;")
        answer = running.ask("saquery", "--smkey", "1", "PKTR")

Nothing of it is ours but the topology file. Everything is ended by its own process id.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NEEDED = {
    "opensm": "opensm",
    "ibsim": "ibsim-utils",
    "saquery": "infiniband-diags",
    "ibnetdiscover": "infiniband-diags",
}
PER_LEAF = 18
SPINES = 18


def needed() -> Path:
    """The library that stands between the tools and the simulator; skips, naming the package, what is absent."""
    for tool, package in NEEDED.items():
        if shutil.which(tool) is None:
            pytest.skip(f"missing-part: {tool} (Debian package {package})")
    found = sorted(Path("/usr/lib").glob("*/umad2sim/libumad2sim.so*")) + sorted(
        Path("/usr/lib").glob("umad2sim/libumad2sim.so*")
    )
    if not found:
        pytest.skip("missing-part: libumad2sim (Debian package libumad2sim0)")
    return found[0]


def host_name(index: int) -> str:
    """The name in the node description of a host."""
    return f"gpu{index:04d}"


def port_guid(index: int) -> int:
    """The port GUID of a host."""
    return 0x10_0000_0000 + (index << 8) + 1


def fat_tree(hosts: int) -> str:
    """ibsim's topology of two levels: 18 hosts a leaf, every leaf cabled to each of 18 spines."""
    leaves = -(-hosts // PER_LEAF)
    blocks = []
    for leaf in range(leaves):
        rows = [f"switchguid=0x{_leaf(leaf):x}", f'Switch 36 "S-{_leaf(leaf):016x}" # "leaf{leaf:02d}"']
        here = range(leaf * PER_LEAF, min(hosts, (leaf + 1) * PER_LEAF))
        rows += [f'[{at + 1}] "H-{port_guid(index) - 1:016x}"[1]' for at, index in enumerate(here)]
        rows += [f'[{PER_LEAF + spine + 1}] "S-{_spine(spine):016x}"[{leaf + 1}]' for spine in range(SPINES)]
        blocks.append(rows)
    for spine in range(SPINES):
        rows = [f"switchguid=0x{_spine(spine):x}", f'Switch 36 "S-{_spine(spine):016x}" # "spine{spine:02d}"']
        rows += [f'[{leaf + 1}] "S-{_leaf(leaf):016x}"[{PER_LEAF + spine + 1}]' for leaf in range(leaves)]
        blocks.append(rows)
    for index in range(hosts):
        port = port_guid(index)
        leaf, at = divmod(index, PER_LEAF)
        blocks.append(
            [
                f"caguid=0x{port - 1:x}",
                f'Ca 1 "H-{port - 1:016x}" # "{host_name(index)} mlx5_0"',
                f'[1](0x{port:x}) "S-{_leaf(leaf):016x}"[{at + 1}]',
            ]
        )
    return "\n\n".join("\n".join(rows) for rows in blocks) + "\n"


def _leaf(number: int) -> int:
    return 0x20_0000_0000 + number * 0x100


def _spine(number: int) -> int:
    return 0x30_0000_0000 + number * 0x100


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
        before = log.read_bytes().count(b"SUBNET UP")
        self.opensm.send_signal(signal.SIGHUP)
        _wait(lambda: log.read_bytes().count(b"SUBNET UP") > before, settle, "the sweep after SIGHUP")


@contextmanager
def fabric(folder: Path, hosts: int = 324, partitions: str = "", options: tuple[str, ...] = ()) -> Iterator[Running]:
    """ibsim with a fat tree of `hosts`, opensm as master on host 0 with these partitions; both ended at the end."""
    library = needed()
    (folder / "fabric.net").write_text(fat_tree(hosts))
    (folder / "partitions.conf").write_text(partitions)
    environment = {
        **os.environ,
        "IBSIM_SOCKNAME": f"rf{os.getpid()}x{time.monotonic_ns() % 10**9}",
        "SIM_HOST": f"H-{port_guid(0) - 1:016x}",
        "OSM_CACHE_DIR": str(folder),
        "OSM_TMP_DIR": str(folder),
    }
    preloaded = {**environment, "LD_PRELOAD": str(library)}
    started: list[subprocess.Popen[bytes]] = []
    with (folder / "ibsim.log").open("wb") as said, (folder / "opensm.out").open("wb") as heard:
        try:
            sim = subprocess.Popen(
                ("ibsim", "-s", "-n", "fabric.net"),
                env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
            )  # fmt: skip
            started.append(sim)
            time.sleep(0.5)
            manager = subprocess.Popen(
                ("opensm", "-d2", *(options or ("-s", "0")), "-f", "osm.log", "-P", str(folder / "partitions.conf")),
                env=preloaded, cwd=folder, stdin=subprocess.DEVNULL, stdout=heard, stderr=subprocess.STDOUT,
            )  # fmt: skip
            started.append(manager)
            log = folder / "osm.log"
            _wait(lambda: log.exists() and b"SUBNET UP" in log.read_bytes(), 20, "the subnet to come up")
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
