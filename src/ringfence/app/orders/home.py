"""The server's folder: the authority, the keys, the state. 0700, made by `ringfence enrol init`.

authority.key, .pem   issues certificates        state.db     enrolled keys, sequences (store.state)
server.key, .pem      the listening end          orders.db    tokens, desired states, receipts
orders.key            signs orders and releases  journal/     every order's outcome
server.json           name and estate's ids      control.sock for commands on this machine
"""

import contextlib
import fcntl
import os
import socket
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ringfence.errors import UsageError
from ringfence.store.journal import Journal, Signer, durable
from ringfence.store.ledger import Ledger
from ringfence.store.state.database import Database
from ringfence.transport import authority, signing

CONTROL = "control.sock"
_ABOUT = "server.json"


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The server's entity ids: its host, and itself as a service on it."""

    host: str
    service: str


class ServerHome:
    """A server's folder. Raises `UsageError` where it is not one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.about = msgspec.json.decode((folder / _ABOUT).read_bytes(), type=About)
            self.authority_pem = (folder / "authority.pem").read_text("ascii")
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            raise UsageError(f"{folder} is no server's folder", "`ringfence enrol init` makes it") from None
        self.authority: x509.Certificate = authority.certificate_of(self.authority_pem.encode())

    def signer(self) -> Ed25519PrivateKey:
        """The authority's key."""
        return signing.load_key(self.folder / "authority.key")

    def order_key(self) -> Ed25519PrivateKey:
        """The key that signs orders."""
        return signing.load_key(self.folder / "orders.key")

    def state(self) -> Database:
        """Who is enrolled, how orders are numbered."""
        return Database.open(self.folder / "state.db")

    def ledger(self) -> Ledger:
        """Tokens, desired states, receipts."""
        return Ledger(self.folder / "orders.db")

    def journal(self) -> Journal:
        """The server's journal, signed with the key of orders."""
        name = "ringfence/" + self.about.service.partition(":")[2]
        return Journal.open(self.folder / "journal", name, Signer(name, self.order_key()))

    def lock(self) -> int:
        """Hold the folder for this server process. Raises `UsageError`."""
        handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise UsageError(f"another server runs on {self.folder}", "one server per folder") from None
        return handle


def make(folder: Path, host: str, port: int) -> ServerHome:
    """A new server's folder. Raises `UsageError` where one is there already: keys are never overwritten."""
    if (folder / _ABOUT).exists() or (folder / "authority.key").exists():
        raise UsageError(f"{folder} is a server's folder already", "its keys are kept; name another folder")
    durable.ensure(folder)
    folder.chmod(0o700)
    root, server = signing.new_key(), signing.new_key()
    certificate = authority.new_authority(root, host)
    name = host or "host:" + socket.gethostname().partition(".")[0].lower()
    about = About(name, f"service:{name.partition(':')[2]}/ringfence:{port}")
    files = {
        "authority.key": signing.private_pem(root),
        "authority.pem": authority.pem(certificate),
        "server.key": signing.private_pem(server),
        "server.pem": authority.server_certificate(server, certificate, root),
        "orders.key": signing.private_pem(signing.new_key()),
        _ABOUT: msgspec.json.encode(about),
    }
    for file, data in files.items():
        durable.put(folder, file, data)
    durable.sync(folder)
    home = ServerHome(folder)
    with contextlib.closing(home.state()), contextlib.closing(home.ledger()):
        return home
