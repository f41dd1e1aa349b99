"""Signed notes: text with Ed25519 signatures, as https://c2sp.org/signed-note has them.

        the text, which ends in a newline
                                                   (an empty line)
        — name base64(key id ‖ signature)          (one line per key)

The key id is the first four bytes of SHA-256(name ‖ newline ‖ type ‖ public key). A reader is
configured with the keys it trusts and ignores every other line, which is how witnesses cosign
(https://c2sp.org/tlog-cosignature, type 4): their lines are kept in `Note.signatures`, as they are.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from ringfence.errors import InputError, MissingPart

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ED25519 = b"\x01"
"""The type of signature that this module makes and checks."""

LARGEST_NOTE = 1 << 20
"""Characters beyond which a note is refused unread: far above sixteen post-quantum signatures."""

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_DASH = "\u2014 "


class Signature(msgspec.Struct, frozen=True):
    """One signature line: whose, the four bytes of its key id, and what follows them."""

    name: str
    key_id: bytes
    blob: bytes


class Note(msgspec.Struct, frozen=True):
    """A note that parses. Nothing is known about its signatures yet; see `verified`."""

    text: str
    signatures: tuple[Signature, ...]


class Verifier(msgspec.Struct, frozen=True):
    """A key to check with: its name and the 32 bytes of an Ed25519 public key."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        checked_name(self.name)
        if len(self.public) != 32:
            raise InputError(f"the public key of {self.name} has {len(self.public)} bytes, Ed25519 has 32")

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart; no proof of anything."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        """The verifier key as text: `name+key id+base64(type ‖ public key)`."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> "Verifier":
        """The key in a line such as `str` gives. Raises `InputError`."""
        name, key_id, key = (*text.strip().split("+", 2), "", "")[:3]
        data = unbase64(key, "the key")
        if data[:1] != ED25519:
            raise InputError("a verifier key is name+id+base64 of type 1 (Ed25519) and the key")
        found = cls(name, data[1:])
        if found.key_id.hex() != key_id.lower():
            raise InputError(f"the id of the key of {name} is {found.key_id.hex()}, not {key_id[:8]}")
        return found

    def holds(self, text: bytes, signature: bytes) -> bool:
        """Whether `signature` over `text` was made with this key's other half."""
        from_cryptography = _ed25519()
        try:
            from_cryptography.Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except (_invalid_signature(), ValueError):
            return False
        return True


class Signer:
    """A private key with the name it signs under. It never shows itself: no `repr`, no text."""

    def __init__(self, name: str, key: "Ed25519PrivateKey") -> None:
        self._key = key
        self.verifier = Verifier(name, key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str) -> "Signer":
        """A new key from the system's randomness. Raises `MissingPart` without the extra."""
        return cls(name, _ed25519().Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> "Signer":
        """The key of a 32-byte seed (RFC 8032), as `seed` gave it. Raises `InputError`."""
        if len(seed) != 32:
            raise InputError(f"the private key of {name} has {len(seed)} bytes, Ed25519 has 32")
        return cls(name, _ed25519().Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def seed(self) -> bytes:
        """The secret itself, to be kept in a file that only its owner can read."""
        return self._key.private_bytes_raw()

    def sign(self, text: str) -> str:
        """The note of `text`, which must end in a newline and hold no other control characters."""
        if not text.endswith("\n") or _CONTROL.search(text):
            raise InputError("a note's text ends in a newline and has no control characters")
        blob = self.verifier.key_id + self.raw(text.encode())
        return f"{text}\n{_DASH}{self.verifier.name} {b64encode(blob).decode()}\n"

    def raw(self, message: bytes) -> bytes:
        """The 64 bytes of a signature over a message of another kind, which says at its beginning what it is."""
        return self._key.sign(message)


def parse(note: str) -> Note:
    """The text and the signature lines. Raises `InputError`."""
    if len(note) > LARGEST_NOTE or _CONTROL.search(note):
        raise InputError("a signed note is at most 1 MiB and has no control characters")
    text, empty, lines = note.rpartition("\n\n")
    if not empty or not text or not lines.endswith("\n"):
        raise InputError("a signed note is a text, an empty line and signature lines")
    return Note(f"{text}\n", tuple(_signature(line) for line in lines[:-1].split("\n")))


def verified(note: str, keys: Sequence[Verifier]) -> Note:
    """The note, once a key of `keys` has signed it and none of them wrongly. Raises `InputError`."""
    found = parse(note)
    known = {(key.name, key.key_id): key for key in keys}
    signed = [(known[one.name, one.key_id], one) for one in found.signatures if (one.name, one.key_id) in known]
    for key, one in signed:
        if not key.holds(found.text.encode(), one.blob):
            raise InputError(f"the signature of {key.name} does not fit the text", remedy="do not use it")
    if not signed:
        named = ", ".join(sorted({key.name for key in keys})) or "nobody"
        raise InputError(f"no key that is trusted here ({named}) has signed it", remedy="do not use it")
    return found


def checked_name(name: str) -> str:
    """A name that a key may have: not empty, no spaces, no plus. Raises `InputError`."""
    if not name or "+" in name or any(letter.isspace() or letter < " " for letter in name):
        raise InputError(f"{name!r} cannot name a key: it is empty, or has a space or a plus")
    return name


def _signature(line: str) -> Signature:
    name, space, data = line.removeprefix(_DASH).rpartition(" ")
    if not line.startswith(_DASH) or not space:
        raise InputError("a signature line is a dash, the key's name and base64")
    blob = unbase64(data, "a signature")
    if len(blob) < 5:
        raise InputError("a signature is longer than its key id")
    return Signature(checked_name(name), blob[:4], blob[4:])


def unbase64(text: str, what: str) -> bytes:
    """Standard base64, in the one spelling that its bytes have: no bit of a signed note is free."""
    try:
        data = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        data = b""
    if not data or b64encode(data).decode() != text:
        raise InputError(f"{what} is not base64")
    return data


def _ed25519() -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        raise MissingPart("signed checkpoints need cryptography", "pip install 'ringfence[fence]'") from None
    return ed25519


def _invalid_signature() -> type[Exception]:
    from cryptography.exceptions import InvalidSignature

    return InvalidSignature
