"""The order channel with many nodes: connections, memory, and one artefact ordered everywhere.

`python -m bench.orders --json [--nodes 1000] [--size 20000]`

The server is the real process; the nodes are one process of coroutines with real certificates that only answer.
Both share this machine's cores, so the times are those of server and nodes together.
"""

import argparse
import asyncio
import contextlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.report import emit, machine, progress
from ringfence.app.orders.control import ControlClient
from ringfence.app.orders.home import ServerHome, make
from ringfence.store.state import enrolments
from ringfence.transport import authority, signing, tls
from ringfence.transport.dial import dial, waits
from ringfence.transport.peer import ConnectionEnded, Peer
from ringfence.wire import orders
from ringfence.wire.channel import Beat, Give, Hello, Report, Welcome
from ringfence.wire.orders import Order, Receipt

Node = tuple[str, Ed25519PrivateKey, bytes]
BEAT = 10.0


def enrolled(home: ServerHome, count: int) -> list[Node]:
    """Host, key and certificate of nodes that the server knows."""
    signer, made = home.signer(), []
    with contextlib.closing(home.state()) as state:
        for number in range(count):
            host, key = f"host:gpu{number:05d}", signing.new_key()
            public = key.public_key()
            enrolments.enrol(state, host, "enforcer", public.public_bytes_raw(), time.time())
            made.append((host, key, authority.node_certificate(public, host, "enforcer", home.authority, signer)))
    return made


async def node(home: ServerHome, port: int, one: Node, welcome: asyncio.Semaphore) -> None:
    """Connect, then answer every order until cancelled."""
    host, key, certificate = one
    with tempfile.NamedTemporaryFile() as pem:
        pem.write(certificate + signing.private_pem(key))
        pem.flush()
        context = tls.client_context(home.authority_pem, Path(pem.name), Path(pem.name))
    for pause in waits():  # as an enforcer: one address may not have many strangers at once
        with contextlib.suppress(ConnectionEnded):
            peer = await dial(("127.0.0.1", port), context)
            await peer.send(Hello(host, 0))
            if isinstance(await peer.receive(120), Welcome):
                break
        await asyncio.sleep(pause)
    welcome.release()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(beating(peer))
        while True:
            message = await peer.receive(600)
            if isinstance(message, Give):
                await peer.send(Report(signing.seal(key, receipt(message)), message.text))


def receipt(message: Give) -> Receipt:
    """What a node answers that has it in force."""
    order = orders.decode(message.envelope.payload, Order)
    values: dict[str, Any] = {"host": order.host, "target": order.target, "sequence": order.sequence}
    return Receipt(order=order.id, outcome="applied", when=int(time.time()), digest=order.digest, **values)


async def beating(peer: Peer) -> None:
    """Signs of life."""
    while True:
        await asyncio.sleep(BEAT)
        await peer.send(Beat(answer=True))


def memory(pid: int) -> float:
    """Resident MiB of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


async def measured(home: ServerHome, nodes: list[Node], size: int, log: Path) -> dict[str, Any]:
    """Start the server, connect everyone, order twice (the first and another text)."""
    argv = ["-m", "ringfence", "fence", "serve", str(home.folder), "--listen", "127.0.0.1:0"]
    with log.open("wb") as out, subprocess.Popen([sys.executable, *argv], stderr=out) as server:
        try:
            while b"orders on" not in log.read_bytes():
                await asyncio.sleep(0.05)
            port, welcome = int(log.read_text().strip().rpartition(":")[2]), asyncio.Semaphore(0)
            begun, tasks = time.perf_counter(), []
            for one in nodes:
                tasks.append(asyncio.create_task(node(home, port, one, welcome)))
                if len(tasks) % 20 == 0:
                    await asyncio.sleep(0.05)
            for _ in nodes:
                await welcome.acquire()
            result: dict[str, Any] = {"connect_s": time.perf_counter() - begun, "server_mib": memory(server.pid)}
            hosts = [host for host, _, _ in nodes]
            for name, letter in (("first", "x"), ("next", "y")):
                begun = time.perf_counter()
                given = ControlClient(home.folder).send(hosts, "bench", "apply", letter * size, timeout=300)
                found = await asyncio.to_thread(list, given)
                result[f"order_{name}_s"] = time.perf_counter() - begun
                result["receipts"] = sum(one.receipt is not None for one in found)
            for task in tasks:
                task.cancel()
            return result | {"server_after_mib": memory(server.pid)}
        finally:
            server.terminate()


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--size", type=int, default=20_000)
    asked = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    folder = Path(tempfile.mkdtemp(prefix="ringfence-bench-"))
    try:
        home = make(folder / "server", "host:fence01", 0)
        progress(f"enrolling {asked.nodes}")
        nodes = enrolled(home, asked.nodes)
        progress("connecting and ordering")
        result = asyncio.run(measured(home, nodes, asked.size, folder / "log"))
    finally:
        shutil.rmtree(folder)
    emit({"machine": machine(), "nodes": asked.nodes, "bytes": asked.size, **result}, asked.json)


if __name__ == "__main__":
    main()
