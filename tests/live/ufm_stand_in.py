"""A stand-in for UFM, not UFM: the documented requests about keys, answered by a small server on loopback.

What it is told it writes into `partitions.conf` of the real opensm on ibsim, and sends SIGHUP. It has a partition of
its own, as UFM has. `failing` makes the n-th change from now on fail, as a busy or broken UFM would.
"""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.live.opensm import Running

PREFIX = "/ufmRest/resources/pkeys"
HEAD = "Default=0x7fff, ipoib : ALL={default}, ALL_SWITCHES=full, SELF=full;\n"


class StandIn:
    """Keys by number → GUID → membership."""

    def __init__(self, running: Running, own: dict[int, dict[int, str]], default: str) -> None:
        self.running, self.default = running, default
        self.keys = own
        self.failing = 0
        self.changes: list[str] = []
        self.lock = threading.Lock()

    def listing(self) -> dict[str, object]:
        """The answer to `?guids_data=true`."""
        return {
            f"0x{number:x}": {
                "partition": f"api_pkey_0x{number:x}",
                "ip_over_ib": True,
                "guids": [{"guid": f"{guid:016x}", "membership": how, "index0": False} for guid, how in held.items()],
            }
            for number, held in self.keys.items()
        }

    def put(self, said: dict[str, list[str]], *, whole: bool) -> None:
        """PUT sets all members of a key, POST adds some."""
        number = int(str(said["pkey"]), 16) & 0x7FFF
        members = {int(guid, 16): how for guid, how in zip(said["guids"], said["memberships"], strict=True)}
        self.keys[number] = members if whole else self.keys.get(number, {}) | members

    def delete(self, path: str) -> None:
        """`<key>`, or `<key>/guids/<GUID>,…`; a key without members is no key."""
        number, *rest = path.split("/")
        held = self.keys[int(number, 16)]
        for guid in [int(one, 16) for one in rest[1].split(",")] if rest else list(held):
            held.pop(guid, None)
        if not held:
            del self.keys[int(number, 16)]

    def sweep(self) -> None:
        """What UFM has its own subnet manager do after a change."""
        rows = [HEAD.format(default=self.default)]
        for number, held in sorted(self.keys.items()):
            guids = [f"0x{guid:016x}={how}" for guid, how in held.items()]
            lines = (", ".join(guids[at : at + 50]) for at in range(0, len(guids), 50))
            rows.extend(f"k{number:x}=0x{number | 0x8000:04x} : {line};\n" for line in lines)
        (self.running.folder / "partitions.conf").write_text("".join(rows))
        assert self.running.opensm is not None
        self.running.opensm.send_signal(signal.SIGHUP)


def _handler(ufm: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """The requests of the REST guide's page on P_Keys."""

        def do_GET(self) -> None:
            self._say(200, ufm.listing() if urlsplit(self.path).path == PREFIX else {})

        def do_PUT(self) -> None:
            self._change(lambda: ufm.put(self._body(), whole=True))

        def do_POST(self) -> None:
            self._change(lambda: ufm.put(self._body(), whole=False))

        def do_DELETE(self) -> None:
            self._change(lambda: ufm.delete(self.path.removeprefix(PREFIX + "/")))

        def _change(self, change) -> None:
            with ufm.lock:
                ufm.failing -= 1
                if ufm.failing == 0:
                    self._say(503, {"error": "busy"})
                    return
                change()
                ufm.changes.append(f"{self.command} {self.path}")
                ufm.sweep()
                self._say(200, {})

        def _body(self):
            return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

        def _say(self, status: int, answer: object) -> None:
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing to the test's output."""

    return Handler


@contextmanager
def ufm_stand_in(
    running: Running, own: dict[int, dict[int, str]], default: str = "limited"
) -> Iterator[tuple[StandIn, str]]:
    """The stand-in, and its base URL."""
    ufm = StandIn(running, own, default)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(ufm))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        ufm.sweep()
        yield ufm, f"http://127.0.0.1:{server.server_port}/ufmRest/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
