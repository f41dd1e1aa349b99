"""`ringfence watch` as a process, and an agent without its sources that talks to it, for tests."""

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import time
from pathlib import Path

from ringfence.app.agent.feed import Spooled
from ringfence.app.agent.link import Link
from ringfence.app.watch import incidents as kept
from ringfence.app.watch.shown import shown

PROCESS, FILE = 1007, 1001
OPEN = 14


def ringfence(*argv) -> str:
    """A command that has to do what it is asked; what it printed."""
    command = [sys.executable, "-m", "ringfence", *map(str, argv)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


class Watch:
    """`ringfence watch --json` with a home of its own; what it says lies in `log`, what it finds in `out`."""

    def __init__(self, folder: Path, name: str, *more: object) -> None:
        self.home, self.log, self.out = folder / name, folder / f"{name}.log", folder / f"{name}.out"
        self._argv = [sys.executable, "-m", "ringfence", "watch", "--json", "--home", str(self.home), *map(str, more)]
        self._ready = "watching; "

    def start(self) -> None:
        """Start it, and wait until it hears."""
        self.log.touch()
        before = self.log.read_text().count(self._ready)
        with self.log.open("ab") as log, self.out.open("ab") as out:
            self.process = subprocess.Popen(self._argv, stdin=subprocess.DEVNULL, stdout=out, stderr=log)
        ended, end = self.process.poll, time.monotonic() + 60
        while self.log.read_text().count(self._ready) <= before and ended() is None and time.monotonic() < end:
            time.sleep(0.02)
        assert ended() is None, self.log.read_text()

    def kill(self) -> None:
        """As a power failure would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(20)
        finally:
            self.kill()

    @property
    def ports(self) -> dict[str, int]:
        """Where its doors are, by kind."""
        found = (line.partition(" on 127.0.0.1:") for line in self.log.read_text().splitlines())
        return {kind: int(re.match(r"\d+", rest)[0]) for kind, there, rest in found if there}

    @property
    def status(self) -> dict:
        """How it stands, as it last told."""
        path = self.home / "live" / "status.json"
        return json.loads(path.read_bytes()) if path.exists() else {"agents": {}, "doors": {}, "events": {"taken": 0}}

    def incidents(self, every: bool = False) -> dict[str, dict]:
        """What was found, by id, as `ringfence incidents --json` shows it."""
        return {one.id: shown(one) for one in kept.listed(self.home, every)}

    def with_signal(self, name: str) -> list[dict]:
        """The incidents that have a signal of this name."""
        return [one for one in self.incidents().values() if of(one, name)]


@contextlib.contextmanager
def watching(folder: Path, name: str, *more: object):
    """A watch for the length of the block; it has to end in order."""
    watch = Watch(folder, name, *more)
    watch.start()
    try:
        yield watch
    except BaseException:
        watch.kill()
        raise
    assert watch.stop() == 0, watch.log.read_text()
    assert "Traceback" not in watch.log.read_text()
    assert "--nats" in more or (watch.home / "checkpoint").exists()


def of(one: dict, name: str) -> list[dict]:
    """The signals of this name in an incident."""
    return [each for each in one["signals"] if each["name"] == name]


def event(uid: int, activity: int, when: int, host: str, **fields) -> bytes:
    """A line as an agent sends it; `__` in a name stands for a dot."""
    row = {"class_uid": uid, "activity_id": activity, "time": when, "device.hostname": host}
    kind = "linux//files" if uid == FILE else "linux/process_creation/"
    return json.dumps(row | {"logsource": kind} | {k.replace("__", "."): v for k, v in fields.items()}).encode() + b"\n"


def secret(at: int, host: str, user: str) -> bytes:
    """A credential is opened by somebody whose it is not."""
    path = "/home/alice/.ssh/id_ed25519"
    return event(FILE, OPEN, at, host, file__path=path, actor__user__name=user, actor__process__name="cat")


def usual(at: int, host: str, number: int) -> bytes:
    """A program that starts, as they do."""
    return event(PROCESS, 1, at, host, process__name="python3", process__pid=number, process__user__name="alice")


def now() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


@contextlib.asynccontextmanager
async def agent(node, port: int):
    """An agent's spool and link, without its sources; the block ends when the server has all that was put."""
    spool = Spooled(node.folder / "spool")
    empty = spool.waiting  # its segments have heads
    links: list[asyncio.Task[None]] = []

    def dial() -> None:
        if links:
            links[-1].cancel()
            spool.rewind()
        made = Link(node, spool, lambda _: None, ("processes",), ("127.0.0.1", port))
        links.append(asyncio.create_task(made.run()))

    dial()
    try:
        yield spool, dial
        async with asyncio.timeout(30):
            while spool.waiting > empty:
                await asyncio.sleep(0.02)
    finally:
        links[-1].cancel()
        await asyncio.gather(*links, return_exceptions=True)
        spool.close()


async def told(node, port: int, *lines: bytes, lane: str = "processes") -> None:
    """Send lines as the agent of this node."""
    async with agent(node, port) as (spool, _):
        for line in lines:
            spool.put(lane, line, 1)
