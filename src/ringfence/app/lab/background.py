"""Ordinary work beside an attack: a job that reads the storage in small pieces, over new connections.

    python3 background.py STORE:PORT/PATH PIECES_A_SECOND BYTES SECONDS

Standard library only. It ends by itself.
"""

import http.client
import sys
import time
from contextlib import suppress


def main() -> None:
    """Read until the time is over."""
    end, path = sys.argv[1].split("/", 1)
    pieces, size, seconds = float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    over, at = time.monotonic() + seconds, 0
    while time.monotonic() < over:
        with suppress(OSError, http.client.HTTPException):
            one = http.client.HTTPConnection(end, timeout=5)
            one.request("GET", f"/{path}", headers={"Range": f"bytes={at}-{at + size - 1}"})
            one.getresponse().read()
            one.close()
        at = (at + size) % (1 << 29)
        time.sleep(1 / pieces)


if __name__ == "__main__":
    main()
