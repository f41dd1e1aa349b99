"""TLS 1.3 and nothing older, this fence's authority and no other, for both ends of the order channel."""

import ssl
from asyncio import sslproto
from pathlib import Path

from ringfence.errors import UsageError
from ringfence.transport.authority import Holder, holder

HANDSHAKE = 10.0
"""Seconds that a peer has to complete the handshake."""


def server_context(certificate: Path, key: Path, authority: Path) -> ssl.SSLContext:
    """The server's end. A peer may come without a certificate: it can join, and nothing else."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, authority.read_text("ascii"))
    context.verify_mode = ssl.CERT_OPTIONAL
    context.num_tickets = 0  # no resumption: every connection shows its certificate
    _load(context, certificate, key)
    return context


def client_context(authority: str, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """A node's end, before (no certificate) and after it is enrolled. `authority` is PEM."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT, authority)
    context.check_hostname = True
    if certificate and key:
        _load(context, certificate, key)
    return context


def peer_of(connection: ssl.SSLObject) -> Holder | None:
    """Whom the peer's verified certificate names; None where it showed none. Raises `InputError`."""
    der = connection.getpeercert(binary_form=True)
    return holder(der) if der else None


def for_many_connections() -> None:
    """Make what asyncio sets aside for each TLS connection 16 KiB, one record, in this process from now on.

    It is 256 KiB otherwise, cleared and so resident: 2.5 GB for ten thousand connections that say a line a minute.
    """
    sslproto.SSLProtocol.max_size = 16 << 10


def _context(protocol: int, authority: str) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    try:
        context.load_verify_locations(cadata=authority)
    except ssl.SSLError:
        raise UsageError("the fence's authority is not a certificate in PEM", "enrol again") from None
    return context


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"{certificate} and {key} do not work together: {error}", "enrol again") from None
