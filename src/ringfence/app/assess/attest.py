"""What facts cannot decide, said by a named role and signed: `ringfence-attestation/1`.

        a.json      {"format":"ringfence-attestation/1","measure":"RF.W08","model":"*","role":"security",
                     "statement":"…","until":"2026-12-31"}
        a.json.sig  64 bytes, Ed25519 over the bytes of a.json (`openssl pkeyutl -sign -rawin -inkey K -in a.json`)

Whose key speaks for which role is said on the command line, never in the file.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec

from ringfence.assess.rand import MEASURE, Attested
from ringfence.errors import InputError, UsageError
from ringfence.estate.ids import clean

FORMAT = "ringfence-attestation/1"
LARGEST = 64 << 10
"""Bytes beyond which an attestation is not read."""


class Attestation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file. `model` is an entity or "*"; `until` is the last day on which it counts."""

    format: str
    measure: str
    model: str
    role: str
    statement: Annotated[str, msgspec.Meta(min_length=1, max_length=4_000)]
    until: date


class Refused(msgspec.Struct, frozen=True):
    """An attestation that does not count, and why."""

    file: str
    why: str


def attestations(
    files: Sequence[Path], keys: Mapping[str, Path], today: date, models: Collection[str]
) -> tuple[list[Attested], list[Refused]]:
    """(those that count, those that do not); `models`: those of the estate.

    Raises `InputError` for what is no attestation, `UsageError` for a key.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    known: dict[str, Ed25519PublicKey] = {}
    for role, path in keys.items():
        try:
            key = load_pem_public_key(_read(path))
        except ValueError:
            raise UsageError(f"{path} is no public key in PEM", "openssl pkey -in KEY -pubout writes one") from None
        if not isinstance(key, Ed25519PublicKey):
            raise UsageError(f"{path} is no Ed25519 key", "openssl genpkey -algorithm ed25519 makes one")
        known[role] = key
    counted, refused = [], []
    for path in files:
        data = _read(path)
        said = _parsed(path, data)
        signature = _read(path.with_name(path.name + ".sig"))
        why = _objection(said, known, today, models)
        if not why:
            try:
                known[said.role].verify(signature, data)
            except InvalidSignature:
                why = f"its signature is not that of {said.role}"
        if why:
            refused.append(Refused(path.name, why))
        else:
            counted.append(Attested(said.measure, said.model, said.role, said.until.isoformat()))
    return counted, refused


def _objection(said: Attestation, known: Mapping[str, object], today: date, models: Collection[str]) -> str:
    measure = MEASURE.get(said.measure)
    if measure is None or not measure.role:
        return f"{clean(said.measure)} is no measure that anybody may attest"
    if said.role != measure.role:
        return f"{clean(said.role)} may not attest {said.measure}; {measure.role} may"
    if said.role not in known:
        return f"no key is given for {said.role}: --role {said.role}=FILE.pem"
    if said.model != "*" and said.model not in models:
        return f'no model of this estate is called {clean(said.model)[:200]}: "*" is for all of them'
    return f"it ended on {said.until.isoformat()}" if said.until < today else ""


def _parsed(path: Path, data: bytes) -> Attestation:
    try:
        said = msgspec.json.decode(data, type=Attestation)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            f"{path.name}: no attestation: {error}"[:300], remedy="its shape is in docs/threats.md"
        ) from None
    if said.format != FORMAT:
        raise InputError(f"{path.name}: of format {clean(said.format)[:50]!r}; {FORMAT} is read")
    return said


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "an attestation is FILE and FILE.sig") from None
    if len(data) > LARGEST:
        raise InputError(f"{path.name}: more than {LARGEST} bytes")
    return data
