"""Hosts as network namespaces on one bridge, without a name and without a trace: they end with the process.

A namespace lives as long as a descriptor of it is open. A socket belongs for good to the namespace in which it was
made, so one process probes between all hosts; tools are started with `nsenter --net=`.
"""

import ctypes
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from select import select

import pytest

_LIBC = ctypes.CDLL(None, use_errno=True)
_NEWNET = 0x40000000
_RCVBUFFORCE = 33
PORT = 5000


def need() -> None:
    """Skip where namespaces or nft are not to be had."""
    for tool in ("nft", "ip", "nsenter"):
        if shutil.which(tool) is None:
            pytest.skip(f"missing-part: {tool} is not installed")
    if os.geteuid() != 0:
        pytest.skip("missing-part: network namespaces need root")


def _checked(result: int, what: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), what)


class Namespace:
    """One network namespace. `entered` puts the calling thread into it for a while."""

    def __init__(self) -> None:
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _checked(_LIBC.unshare(_NEWNET), "unshare")
            self.handle = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            _checked(_LIBC.setns(home, _NEWNET), "setns")
        finally:
            os.close(home)

    @contextmanager
    def entered(self) -> Iterator[None]:
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _checked(_LIBC.setns(self.handle, _NEWNET), "setns")
            yield
        finally:
            _checked(_LIBC.setns(home, _NEWNET), "setns")
            os.close(home)

    @property
    def path(self) -> str:
        """For `nsenter --net=` and `ip link … netns`."""
        return f"/proc/{os.getpid()}/fd/{self.handle}"

    def command(self, *argv: str) -> list[str]:
        return ["nsenter", f"--net={self.path}", *argv]

    def run(self, *argv: str, given: str = "") -> str:
        done = subprocess.run(self.command(*argv), input=given, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout

    def socket(self, family: int, kind: int) -> socket.socket:
        with self.entered():
            return socket.socket(family, kind)

    def close(self) -> None:
        os.close(self.handle)


class Network:
    """`count` hosts on a bridge: host n has 10.9.0.n+1 and fd09::n+1, and answers on TCP and UDP port 5000."""

    def __init__(self, count: int) -> None:
        self._stack = ExitStack()
        self.fabric, *self.hosts = [self._kept(Namespace()) for _ in range(count + 1)]
        lines = ["link add br0 type bridge", "link set br0 up"]
        for at, host in enumerate(self.hosts):
            lines += [
                f"link add v{at} type veth peer name eth0 netns {host.path}",
                f"link set v{at} master br0 up",
            ]
        self.fabric.run("ip", "-batch", "-", given="\n".join(lines))
        for at, host in enumerate(self.hosts):
            ours = ["link set lo up", "link set eth0 up", f"addr add {v4(at)}/24 dev eth0"]
            ours += [f"addr add {v6(at)}/64 dev eth0 nodad"]
            host.run("ip", "-batch", "-", given="\n".join(ours))
        self.arrived: dict[tuple[str, str, str], int] = {}
        self._listen()

    def _kept(self, one: Namespace) -> Namespace:
        self._stack.callback(one.close)
        return one

    def _listen(self) -> None:
        self._sockets: dict[socket.socket, str] = {}
        for at, host in enumerate(self.hosts):
            for family, address in ((socket.AF_INET, v4(at)), (socket.AF_INET6, v6(at))):
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    one = self._stack.enter_context(host.socket(family, kind))
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    one.bind((address, PORT))
                    one.setblocking(False)
                    if kind == socket.SOCK_STREAM:
                        one.listen(256)
                    else:  # what arrives is counted, also when this process is slow
                        one.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, 32 << 20)
                    self._sockets[one] = address
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._ended.is_set():
            for one in select([*self._sockets], [], [], 0.05)[0]:
                with suppress(OSError):  # BlockingIOError: nothing more has come
                    while True:
                        self._note(one)

    def _note(self, one: socket.socket) -> None:
        if one.type == socket.SOCK_STREAM:
            peer, address = one.accept()
            peer.close()
            kind = "tcp"
        else:
            _, address = one.recvfrom(2048)
            kind = "udp"
        key = (kind, str(address[0]), self._sockets[one])
        self.arrived[key] = self.arrived.get(key, 0) + 1

    def matrix(self, pairs: set[tuple[int, int]]) -> dict[str, set[tuple[int, int]]]:
        """Which ordered pairs of hosts reach each other, per protocol and version of IP.

        It waits for `pairs`, and then a little for those that should not come: what is dropped says nothing.
        """
        self.arrived.clear()
        with ExitStack() as stack:
            for source, host in enumerate(self.hosts):
                for target in range(len(self.hosts)):
                    if source != target:
                        self._probe(stack, host, target)
            wanted = {(kind, a(s), a(t)) for s, t in pairs for kind in ("tcp", "udp") for a in (v4, v6)}
            settled(lambda: wanted <= self.arrived.keys())
            time.sleep(0.15)  # a negative cannot be awaited; delivery on a bridge takes microseconds
        return {
            f"{kind}{version}": {
                (s, t)
                for s in range(len(self.hosts))
                for t in range(len(self.hosts))
                if (kind, name(s), name(t)) in self.arrived
            }
            for kind in ("tcp", "udp")
            for version, name in ((4, v4), (6, v6))
        }

    def _probe(self, stack: ExitStack, host: Namespace, target: int) -> None:
        for family, address in ((socket.AF_INET, v4(target)), (socket.AF_INET6, v6(target))):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                one = stack.enter_context(host.socket(family, kind))
                one.setblocking(False)
                with suppress(BlockingIOError, PermissionError):
                    one.connect((address, PORT))
                    if kind == socket.SOCK_DGRAM:
                        one.send(b"probe")

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._stack.close()


def v4(at: int) -> str:
    return f"10.9.0.{at + 1}"


def v6(at: int) -> str:
    return f"fd09::{at + 1:x}"


def settled(holds: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether something came to hold in time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


@contextmanager
def network(count: int = 8) -> Iterator[Network]:
    """Hosts for one test, gone afterwards."""
    need()
    found = Network(count)
    try:
        yield found
    finally:
        found.close()


@contextmanager
def control_groups(*names: str) -> Iterator[dict[str, str]]:
    """Control groups of version 2 by name, as paths below the mount; removed afterwards, when empty."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    places = [Path(row[1]) for row in mounts if row[2] == "cgroup2"]
    if not places or not os.access(places[0], os.W_OK):
        pytest.skip("missing-part: no writable cgroup v2 mount")
    top = places[0] / f"ringfence-test-{os.getpid()}-{threading.get_ident() & 0xFFFF}"
    top.mkdir()
    made = []
    try:
        for name in names:
            (top / name).mkdir()
            made.append(top / name)
        yield {name: f"{top.name}/{name}" for name in names}
    finally:
        for folder in [*made, top]:
            settled(partial(_removed, folder))


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return not folder.exists()
    return True


def cgroup_folder(path: str) -> Path:
    """The folder of a path below the mount."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return Path(next(row[1] for row in mounts if row[2] == "cgroup2"), path)
