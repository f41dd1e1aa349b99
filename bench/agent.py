"""What an agent costs its node: memory and time at rest, under a flood, and while its server is away.

`python -m bench.agent --json [--seconds 20]`

The agent is the real process with every source that works here; the server is a real listener that flushes a file
before it acknowledges. At rest means that the machine has nothing else to do. The flood starts programs and opens
watched files as fast as two processes can.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from bench.report import emit, machine, progress

GOAL_MIB, GOAL_PERCENT = 60, 1.0
_TICKS = os.sysconf("SC_CLK_TCK")
_FLOOD = "while :; do /bin/true; : < {file}; done"


def main(argv: list[str] | None = None) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        result = measured(Path(folder), asked.seconds)
    emit({"bench": "agent", "machine": machine(), **result}, asked.json)
    return 0


def measured(folder: Path, seconds: float) -> dict[str, Any]:
    """The parts in turn, with one agent."""
    server, node, out = folder / "server", folder / "node", folder / "kept"
    port, weights = _enrolled(server, node), folder / "weights"
    weights.mkdir()
    (weights / "shard").write_bytes(bytes(1000))
    settings = folder / "agent.toml"
    settings.write_text(f'[[watch]]\npath = "{weights}"\ndata = "model:m"\n')
    agent = (sys.executable, "-m", "ringfence.app.agent", "--home", str(node), "--settings", str(settings))
    keeping = (sys.executable, "-m", "bench.agent_server", str(server), str(port), str(out))
    result: dict[str, Any] = {"goal": {"mib": GOAL_MIB, "percent_of_a_core": GOAL_PERCENT}, "seconds": seconds}
    with _process(*agent) as running:
        with _process(*keeping):
            progress("rest")
            time.sleep(5)
            result["rest"] = _cost(running.pid, seconds)
            progress("flood")
            with _flood(weights / "shard"):
                result["flood"] = _cost(running.pid, seconds)
            time.sleep(2)
            result["events_kept"] = _count(out)
        progress("server away")
        with _flood(weights / "shard"):
            result["away"] = _cost(running.pid, seconds)
        result["spooled_bytes"] = _spooled(node)
        with _process(*keeping):
            progress("back")
            begun = time.monotonic()
            while _spooled(node) > 1 << 12 and time.monotonic() - begun < 60:
                time.sleep(0.2)
            result["drained_seconds"] = round(time.monotonic() - begun, 1)
            result["memory_after_mib"] = _memory(running.pid)
    rest = result["rest"]
    result["met"] = rest["mib"] <= GOAL_MIB and rest["percent_of_a_core"] <= GOAL_PERCENT
    return result


def _enrolled(server: Path, node: Path) -> int:
    """A server's folder and a node's, joined over the wire; the port."""
    from ringfence.app import enrol

    home = enrol.init(server, "fence01", 0)
    token = server.parent / "token"
    enrol.token(server, "gpu0001", "agent", 10, token)
    import asyncio

    from bench.agent_server import listening

    async def join() -> int:
        async with listening(home, 0, server.parent / "none") as at:
            await asyncio.to_thread(enrol.join, f"127.0.0.1:{at.port}", token, node)
            return at.port

    return asyncio.run(join())


def _cost(pid: int, seconds: float) -> dict[str, float]:
    before, peak, end = _time(pid), 0.0, time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(0.5, seconds))
        peak = max(peak, _memory(pid))
    return {"mib": peak, "percent_of_a_core": round(100 * (_time(pid) - before) / seconds, 2)}


def _time(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024, 1)


def _spooled(node: Path) -> int:
    """Bytes in the spools that the server does not have: what lies behind the mark of what it took."""
    waiting = 0
    for spool in (node / "spool" / "urgent", node / "spool" / "rest"):
        mark = (spool / "taken").read_bytes()
        at, offset = int.from_bytes(mark[:8], "big"), int.from_bytes(mark[8:16], "big")
        sizes = {int(one.stem): one.stat().st_size for one in spool.glob("*.spool")}
        waiting += sum(size for segment, size in sizes.items() if segment >= at) - (offset if at in sizes else 0)
    return waiting


def _count(out: Path) -> dict[str, int]:
    """Events by activity of the telemetry itself, and all."""
    found = {"all": 0, "dropped": 0}
    for line in out.read_bytes().splitlines():
        row = msgspec.json.decode(line)
        found["all"] += 1
        if row.get("class_uid") == 99906002 and row["activity_id"] == 2:
            found["dropped"] += row["telemetry.count"]
    return found


@contextmanager
def _process(*argv: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as one:
        try:
            yield one
        finally:
            one.terminate()
            one.wait(10)


@contextmanager
def _flood(file: Path) -> Iterator[None]:
    running = [subprocess.Popen(["sh", "-c", _FLOOD.format(file=file)]) for _ in range(2)]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


if __name__ == "__main__":
    sys.exit(main())
