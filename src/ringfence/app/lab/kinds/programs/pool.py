"""A stand-in for a mining pool in the lab's outside host: takes whatever it is handed and gives nothing for it.

python3 pool.py ADDRESS PORT SECONDS
"""

import contextlib
import json
import socket
import sys
import threading
import time

OUTSIDE = "192.88.99."


def main() -> None:
    """Listen until the time is over."""
    address, port, seconds = sys.argv[1:]
    if not address.startswith(OUTSIDE):
        raise SystemExit(f"{address} is not in the lab's outside network")
    end = time.monotonic() + float(seconds)
    with socket.create_server((address, int(port)), backlog=8) as server:
        server.settimeout(0.5)
        while time.monotonic() < end:
            with contextlib.suppress(TimeoutError):
                worker, _ = server.accept()
                threading.Thread(target=answer, args=(worker, end), daemon=True).start()


def answer(worker: socket.socket, end: float) -> None:
    """Say yes to every line, until the time is over."""
    worker.settimeout(max(end - time.monotonic(), 0.1))
    with contextlib.suppress(OSError, ValueError, AttributeError), worker, worker.makefile("rwb") as lines:
        while asked := lines.readline(4096):
            lines.write(json.dumps({"id": json.loads(asked).get("id"), "result": True}).encode() + b"\n")
            lines.flush()


if __name__ == "__main__":
    main()
