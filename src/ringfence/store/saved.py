"""Saved estates: one Arrow IPC file (zstd), one row per fact, readable by any Arrow tool.

Columns: subject, object (dictionary<int32, string>, one shared dictionary), predicate, attributes
(JSON text), source (dictionaries), observed_at (seconds, float64). The schema's metadata hold
`ringfence.schema` (version of this layout) and `ringfence.salt` (hex).

A saved estate is a thief's best map: files are created 0600, in place only once complete, and
`save(…, recipients=…)` encrypts them with age.
"""

import os
import tempfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ringfence.errors import EstateError, MissingPart, UsageError
from ringfence.estate.estate import Estate, Interned, Table
from ringfence.estate.facts import Scalar
from ringfence.estate.kinds import PREDICATES
from ringfence.store import plain

SCHEMA = 1
"""Version of the layout above. A reader refuses what it does not know."""

_RECORD = msgspec.json.Decoder(dict[str, Scalar])
_AGE = b"age-encryption.org/v1"
_ARROW = b"ARROW1"
_VERSION, _SALT = b"ringfence.schema", b"ringfence.salt"

LARGEST = 8 << 30
"""Bytes of a saved file, at most: some hundred million facts."""


def save(estate: Estate, path: Path, recipients: Sequence[str] = ()) -> None:
    """Write `estate` to `path`, whole or not at all; encrypted if age `recipients` are given."""
    buffer = BytesIO()
    table = _to_arrow(estate)
    with pa.ipc.new_file(buffer, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    data = buffer.getvalue()
    write_private(path, _encrypt(data, recipients) if recipients else data)


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, replacing what was there in one step.

    Raises `UsageError` where its folder takes none, or where a device, a pipe or a folder is of that name.
    """
    if path.exists() and (what := plain.kind(path.stat().st_mode)):
        raise UsageError(f"{path} is {what}, whose place no file takes", "name a file")
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise UsageError(f"{path.parent}: {error.strerror}", "name a folder that is there and can be written") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def load(path: Path, identity: Path | None = None) -> Estate:
    """Read a saved estate. `identity` is the age identity file for an encrypted one.

    Raises `EstateError` where the file is missing, no plain file, damaged, encrypted without an identity, or of
    another schema version.
    """
    try:
        data = plain.read(path, LARGEST, "`ringfence collect --from DIR -o FILE` makes one", (_ARROW, _AGE))
    except UsageError as error:
        raise EstateError(error.what, error.remedy) from None
    if data.startswith(_AGE):
        data = _decrypt(data, identity, path)
    return from_bytes(data, str(path))


def is_saved(path: Path) -> bool:
    """Whether a plain file begins as a saved estate does, encrypted or not."""
    return plain.begins_with(path, (_ARROW, _AGE))


def from_bytes(data: bytes, name: str = "estate") -> Estate:
    """The estate in the bytes of a saved file; `name` stands in errors."""
    damaged = EstateError(f"{name}: not a saved estate, or damaged", "collect it again")
    if not data.startswith(_ARROW):
        raise damaged
    try:
        table = pa.ipc.open_file(pa.BufferReader(data)).read_all().unify_dictionaries().combine_chunks()
        table.validate(full=True)
        metadata = table.schema.metadata or {}
        version = int(metadata.get(_VERSION, b"0"))
        salt = bytes.fromhex(metadata.get(_SALT, b"").decode("ascii"))
    except (pa.ArrowException, ValueError, OSError, UnicodeDecodeError):
        raise damaged from None
    if version != SCHEMA:
        remedy = "upgrade ringfence" if version > SCHEMA else "collect it again"
        raise EstateError(f"{name}: schema version {version}, this ringfence reads {SCHEMA}", remedy)
    try:
        return _from_arrow(table, salt)
    except (KeyError, IndexError, pa.ArrowException, AttributeError, TypeError, ValueError, msgspec.MsgspecError):
        raise damaged from None


def _to_arrow(estate: Estate) -> pa.Table:
    names = [name for name, table in estate.tables.items() if table.count]
    tables = [(estate.tables[name], estate.tables[name].live) for name in names]
    terms = pa.array(estate.terms.values, pa.string())
    dictionaries = {
        "subject": terms,
        "object": terms,
        "attributes": pa.array(estate.attribute_texts.values, pa.string()),
        "source": pa.array(estate.sources.values, pa.string()),
    }
    columns: dict[str, Any] = {
        field: pa.DictionaryArray.from_arrays(_column(field, tables, np.dtype(np.int32)), dictionary)
        for field, dictionary in dictionaries.items()
    }
    codes = [np.full(len(live), code, np.int32) for code, (_, live) in enumerate(tables)]
    columns["predicate"] = pa.DictionaryArray.from_arrays(
        np.concatenate([*codes, np.zeros(0, np.int32)]), pa.array(names, pa.string())
    )
    columns["observed_at"] = pa.array(_column("observed", tables, np.dtype(np.float64)))
    metadata = {_VERSION: str(SCHEMA).encode(), _SALT: estate.salt.hex().encode()}
    return pa.table(columns).replace_schema_metadata(metadata)


def _column(field: str, tables: Sequence[tuple[Table, NDArray[np.int64]]], kind: np.dtype[Any]) -> NDArray[Any]:
    return np.concatenate([*(getattr(table, field)[live] for table, live in tables), np.zeros(0, kind)])


def _from_arrow(table: pa.Table, salt: bytes) -> Estate:
    column = {name: _one(table.column(name)) for name in table.column_names}
    for name, values in column.items():
        if values.null_count or (name != "observed_at" and values.dictionary.null_count):
            raise ValueError(f"{name} has gaps")
    subject, object_ = column["subject"], column["object"]
    terms = Interned(subject.dictionary.to_pylist())
    objects = object_.indices.to_numpy()
    if not object_.dictionary.equals(subject.dictionary):
        codes = np.array([terms.code(term) for term in object_.dictionary.to_pylist()], np.int32)
        objects = codes[objects]
    arrays = (
        subject.indices.to_numpy(),
        objects,
        column["attributes"].indices.to_numpy(),
        column["source"].indices.to_numpy(),
        column["observed_at"].to_numpy(),
    )
    predicate = column["predicate"].indices.to_numpy()
    order = np.argsort(predicate, kind="stable")
    names = column["predicate"].dictionary.to_pylist()
    bounds = np.searchsorted(predicate[order], np.arange(len(names) + 1))
    tables = {
        name: Table(*(array[order[start:end]].copy() for array in arrays))
        for name, start, end in zip(names, bounds[:-1], bounds[1:], strict=True)
        if PREDICATES[name] and end > start
    }
    attributes = Interned(column["attributes"].dictionary.to_pylist())
    for text in attributes.values:
        _RECORD.decode(text)
    return Estate(terms, attributes, Interned(column["source"].dictionary.to_pylist()), tables, salt)


def _one(column: pa.ChunkedArray) -> Any:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _encrypt(data: bytes, recipients: Sequence[str]) -> bytes:
    age = _age()
    try:
        keys = [age.x25519.Recipient.from_str(recipient) for recipient in recipients]
    except age.RecipientError as error:
        raise EstateError(f"not an age recipient: {error}", "a recipient begins with age1") from None
    encrypted: bytes = age.encrypt(data, keys)
    return encrypted


def _decrypt(data: bytes, identity: Path | None, path: Path) -> bytes:
    if identity is None:
        raise EstateError(f"{path} is encrypted", "name the age identity file with --identity or $RINGFENCE_IDENTITY")
    age = _age()
    try:
        with identity.open("rb") as file:  # a pipe, too: keys are often handed over so
            lines = file.read(plain.SMALL).decode().splitlines()
        keys = [age.x25519.Identity.from_str(line.strip()) for line in lines if line.startswith("AGE-SECRET-KEY-")]
        decrypted: bytes = age.decrypt(data, keys)
    except (age.IdentityError, age.DecryptError, OSError, UnicodeDecodeError):
        raise EstateError(f"{path}: {identity} does not open it", "use the identity of one of its recipients") from None
    return decrypted


def _age() -> Any:
    try:
        import pyrage
    except ImportError:
        raise MissingPart("encrypted estates need pyrage", "pip install 'ringfence[seal]'") from None
    return pyrage
