"""Ed25519 (RFC 8032) signatures over what `wire.orders` encodes; the primitive is `cryptography`'s.

Private keys are PKCS#8 PEM files of mode 0600, made where they are used and never sent.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ringfence.errors import InputError, UsageError
from ringfence.wire import orders
from ringfence.wire.orders import Envelope

Value = TypeVar("Value")


def new_key() -> Ed25519PrivateKey:
    """A new key from the system's random source."""
    return Ed25519PrivateKey.generate()


def private_pem(key: Ed25519PrivateKey) -> bytes:
    """The key as unencrypted PKCS#8 PEM."""
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def load_key(path: Path) -> Ed25519PrivateKey:
    """The key in a PEM file that only its owner can read. Raises `UsageError`."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(16384)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "`ringfence enrol` makes it") from None
    if mode & 0o077:
        raise UsageError(f"{path} can be read by others (mode {mode:04o})", f"chmod 600 {path}, and roll the key")
    try:
        key = serialization.load_pem_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UsageError(f"{path} is not a private key in PEM", "`ringfence enrol` makes it") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{path} is not an Ed25519 key", "`ringfence enrol` makes it")
    return key


def public_hex(key: Ed25519PrivateKey | Ed25519PublicKey) -> str:
    """The raw public half as 64 hexadecimal digits."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return public.public_bytes_raw().hex()


def signer_of(public: str) -> str:
    """The short name of a public key (hexadecimal) in envelopes."""
    return hashlib.sha256(bytes.fromhex(public)).hexdigest()[:16]


def seal(key: Ed25519PrivateKey, value: Any) -> Envelope:
    """A value of `wire.orders`, signed."""
    kind, payload = orders.kind_of(type(value)), orders.encode(value)
    return Envelope(kind, payload, signer_of(public_hex(key)), key.sign(orders.signed_bytes(kind, payload)))


def keyring(publics: Iterable[str]) -> Mapping[str, Ed25519PublicKey]:
    """Public keys (64 hexadecimal digits each) by the name that envelopes give them. Raises `InputError`."""
    try:
        raw = [bytes.fromhex(public) for public in publics]
        return {signer_of(one.hex()): Ed25519PublicKey.from_public_bytes(one) for one in raw}
    except ValueError:
        raise InputError("not an Ed25519 public key", remedy="64 hexadecimal digits") from None


def opened(envelope: Envelope, shape: type[Value], keys: Mapping[str, Ed25519PublicKey]) -> Value:
    """The value in an envelope that one of `keys` signed. Raises `InputError`: forged, another kind, malformed."""
    kind = orders.kind_of(shape)
    if envelope.kind != kind:
        raise InputError(f"forged: an envelope of kind {envelope.kind!r}, {kind!r} is wanted")
    key = keys.get(envelope.signer)
    if key is None:
        raise InputError(f"forged: signed by {envelope.signer}, which is no key that is trusted here")
    try:
        key.verify(envelope.signature, orders.signed_bytes(kind, envelope.payload))
    except InvalidSignature:
        raise InputError("forged: the signature does not fit") from None
    return orders.decode(envelope.payload, shape)
