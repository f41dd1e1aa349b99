"""Witnesses: cosignatures and what is asked of one, as https://c2sp.org/tlog-cosignature and tlog-witness have them.

        old 41                       how many entries the witness is believed to know
        base64 …                     the consistency proof from there, a hash a line
                                     (an empty line)
        the checkpoint               a signed note

The answer is signature lines of type 4: Ed25519 over `cosignature/v1`, the time, and the checkpoint's text.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from ringfence.errors import InputError
from ringfence.store.journal import checkpoint, merkle, notes
from ringfence.store.journal.checkpoint import Checkpoint

COSIGNATURE = b"\x04"
MOST_HASHES = 63
LARGEST = 1 << 16
"""Bytes of a request or an answer beyond which it is refused."""
SIZE_TYPE = "text/x.tlog.size"
_OLD = re.compile(r"\Aold (0|[1-9][0-9]{0,18})\Z", re.ASCII)


class Cosigner(msgspec.Struct, frozen=True):
    """A witness's key to check with: its name and the 32 bytes of an Ed25519 public key."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell its cosignatures from other lines."""
        return sha256(self.name.encode() + b"\n" + COSIGNATURE + self.public).digest()[:4]

    def __str__(self) -> str:
        """The key as text: `name+key id+base64(type ‖ public key)`."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(COSIGNATURE + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> "Cosigner":
        """The key in a line such as `str` gives. Raises `InputError`."""
        name, _, key = (*text.strip().split("+", 2), "", "")[:3]
        data = notes.unbase64(key, "the witness's key")
        if data[:1] != COSIGNATURE or len(data) != 33:
            raise InputError("a witness's key is name+id+base64 of type 4 (an Ed25519 cosigner) and the key")
        found = cls(notes.checked_name(name), data[1:])
        if str(found) != text.strip():
            raise InputError(f"the key of the witness {name} is spelled {found}")
        return found

    def time_of(self, text: str, signature: notes.Signature) -> int | None:
        """When this witness cosigned `text` (seconds since the epoch); None where this is not its cosignature."""
        if (signature.name, signature.key_id) != (self.name, self.key_id) or len(signature.blob) != 72:
            return None
        when = int.from_bytes(signature.blob[:8], "big")
        key = notes.Verifier(self.name, self.public)
        return when if when < 1 << 63 and key.holds(_message(text, when), signature.blob[8:]) else None


class Witness:
    """A witness's private half, with the name it cosigns under."""

    def __init__(self, signer: notes.Signer) -> None:
        self._signer = signer
        self.cosigner = Cosigner(signer.verifier.name, signer.verifier.public)

    def cosign(self, text: str, when: int) -> str:
        """Its line for the text of a checkpoint, at `when` seconds since the epoch."""
        blob = self.cosigner.key_id + when.to_bytes(8, "big") + self._signer.raw(_message(text, when))
        return f"\u2014 {self.cosigner.name} {b64encode(blob).decode()}\n"


class Asked(msgspec.Struct, frozen=True):
    """What a witness is asked."""

    old: int
    proof: tuple[bytes, ...]
    head: Checkpoint


def ask(old: int, proof: Sequence[bytes], note: str) -> bytes:
    """The body of `add-checkpoint`."""
    hashes = "".join(f"{b64encode(one).decode()}\n" for one in proof)
    return f"old {old}\n{hashes}\n{note}".encode()


def parse_ask(body: bytes) -> Asked:
    """What is asked. Raises `InputError`."""
    if len(body) > LARGEST:
        raise InputError(f"a request of {len(body)} bytes; a witness takes {LARGEST}")
    try:
        first, _, note = body.decode().partition("\n\n")
    except UnicodeDecodeError:
        raise InputError("a request to a witness is UTF-8") from None
    begin, *hashes = first.split("\n")
    old = _OLD.match(begin)
    if not old or len(hashes) > MOST_HASHES:
        raise InputError("a request begins with `old SIZE` and has at most 63 hashes")
    proof = tuple(notes.unbase64(one, "a hash of the proof") for one in hashes)
    if any(len(one) != merkle.HASH for one in proof):
        raise InputError("a hash of the proof is 32 bytes")
    return Asked(int(old[1]), proof, checkpoint.parse(note))


def cosigned(head: Checkpoint, answer: str, keys: Sequence[Cosigner]) -> str:
    """The head's note with those lines of a witness's answer that one of `keys` made. Raises `InputError` if none."""
    text = notes.parse(head.note).text
    found = [
        f"\u2014 {one.name} {b64encode(one.key_id + one.blob).decode()}\n"
        for one in notes.parse(f"{text}\n{answer}").signatures
        if any(key.time_of(text, one) is not None for key in keys)
    ]
    if not found:
        raise InputError("the answer has no cosignature of the witness that was asked")
    return head.note + "".join(found)


def cosigners(note: str, keys: Sequence[Cosigner]) -> dict[str, int]:
    """Which of `keys` cosigned this note, and when (seconds since the epoch). Raises `InputError` for no note."""
    found = notes.parse(note)
    times = ((key.name, key.time_of(found.text, one)) for one in found.signatures for key in keys)
    return {name: when for name, when in times if when is not None}


def _message(text: str, when: int) -> bytes:
    return f"cosignature/v1\ntime {when}\n{text}".encode()
