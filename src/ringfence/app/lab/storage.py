"""The lab's file server: ranges of files over HTTP/1.1, each file opened for its request, each request a line of a log.

    python -m ringfence.app.lab.storage FOLDER ADDRESS PORT LOG

It knows no accounts: as with NFS and AUTH_SYS, whoever reaches it reads.
"""

import os
import re
import sys
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, BinaryIO

_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")
_NAME = re.compile(r"/([\w-][\w.-]{0,99})(?:/([\w-][\w.-]{0,99}))?")


class Files(BaseHTTPRequestHandler):
    """`GET /weights.bin` with or without `Range: bytes=FIRST-LAST`."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    folder: Path
    log: IO[str]

    def do_GET(self) -> None:
        """Send a file, or a range of it (RFC 9110, section 14)."""
        found = _NAME.fullmatch(self.path)
        place = self.folder.joinpath(*(part for part in found.groups() if part)) if found else self.folder
        try:
            file = os.fdopen(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
        except OSError:  # a folder, too
            return self.send_error(HTTPStatus.NOT_FOUND)
        with file:
            return self._send(file)

    def _send(self, file: BinaryIO) -> None:
        size = os.fstat(file.fileno()).st_size
        asked = _RANGE.fullmatch(self.headers.get("Range", ""))
        first, last = (int(asked[1]), int(asked[2] or size - 1)) if asked else (0, size - 1)
        count = min(last, size - 1) - first + 1
        if count <= 0:
            return self.send_error(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        self.send_response(HTTPStatus.PARTIAL_CONTENT if asked else HTTPStatus.OK)
        self.send_header("Content-Length", str(count))
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{first + count - 1}/{size}")
        self.end_headers()
        self.wfile.flush()
        sent = 0
        try:
            sent = self.connection.sendfile(file, first, count)
        finally:
            self.close_connection = self.close_connection or sent < count
            self.log.write(f"{time.time():.6f} {self.client_address[0]} {self.path[:100]} {first} {count} {sent}\n")

    def log_message(self, format: str, *args: object) -> None:
        """The log of requests is `log`."""


class Server(ThreadingHTTPServer):
    """A thread per connection."""

    daemon_threads = True
    request_queue_size = 64


def main() -> None:
    """Serve until the end."""
    folder, address, port, log = sys.argv[1:]
    Files.folder = Path(folder)
    with (
        open(log, "a", buffering=1, encoding="ascii", errors="replace") as Files.log,
        Server((address, int(port)), Files) as server,
    ):
        server.serve_forever()


if __name__ == "__main__":
    main()
