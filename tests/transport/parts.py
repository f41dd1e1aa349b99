"""A fence on loopback for tests: a server's folder, enrolled nodes, and a test enforcer that keeps its text in a file.

The test enforcer stands where nftables would: it is no fake of ours in the product, only the smallest thing that can
be in force, be read back, fail, hang and survive a kill.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ringfence.app.enforcer.home import ABOUT, AUTHORITY, CERTIFICATE, KEY, About, NodeHome
from ringfence.app.files import write
from ringfence.app.orders.home import ServerHome, make
from ringfence.errors import EnforceError
from ringfence.store.state import enrolments
from ringfence.transport import authority, signing

TARGET = "test-file"


class FileEnforcer:
    """A test enforcer. What is in force is the text of a file; beside it, other files make it misbehave.

    `fail` makes the next apply fail, half done; while `pause` exists an apply waits, half done.
    """

    target = TARGET

    def __init__(self, folder: Path, where: str, job: str) -> None:
        self.where, self._folder, self._file = where, folder, folder / f"in-force{job and '-' + job}"

    def read(self) -> str:
        """The text in force."""
        return self._file.read_text() if self._file.exists() else ""

    def apply(self, artefact: Any) -> None:
        """Half of it, then whatever the test wants, then all of it."""
        self._file.write_text(artefact.text[: len(artefact.text) // 2])
        with (self._folder / "applied").open("a") as log:
            log.write(artefact.text + "\n")
        if (self._folder / "fail").exists():
            (self._folder / "fail").unlink()
            raise EnforceError("the test wants it so", left=("half of it",))
        while (self._folder / "pause").exists():
            time.sleep(0.01)
        self._file.write_text(artefact.text)

    def restore(self, before: str) -> None:
        """Bring a text back; no text, no file."""
        if before:
            self._file.write_text(before)
        else:
            self._file.unlink(missing_ok=True)


def drivers(folder: Path) -> dict[str, Callable[[str, str], FileEnforcer]]:
    """The table of drivers that an enforcer of these tests has."""
    folder.mkdir(exist_ok=True)
    return {TARGET: lambda where, job: FileEnforcer(folder, where, job)}


def a_server(folder: Path) -> ServerHome:
    """A new server's folder."""
    return make(folder, "host:fence01", 0)


def a_node(
    server: ServerHome, folder: Path, host: str, port: int = 1, *, enrolled: bool = True, role: str = "enforcer"
) -> NodeHome:
    """A node's folder with a certificate of this server, without going over the wire."""
    folder.mkdir(mode=0o700)
    key = signing.new_key()
    certificate = authority.node_certificate(key.public_key(), host, role, server.authority, server.signer())
    orders = (signing.public_hex(server.order_key()),)
    write(folder, KEY, signing.private_pem(key))
    write(folder, AUTHORITY, server.authority_pem.encode())
    write(folder, CERTIFICATE, certificate)
    about = About(f"127.0.0.1:{port}", host, role, orders)
    write(folder, ABOUT, json.dumps({name: getattr(about, name) for name in about.__struct_fields__}).encode())
    if enrolled:
        with closing(server.state()) as state:
            enrolments.enrol(state, host, role, key.public_key().public_bytes_raw(), time.time())
    return NodeHome(folder)


@contextmanager
def process(*argv: str, log: Path, inside: Sequence[str] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process of ours, ended by its id when the block ends. `inside` is a command that runs it elsewhere."""
    root = Path(__file__).resolve().parents[2]
    with log.open("ab") as out:
        started = subprocess.Popen(
            [*inside, sys.executable, *argv],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
        )
    try:
        yield started
    finally:
        if started.poll() is None:
            started.terminate()
            try:
                started.wait(10)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait(10)


def until(true: Callable[[], Any], what: str, log: Path | None = None) -> Any:
    """Ask again until it is true; what a log says is told where it does not become so."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen: {log.read_text()[-3000:] if log else ''}")
