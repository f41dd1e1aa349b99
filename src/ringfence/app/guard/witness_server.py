"""`ringfence evidence witness`: a small witness (C2SP tlog-witness) for a machine on which the server's root is nobody.

        POST /add-checkpoint ─▶ whose log? ─▶ signed by its key? ─▶ continues the last head? ─▶ on disk ─▶ cosigned

It keeps, per log and key, the last head that it cosigned, and cosigns nothing that does not continue it.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import time

from ringfence.app import files
from ringfence.errors import InputError, StateError, UsageError
from ringfence.store.journal import Signer, Verifier, durable, verify_checkpoint, verify_consistency
from ringfence.store.journal.checkpoint import Checkpoint
from ringfence.store.journal.merkle import EMPTY
from ringfence.store.journal.witness import LARGEST, SIZE_TYPE, Witness, parse_ask
from ringfence.transport.witness import is_loopback

NAME = "ringfence/witness"
_WAIT, _POLL = 10.0, 0.05
_AT_ONCE = 32
Answer = tuple[int, str, str]
"""Status, body, content type."""


class Keeper:
    """What a witness knows: the logs that it serves, by their keys, and in `folder` the last head of each."""

    def __init__(self, folder: Path, logs: Sequence[Verifier], name: str = NAME) -> None:
        self.folder, self._logs = folder, tuple(logs)
        durable.ensure(folder)
        self.witness = Witness(_key(folder / "witness.key", name))
        self._one_at_a_time = threading.Lock()

    def answer(self, body: bytes) -> Answer:
        """What `add-checkpoint` answers. Raises `StateError` where a head cannot be kept."""
        try:
            asked = parse_ask(body)
        except InputError as error:
            return _plain(400, error.what)
        head = asked.head
        known = [key for key in self._logs if key.name == head.origin]
        if not known:
            return _plain(404, "this log is not served here")
        key = next((key for key in known if _signed(head.note, key)), None)
        if key is None:
            return _plain(403, "no key that is trusted for this log has signed it")
        if asked.old > head.size:
            return _plain(400, "the old size is beyond the new one")
        with self._one_at_a_time:
            last = self._last(key)
            size, root = (last.size, last.root) if last else (0, EMPTY)
            if asked.old != size or (size == head.size and root != head.root):
                return 409, f"{size}\n", SIZE_TYPE
            if not verify_consistency(size, head.size, root, head.root, asked.proof):
                return _plain(422, "the proof does not hold")
            if last is None or size != head.size:
                files.write(self.folder, _file(key), head.note.encode())
            return 200, self.witness.cosign(_text(head), int(time())), "text/plain; charset=utf-8"

    def _last(self, key: Verifier) -> Checkpoint | None:
        file = self.folder / _file(key)
        try:
            return verify_checkpoint(file.read_bytes().decode(), [key])
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError, InputError) as error:
            # a witness that forgets would cosign a rewritten log
            raise StateError(f"{file} cannot be read: {error}", "restore it from a copy; nothing is cosigned") from None


@contextmanager
def serving(keeper: Keeper, host: str, port: int, everywhere: bool = False) -> Iterator[tuple[str, int]]:
    """Serve in threads; gives (host, port) as bound. Raises `UsageError` for an address that is not this machine's own,
    unless `everywhere`: it speaks plain HTTP, and belongs behind a TLS proxy.
    """
    if not everywhere and not is_loopback(host):
        raise UsageError(f"{host} can be reached from outside, and this speaks plain HTTP", "listen on 127.0.0.1")
    try:
        server = _Server((host, port), _handler(keeper))
    except OSError as error:
        raise UsageError(f"{host}:{port}: {error.strerror}", "name another port") from None
    thread = threading.Thread(target=server.serve_forever, args=(_POLL,), name="witness", daemon=True)
    thread.start()
    try:
        yield host, server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    """Asks beyond `_AT_ONCE` are hung up on."""

    daemon_threads = True
    _free = threading.BoundedSemaphore(_AT_ONCE)

    def process_request(self, request, client_address) -> None:  # type: ignore[no-untyped-def]
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request, client_address) -> None:  # type: ignore[no-untyped-def]
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()


def _handler(keeper: Keeper) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = _WAIT
        wbufsize = -1  # head and body in one packet

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not self.path.endswith("/add-checkpoint"):
                self._say(_plain(404, "POST …/add-checkpoint"), close=True)
            elif not length.isdecimal() or len(length) > 9 or int(length) > LARGEST:
                self._say(_plain(400, "a request says its length, and is short"), close=True)
            else:
                try:
                    self._say(keeper.answer(self.rfile.read(int(length))))
                except StateError:
                    self._say(_plain(500, "the witness cannot keep it"), close=True)

        def _say(self, answer: Answer, close: bool = False) -> None:
            status, text, kind = answer
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.close_connection = close
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: what counts is on disk."""

    return Handler


def _key(file: Path, name: str) -> Signer:
    if not file.exists():
        files.new(file, Signer.generate(name).seed)
        durable.sync(file.parent)
    return Signer.from_seed(name, files.private(file))


def _signed(note: str, key: Verifier) -> bool:
    try:
        return bool(verify_checkpoint(note, [key]))
    except InputError:
        return False


def _text(head: Checkpoint) -> str:
    return head.note.rpartition("\n\n")[0] + "\n"


def _file(key: Verifier) -> str:
    return f"{sha256(str(key).encode()).hexdigest()}.head"


def _plain(status: int, text: str) -> Answer:
    return status, f"{text}\n", "text/plain; charset=utf-8"
