"""The folder of an enrolled node: its key, its certificate, whom it obeys. 0700, made by `ringfence enrol join`.

node.key        Ed25519, made here, never sent          authority.pem   the fence's authority
node.pem        its certificate                         node.json       server, host, role, keys of orders
enforcer.db     slots, sequence, unsent receipts        journal/        what was done and refused
"""

import fcntl
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ringfence.app.files import address, write
from ringfence.errors import UsageError
from ringfence.transport import authority, signing, tls
from ringfence.wire.channel import Join, Joined

KEY, CERTIFICATE, AUTHORITY, ABOUT = "node.key", "node.pem", "authority.pem", "node.json"
RENEW = timedelta(days=120)
"""A certificate with less than this left is renewed, over a connection that the old one opened."""


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a node knows of its enrolment. `orders` are the public keys (hexadecimal) whose orders it obeys."""

    server: str
    host: str
    role: str
    orders: tuple[str, ...]


class NodeHome:
    """An enrolled node's folder. Raises `UsageError` where it is not one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            about = msgspec.json.decode((folder / ABOUT).read_bytes(), type=About)
            self.authority = (folder / AUTHORITY).read_text("ascii")
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            raise UsageError(f"{folder} is no enrolled node's folder", "`ringfence enrol join` makes it") from None
        self.host, self.role, self.orders = about.host, about.role, about.orders
        self.server = address(about.server)
        self.key: Ed25519PrivateKey = signing.load_key(folder / KEY)

    def context(self) -> ssl.SSLContext:
        """TLS with this node's certificate."""
        return tls.client_context(self.authority, self.folder / CERTIFICATE, self.folder / KEY)

    def renewal_due(self) -> bool:
        """Whether the certificate should be renewed."""
        certificate = authority.certificate_of((self.folder / CERTIFICATE).read_bytes())
        return certificate.not_valid_after_utc - datetime.now(UTC) < RENEW

    def renewal(self) -> Join:
        """The request for a new certificate of the same key."""
        return Join("", authority.request_for(self.key))

    def renew(self, answer: Joined) -> None:
        """Take the new certificate, if it is one of our key; host, role and whom we obey stay."""
        found = authority.certificate_of(answer.certificate.encode())
        if found.public_key() == self.key.public_key():
            write(self.folder, CERTIFICATE, answer.certificate.encode())

    def lock(self) -> int:
        """Hold the folder for this process alone. Raises `UsageError`."""
        handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise UsageError(f"another {self.role} runs on {self.folder}", f"one {self.role} per host") from None
        return handle
