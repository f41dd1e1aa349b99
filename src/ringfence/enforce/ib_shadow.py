"""Pre-flight: a file is given to a real opensm on a simulated fabric of the same topology, and its tables are read.

        ibnetdiscover's text ─▶ ibsim ─▶ opensm -P <the text> ─▶ every table, against those that are wanted

The guard foretells what opensm does; this asks it. It takes seconds on large fabrics (2 s at 2,000 hosts), touches
no real fabric, and needs opensm, ibsim and the library that joins them. What it starts lives in a folder of its own
and is ended by its process id.
"""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from ringfence.collect.ib_tables import TableReader
from ringfence.errors import EnforceError, MissingPart, Problem
from ringfence.wire.ibnet import discover
from ringfence.wire.ibnet.partitions import Tables
from ringfence.wire.ibnet.values import Topology

PATIENCE = 120.0
_MOST = 20
_LIBRARIES = ("/usr/lib/*/umad2sim/libumad2sim.so*", "/usr/lib/umad2sim/libumad2sim.so*")


def preflight(
    topology: bytes, text: str, wanted: Tables, manager: int, patience: float = PATIENCE
) -> tuple[Problem, ...]:
    """What the real opensm makes of `text` other than `wanted`; empty: nothing.

    `topology`: of `ibnetdiscover`. `manager`: GUID of the port that opensm runs on. Raises `InputError` for a
    topology that does not parse, `MissingPart`, `EnforceError` if the shadow fabric does not come up.
    """
    nodes = discover.read(topology)
    with TemporaryDirectory(prefix="ringfence-shadow-") as name:
        folder = Path(name)
        (folder / "fabric.net").write_bytes(topology)
        (folder / "partitions.conf").write_text(text, "utf-8", "surrogateescape")
        with shadow(folder, nodes, manager, patience) as up, TableReader(up.environment, name) as reader:
            seen = reader.read(reader.places(), list(wanted))
    sides = (("its adapter", seen.ends), ("its leaf port", seen.leaves))
    wrong = [
        f"ibport:0x{guid:016x}: the shadow gives {side} another table than is wanted"
        for guid, table in wanted.items()
        for side, held in sides
        if guid not in seen.absent and held.get(guid) != table
    ]
    said = wrong[:_MOST] + ([f"{len(wrong) - _MOST} more"] if len(wrong) > _MOST else [])
    return tuple(Problem("partitions.conf", 0, what, "nothing was written to the fabric") for what in said)


def _library() -> str:
    found = sorted(path for pattern in _LIBRARIES for path in Path("/").glob(pattern[1:]))
    if not found:
        raise MissingPart("no library joins opensm and a simulated fabric", "install libumad2sim0 and ibsim-utils")
    return str(found[0])


class Shadow(msgspec.Struct, frozen=True):
    """A simulated fabric that is up: the environment in which tools see it, and opensm's process id."""

    environment: dict[str, str]
    pid: int


@contextmanager
def shadow(folder: Path, nodes: Topology, manager: int, patience: float = PATIENCE) -> Iterator[Shadow]:
    """A fabric of the topology in `fabric.net` with `partitions.conf`, both in the folder; ended with the block."""
    host = next((node.guid for node in nodes.nodes for link in node.links if link.guid == manager), 0)
    plain = {
        "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin"),
        "IBSIM_SOCKNAME": f"ringfence-{os.getpid()}-{folder.name}",
        "SIM_HOST": f"H-{host:016x}",
        "OSM_CACHE_DIR": str(folder),
        "OSM_TMP_DIR": str(folder),
    }
    preloaded = plain | {"LD_PRELOAD": _library()}
    sizes = ("-N", str(len(nodes.nodes) + 16), "-S", "2048", "-P", str(64 * len(nodes.nodes) + 64), "-L", "49000")
    started: list[subprocess.Popen[bytes]] = []
    try:
        _start(started, folder, plain, "ibsim", "-s", *sizes, "-n", "fabric.net")
        door = f"@{plain['IBSIM_SOCKNAME']}:ctl"
        _until(lambda: door in Path("/proc/net/unix").read_text(), started, patience)
        conf, log = str(folder / "partitions.conf"), folder / "osm.log"
        _start(started, folder, preloaded, "opensm", "-d2", "-s", "0", "-f", "osm.log", "-P", conf)
        _until(lambda: log.exists() and b"SUBNET UP" in log.read_bytes(), started, patience)
        yield Shadow(preloaded, started[1].pid)
    finally:
        for process in reversed(started):  # opensm first: without its simulator it answers no signal but SIGKILL
            _end(process)


def _start(started: list[subprocess.Popen[bytes]], folder: Path, environment: dict[str, str], *command: str) -> None:
    try:
        with (folder / f"{command[0]}.out").open("wb") as said:
            process = subprocess.Popen(
                command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
            )
    except FileNotFoundError:
        raise MissingPart(f"{command[0]} is not installed", "install opensm and ibsim-utils") from None
    started.append(process)


def _until(done: Callable[[], bool], started: list[subprocess.Popen[bytes]], patience: float) -> None:
    until = time.monotonic() + patience
    while not done():
        if time.monotonic() > until or any(process.poll() is not None for process in started):
            raise EnforceError("the shadow fabric did not come up; nothing was changed", "apply without a pre-flight")
        time.sleep(0.02)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
