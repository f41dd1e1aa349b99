"""What a miner looks like: a few lines of stratum to a pool, and a busy process. It finds nothing and earns nothing.

    xmrig -o stratum+tcp://192.88.99.20:3333 LOG SECONDS

The lines are those of JSON-RPC 2.0 over TCP, one an object, as Slush Pool described for Bitcoin ("Stratum mining
protocol"): `mining.subscribe`, `mining.authorize`, `mining.submit`.
"""

import hashlib
import json
import socket
import sys
import time
from typing import IO

OUTSIDE = "192.88.99."
POOL = "stratum+tcp://"
LONGEST = 60.0
WORKS, RESTS = 0.05, 0.05
"""Seconds: the machine that the lab runs on has other work."""
SHARE = 2.0


def main() -> None:
    """Pretend to mine."""
    _, pool, log, seconds = sys.argv[1:]  # after -o
    host, port = pool.removeprefix(POOL).rsplit(":", 1)
    if not pool.startswith(POOL) or not host.startswith(OUTSIDE):
        raise SystemExit(f"{pool} is no pool in the lab's outside network")
    with open(log, "a", buffering=1) as file:
        say(file, "began")
        why = "time is over"
        try:
            mine(host, int(port), min(float(seconds), LONGEST), file)
        except OSError as error:
            why = str(error)
        say(file, "ended", sent=0, why=why)


def mine(host: str, port: int, seconds: float, file: IO[str]) -> None:
    """Speak with the pool, be busy, and hand in a share every two seconds."""
    end, next_, number = time.monotonic() + seconds, 0.0, 3
    with socket.create_connection((host, port), 5) as pool:
        say(file, "connected")
        pool.settimeout(5)
        ask(pool, 1, "mining.subscribe", ["xmrig/6.21.0"])
        ask(pool, 2, "mining.authorize", ["nobody.lab", "x"])
        while time.monotonic() < end:
            busy = time.monotonic() + WORKS
            while time.monotonic() < busy:
                hashlib.sha256(hashlib.sha256(str(number).encode()).digest()).digest()
            time.sleep(RESTS)
            if time.monotonic() > next_:
                ask(pool, number, "mining.submit", ["nobody.lab", "lab", f"{number:08x}"])
                next_, number = time.monotonic() + SHARE, number + 1


def ask(pool: socket.socket, number: int, method: str, words: list[str]) -> None:
    """One request and the pool's answer."""
    pool.sendall(json.dumps({"id": number, "method": method, "params": words}).encode() + b"\n")
    if not pool.recv(4096):
        raise OSError("the pool ended the connection")


def say(file: IO[str], what: str, **more: object) -> None:
    """A line of the log."""
    file.write(json.dumps({"at": time.time(), "what": what, **more}) + "\n")


if __name__ == "__main__":
    main()
