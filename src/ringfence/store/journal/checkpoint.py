"""Checkpoints: the signed head of a log, as https://c2sp.org/tlog-checkpoint has it.

example.org/ringfence         the origin: which log
1041                          how many entries
CsUYapGGPo4d…                 base64 of the root over them

— example.org/ringfence …     a signed note
"""

import re
from base64 import b64encode
from collections.abc import Sequence

import msgspec

from ringfence.errors import InputError
from ringfence.store.journal import merkle, notes

_SIZE = re.compile(r"\A(?:0|[1-9][0-9]{0,18})\Z", re.ASCII)


class Checkpoint(msgspec.Struct, frozen=True):
    """What a head says. `note` is the whole text as signed, cosignatures of witnesses included."""

    origin: str
    size: int
    root: bytes
    note: str
    extensions: tuple[str, ...] = ()


def signed(origin: str, size: int, root: bytes, signer: notes.Signer) -> Checkpoint:
    """The head of a log, signed. Raises `InputError` for an origin that is empty or has several lines."""
    if not origin or "\n" in origin:
        raise InputError(f"{origin!r} cannot be the origin of a log: it is one line")
    note = signer.sign(f"{origin}\n{size}\n{b64encode(root).decode()}\n")
    return Checkpoint(origin, size, root, note)


def parse(note: str) -> Checkpoint:
    """What the head says, whoever signed it. Raises `InputError`."""
    lines = notes.parse(note).text[:-1].split("\n")
    if len(lines) < 3 or "" in lines or not _SIZE.match(lines[1]):
        raise InputError("a checkpoint is an origin, a size and a root, each on its line")
    origin, size, root, *extensions = lines
    found = notes.unbase64(root, "the root")
    if len(found) != merkle.HASH:
        raise InputError(f"the root has {len(found)} bytes, SHA-256 has 32")
    return Checkpoint(origin, int(size), found, note, tuple(extensions))


def verify_checkpoint(note: str, keys: Sequence[notes.Verifier], origin: str = "") -> Checkpoint:
    """The head, once one of the log's `keys` has signed it, for this `origin` if one is named. Raises `InputError`."""
    notes.verified(note, keys)
    found = parse(note)
    if origin and found.origin != origin:
        raise InputError(f"the checkpoint is of the log {found.origin!r}, not of {origin!r}")
    return found
