"""The outside's own witness: counts what arrives, says when, keeps nothing of it.

    python3 sink.py ADDRESS PORT LOG SECONDS

A line of JSON whenever the count has moved for 5 ms, and at the end: `{"at": 1750000000.123456, "bytes": 1048576}`.
It ends by itself. Standard library only: it runs in a machine that has nothing of ours.
"""

import json
import socket
import sys
import time
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector

STEP = 0.005


def main() -> None:
    """Count until the time is over."""
    address, port, log, seconds = sys.argv[1:]
    end = time.monotonic() + float(seconds)
    room, total, told, last = bytearray(1 << 20), 0, 0, 0.0
    with socket.create_server((address, int(port)), backlog=64) as server, open(log, "a", buffering=1) as file:
        server.setblocking(False)
        with DefaultSelector() as ready:
            ready.register(server, EVENT_READ)
            while time.monotonic() < end:
                for key, _ in ready.select(STEP):
                    with suppress(OSError):
                        if key.fileobj is server:
                            one, _ = server.accept()
                            one.setblocking(False)
                            ready.register(one, EVENT_READ)
                        else:
                            count = key.fileobj.recv_into(room)  # type: ignore[union-attr]
                            total += count
                            if count == 0:
                                ready.unregister(key.fileobj)
                                key.fileobj.close()  # type: ignore[union-attr]
                if total != told and time.monotonic() - last >= STEP:
                    told, last = total, time.monotonic()
                    file.write(json.dumps({"at": time.time(), "bytes": total}) + "\n")


if __name__ == "__main__":
    main()
