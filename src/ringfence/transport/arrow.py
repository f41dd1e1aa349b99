"""Record batches as bytes: Arrow's stream format, lz4, one schema and any number of batches a message.

record ──packed──▶ bytes ──unpacked──▶ record
"""

from collections.abc import Iterator

import pyarrow as pa

from ringfence.errors import InputError

_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4", unify_dictionaries=True, use_threads=False)
_READING = pa.ipc.IpcReadOptions(use_threads=False)
"""Columns are short: handing them to threads costs more than it saves."""


def packed(record: pa.RecordBatch) -> bytes:
    """A batch as bytes."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, record.schema, options=_OPTIONS) as stream:
        stream.write_batch(record)
    return bytes(sink.getvalue())


def unpacked(payload: bytes) -> pa.RecordBatch:
    """The batch of these bytes. Raises `InputError` for what is none, or damaged."""
    try:
        with pa.ipc.open_stream(payload, options=_READING) as stream:
            record = joined(list(stream), stream.schema)
        record.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"not a batch of events: {str(error).splitlines()[0]}") from None
    return record


def joined(records: list[pa.RecordBatch], schema: pa.Schema | None = None) -> pa.RecordBatch:
    """Some batches as one, in their order; a column that one lacks is null there. Coded columns become plain."""
    if len(records) == 1:
        return records[0]
    if not records:
        return pa.RecordBatch.from_pylist([], schema=schema or pa.schema([]))
    if any(one.schema != records[0].schema for one in records):
        records = [_plain(one) for one in records]
    tables = [pa.Table.from_batches([one]) for one in records]
    whole = pa.concat_tables(tables, promote_options="permissive").combine_chunks()
    return whole.to_batches()[0] if whole.num_rows else pa.RecordBatch.from_pylist([], schema=whole.schema)


def split(record: pa.RecordBatch, most: int) -> Iterator[tuple[pa.RecordBatch, bytes]]:
    """The batch in parts of at most `most` bytes each, packed. Raises `InputError` for a row that is larger alone."""
    payload = packed(record)
    if len(payload) <= most:
        yield record, payload
    elif any(pa.types.is_dictionary(one) for one in record.schema.types):  # each part would bring all of its texts
        yield from split(_plain(record), most)
    elif record.num_rows < 2:
        raise InputError(f"an event of {len(payload):,} bytes, the most is {most:,}")
    else:
        half = record.num_rows // 2
        yield from split(record.slice(0, half), most)
        yield from split(record.slice(half), most)


def _plain(record: pa.RecordBatch) -> pa.RecordBatch:
    arrays = [one.dictionary_decode() if pa.types.is_dictionary(one.type) else one for one in record.columns]
    return pa.RecordBatch.from_arrays(arrays, names=record.schema.names)
